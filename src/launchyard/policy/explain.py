"""Why a job waits: one sentence whose numbers are those of the allocation table.

The same snapshot that the plan was made from answers, so the sentence and the plan cannot disagree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from launchyard.model.dependency import Dependency
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.reason import Reason
from launchyard.model.resources import NodeShare
from launchyard.policy.ledger import Ledger
from launchyard.policy.need import Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the sentence is made of: the nodes the job may use, what is free, and who holds the rest."""

    nodes: Sequence[Node]
    ledger: Ledger
    holders: Sequence[Job]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of resource is read from a request, the ledger, a node and a share of an allocation."""

    asked: Callable[[Need], int]
    free: Callable[[Ledger, Node], int]
    size: Callable[[Node], int]
    share: Callable[[NodeShare], int]


_KINDS = {
    "gpus": _Kind(
        lambda need: need.gpus,
        lambda ledger, node: ledger.free[node.name].gpus.bit_count(),
        lambda node: node.gpus,
        lambda share: len(share.gpu_ids),
    ),
    "cpus": _Kind(
        lambda need: need.cpus_milli,
        lambda ledger, node: ledger.free[node.name].cpus_milli,
        lambda node: node.cpus * 1000,
        lambda share: share.cpus_milli,
    ),
    "memory": _Kind(
        lambda need: need.memory_mib,
        lambda ledger, node: ledger.free[node.name].memory_mib,
        lambda node: node.memory_mib,
        lambda share: share.memory_mib,
    ),
}


def held(job: Job) -> Reason:
    return Reason(code="held", sentence=f"is held; release it with `ly release {job.id}`")


def begins(when: str) -> Reason:
    return Reason(code="begin", sentence=f"is not to start before {when}")


def depends(dependency: Dependency, text: str) -> Reason:
    jobs = sorted({clause.job_id for clause in dependency.clauses})
    word = "job" if len(jobs) == 1 else "jobs"
    return Reason(
        code="dependency", sentence=f"waits for {word} {_list([str(one) for one in jobs])} ({text})"
    )


def throttled(job: Job) -> Reason:
    throttle = job.array.throttle if job.array is not None else None
    return Reason(code="throttle", sentence=f"runs as many tasks at once as its array allows ({throttle})")


def engine_gone() -> Reason:
    return Reason(code="node-down", sentence="waits for the launcher, which does not answer at the moment")


def resources(job: Job, situation: Situation) -> Reason:
    """The first of CPUs, memory, GPUs of which the nodes have too little free, else who is ahead."""
    need = Need.of(job.request)
    open_nodes = [node for node in situation.nodes if node.state is NodeState.UP]
    large = [node for node in situation.nodes if _could_hold(node, need)] or situation.nodes
    if sum(node in open_nodes for node in large) < job.request.nodes:
        closed = [
            f"{node.name} ({node.reason or node.state.value.lower()})"
            for node in large
            if node not in open_nodes
        ]
        return Reason(
            code="node-down", sentence=f"waits for a node that takes work: {_list(closed)} does not"
        )
    for kind in _KINDS:
        sentence = _short_of(kind, need, open_nodes, situation)
        if sentence is not None:
            return Reason(code="resources", sentence=sentence)
    return Reason(code="priority", sentence="lets those ahead go first")


def _could_hold(node: Node, need: Need) -> bool:
    """Whether it would fit if nothing else were there."""
    return all(by.size(node) >= by.asked(need) for by in _KINDS.values())


def with_ahead(reason: Reason, ahead: int) -> Reason:
    """The reason with how many wait before this job."""
    if not ahead:
        return reason if reason.code != "priority" else Reason(code="resources", sentence="starts next")
    return Reason(
        code=reason.code, sentence=f"{reason.sentence}; ahead: {ahead} job{'s' if ahead > 1 else ''}"
    )


def _short_of(kind: str, need: Need, nodes: Sequence[Node], situation: Situation) -> str | None:
    """The sentence for one kind when no node has enough of it free."""
    by = _KINDS[kind]
    wanted = by.asked(need)
    if not wanted or any(by.free(situation.ledger, node) >= wanted for node in nodes):
        return None
    total = sum(by.size(node) for node in nodes)
    used = total - sum(by.free(situation.ledger, node) for node in nodes)
    names = {node.name for node in nodes}
    holders = [
        f"{job.id} ({job.user})"
        for job in situation.holders
        if job.attempt is not None
        and any(share.node in names and by.share(share) for share in job.attempt.allocation.shares)
    ]
    return f"waits for {_amount(kind, wanted)}: {_amount_of(kind, used, total)} held{_by(holders)}"


def _by(holders: list[str]) -> str:
    if not holders:
        return ""
    word = "job" if len(holders) == 1 else "jobs"
    shown = holders[:3] + ([f"{len(holders) - 3} more"] if len(holders) > 3 else [])
    return f" by {word} {_list(shown)}"


def _amount(kind: str, value: int) -> str:
    if kind == "memory":
        return f"{_gib(value)} of memory"
    number = value / 1000 if kind == "cpus" else value
    word = "CPU" if kind == "cpus" else "GPU"
    return f"{number:g} {word}{'' if number == 1 else 's'}"


def _amount_of(kind: str, used: int, total: int) -> str:
    if kind == "memory":
        return f"{_gib(used)} of {_gib(total)} are"
    scale = 1000 if kind == "cpus" else 1
    return f"{used / scale:g} of {total / scale:g} are"


def _gib(mib: int) -> str:
    return f"{mib} MiB" if mib < 1024 else f"{mib / 1024:.4g} GiB"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
