"""Why a job waits: one sentence whose numbers are those of the allocation table.

The same snapshot that the plan was made from answers, so the sentence and the plan cannot disagree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from launchyard.model.cluster import LOCAL
from launchyard.model.dependency import Dependency
from launchyard.model.job import Attempt, Job
from launchyard.model.node import Node, NodeState
from launchyard.model.reason import Reason
from launchyard.model.resources import WHOLE_GPU_MILLI, NodeShare, Request
from launchyard.policy.ledger import Free, Ledger
from launchyard.policy.need import Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the sentence is made of: the nodes the job may use, what is free, and who holds the rest.

    `licences` are all there are; `kept_for` the jobs for which the last plan keeps resources.
    """

    nodes: Sequence[Node]
    ledger: Ledger
    holders: Sequence[Job]
    licences: Mapping[str, int] = field(default_factory=dict)
    kept_for: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of resource is read from a request, the ledger, a node and a share of an allocation.

    CPUs and GPUs in thousandths, memory in MiB.
    """

    asked: Callable[[Need], int]
    free: Callable[[Ledger, Node], int]
    size: Callable[[Node], int]
    share: Callable[[NodeShare], int]


_KINDS = {
    "gpus": _Kind(
        lambda need: need.gpus * need.gpu_milli,
        lambda ledger, node: _gpus_free(ledger.free[node.name]),
        lambda node: node.gpus * WHOLE_GPU_MILLI,
        lambda share: len(share.gpu_ids) * share.gpu_milli,
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
    if job.held_by_admin:
        return Reason(
            code="held", scope="admin", sentence="is held by an administrator; ask one to release it"
        )
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


def suspended(job: Job, attempt: Attempt) -> Reason:
    """Why it stands still."""
    if attempt.yielded_to is None:
        return Reason(code="suspended", sentence=f"is suspended; `ly resume {job.id}` lets it go on")
    other = attempt.yielded_to
    return Reason(
        code="yielded", sentence=f"stands still to make room for job {other}; goes on when its CPUs are free"
    )


def engine_gone(cluster: str) -> Reason:
    whose = "the launcher, which" if cluster == LOCAL else f"cluster {cluster}, whose engine"
    return Reason(code="node-down", sentence=f"waits for {whose} does not answer at the moment")


def handed_over(job: Job) -> Reason:
    """Until its engine has said why."""
    sentence = f"waits in cluster {job.cluster}, whose engine decides when it starts"
    return Reason(code="engine", sentence=sentence)


def resources(job: Job, situation: Situation) -> Reason:
    """What there is too little of free: licences, whole nodes, CPUs, memory, GPUs; else who is ahead."""
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
    if (sentence := _licences_short(job.request, situation)) is not None:
        return Reason(code="licences", sentence=sentence)
    if _fits(need, open_nodes, situation.ledger):
        return _behind(job, situation)
    return Reason(code="resources", sentence=_short(need, open_nodes, situation))


def _fits(need: Need, nodes: Sequence[Node], ledger: Ledger) -> bool:
    """Whether enough is free now, were it not for others who wait."""
    room = [ledger.free[node.name] for node in nodes]
    if need.tasks:
        tasks = sorted((free.tasks(need) for free in room), reverse=True)
        return sum(tasks[: need.nodes_max]) >= need.tasks
    return sum(free.holds(need) for free in room) >= need.nodes


def _behind(job: Job, situation: Situation) -> Reason:
    """It would fit; what is free is kept for somebody ahead."""
    others = [job_id for job_id in situation.kept_for if job_id != job.id]
    if not others:
        return Reason(code="priority", sentence="lets those ahead go first")
    word = "job" if len(others) == 1 else "jobs"
    kept = _list([str(one) for one in others[:3]] + ([f"{len(others) - 3} more"] if len(others) > 3 else []))
    return Reason(code="priority", sentence=f"would delay {word} {kept}, which comes first")


def _short(need: Need, nodes: Sequence[Node], situation: Situation) -> str:
    """One sentence about what is short on the nodes that are open."""
    ledger = situation.ledger
    if need.exclusive:
        idle = sum(not ledger.free[node.name].jobs for node in nodes)
        what = "a whole node" if need.nodes == 1 else f"{need.nodes} whole nodes"
        return f"waits for {what}: {idle} of {len(nodes)} {'is' if idle == 1 else 'are'} idle"
    if need.tasks:
        room = sum(ledger.free[node.name].tasks(need) for node in nodes)
        return f"waits for room for {need.tasks} tasks of {_each(need)}: {room} fit now"
    if need.nodes > 1:
        fitting = sum(ledger.free[node.name].holds(need) for node in nodes)
        has = "has" if fitting == 1 else "have"
        count = f"{fitting} of {len(nodes)} {has} that free"
        return f"waits for {need.nodes} nodes with {_each(need)} each: {count}"
    for kind in _KINDS:
        sentence = _short_of(kind, need, nodes, situation)
        if sentence is not None:
            return sentence
    return f"waits for {_each(need)} on one node: no node has them free together"


def _each(need: Need) -> str:
    """What is asked of a node, or of each."""
    wanted = {kind: _KINDS[kind].asked(need) for kind in ("cpus", "memory", "gpus")}
    return _list([_amount(kind, value) for kind, value in wanted.items() if value] or ["no CPU"])


def _licences_short(request: Request, situation: Situation) -> str | None:
    for name, count in request.licences:
        free = situation.ledger.licences.get(name, 0)
        if free < count:
            total = situation.licences.get(name, 0)
            holders = [
                f"{job.id} ({job.user})"
                for job in situation.holders
                if job.attempt is not None and name in dict(job.attempt.allocation.licences)
            ]
            word = "licence" if count == 1 else "licences"
            return f"waits for {count} {word} of {name}: {total - free} of {total} are held{_by(holders)}"
    return None


def _could_hold(node: Node, need: Need) -> bool:
    """Whether it would fit if nothing else were there."""
    return all(by.size(node) >= by.asked(need) for by in _KINDS.values())


def with_ahead(reason: Reason, ahead: int) -> Reason:
    """The reason with how many wait before this job."""
    if not ahead:
        return reason if reason.code != "priority" else Reason(code="resources", sentence="starts next")
    return replace(reason, sentence=f"{reason.sentence}; ahead: {ahead} job{'s' if ahead > 1 else ''}")


def _short_of(kind: str, need: Need, nodes: Sequence[Node], situation: Situation) -> str | None:
    """The sentence for one kind when no node has enough of it free."""
    by = _KINDS[kind]
    wanted = by.asked(need)
    if not wanted or any(_has(kind, need, situation.ledger.free[node.name]) for node in nodes):
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


def _has(kind: str, need: Need, free: Free) -> bool:
    """Whether a node has enough of this kind, whatever of the others."""
    if kind == "gpus":
        return free.holds(replace(need, cpus_milli=0, memory_mib=0, exclusive=False))
    return (free.cpus_milli if kind == "cpus" else free.memory_mib) >= _KINDS[kind].asked(need)


def _by(holders: list[str]) -> str:
    if not holders:
        return ""
    word = "job" if len(holders) == 1 else "jobs"
    shown = holders[:3] + ([f"{len(holders) - 3} more"] if len(holders) > 3 else [])
    return f" by {word} {_list(shown)}"


def _gpus_free(free: Free) -> int:
    return free.gpus.bit_count() * WHOLE_GPU_MILLI + sum(free.parts.values())


def _amount(kind: str, value: int) -> str:
    if kind == "memory":
        return f"{_gib(value)} of memory"
    number = value / 1000
    word = "CPU" if kind == "cpus" else "GPU"
    return f"{number:g} {word}{'' if number <= 1 else 's'}"


def _amount_of(kind: str, used: int, total: int) -> str:
    if kind == "memory":
        return f"{_gib(used)} of {_gib(total)} are"
    return f"{used / 1000:g} of {total / 1000:g} are"


def _gib(mib: int) -> str:
    return f"{mib} MiB" if mib < 1024 else f"{mib / 1024:.4g} GiB"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
