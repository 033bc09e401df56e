"""Where a step goes within its job: which nodes, which tasks on which, which CPUs and GPUs are its own.

Pure. Defaults follow srun(1): the job's tasks on all its nodes. A step of whole nodes has all CPUs that the
job has there, and a task needs one; of any other a task has as many as a task of the job. A step keeps the
CPUs that it was given to itself (unless it overlaps), and memory and GPUs only where it names an amount; else
it may use what the job has of them on its nodes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from launchyard.model.errors import Conflict, Infeasible, Invalid
from launchyard.model.hostlist import compress, expand
from launchyard.model.job import Job
from launchyard.model.light import NamedTuple
from launchyard.model.parts import as_part
from launchyard.model.resources import NodeShare
from launchyard.model.step import Step, StepRequest, StepShare
from launchyard.slurm.environment import tasks_by_node
from launchyard.slurm.layout import ARBITRARY, lay_out, lay_out_as_listed, parse_distribution

TASKS_MAX = 100_000


class _Node(NamedTuple):
    """One node of the job: its share, the job's tasks there, and what open steps have left of it."""

    share: NodeShare
    tasks: int
    cpus_milli: int
    cpu_ids: tuple[int, ...]
    memory_mib: int
    gpu_ids: tuple[int, ...]


class _Laid(NamedTuple):
    """The nodes of the step with the ranks on each."""

    nodes: list[_Node]
    ranks: list[list[int]]


def place(ask: StepRequest, job: Job, steps: Iterable[Step]) -> tuple[StepShare, ...]:
    """What the step gets, given the open `steps` of the job.

    Raises `Infeasible` for more than the job has, `Conflict` (`step-busy`) while other steps hold it.
    """
    if job.parts or ask.group or ask.parts:
        return _in_parts(ask, job, list(steps))
    if job.attempt is None:
        raise Conflict(f"job {job.id} has no allocation")
    shares = in_order(job.attempt.allocation.shares)
    tasks = tasks_by_node(job.request, shares)
    whole = [
        _Node(share, max(1, count), share.cpus_milli, share.cpu_ids, share.memory_mib, share.gpu_ids)
        for share, count in zip(shares, tasks, strict=True)
    ]
    _check_nodes(ask, whole)
    shared = ask.overlap or not ask.exclusive
    ask = _feasible(ask, whole, job.id)
    open_steps = list(steps)
    free = [_left(node, open_steps, cpus=not shared, rest=not ask.overlap) for node in whole]
    try:
        return _given(ask, _laid(ask, free, job.id), keeps_cpus=not shared)
    except Infeasible:
        raise Conflict(
            f"other steps of job {job.id} hold what this one asks for; it can start when they have ended",
            code="step-busy",
        ) from None


def _in_parts(ask: StepRequest, job: Job, steps: Sequence[Step]) -> tuple[StepShare, ...]:
    """The same in parts of a job, one after the other; ranks and positions count on."""
    made: list[StepShare] = []
    for one in sorted((ask, *ask.parts), key=lambda one: one.group):
        if one.group >= max(1, len(job.parts)):
            raise Infeasible(f"job {job.id} has no part {one.group}; its parts count from 0")
        if any(share.part == one.group for share in made):
            raise Infeasible(f"part {one.group} of job {job.id} is named twice; name each once")
        here = [
            replace(step, shares=tuple(share for share in step.shares if share.part == one.group))
            for step in steps
        ]
        found = place(replace(one, group=0, parts=()), as_part(job, one.group), here)
        ranks = sum(len(share.tasks) for share in made)
        made += [_further(share, one.group, ranks, len(made)) for share in found]
    return tuple(made)


def _further(share: StepShare, part: int, ranks: int, position: int) -> StepShare:
    tasks = tuple(rank + ranks for rank in share.tasks)
    return replace(share, part=part, tasks=tasks, position=share.position + position)


def _feasible(ask: StepRequest, whole: list[_Node], job_id: int) -> StepRequest:
    """What can be given by the whole job: more tasks than the job has take one CPU each, if need be."""
    try:
        _given(ask, _laid(ask, whole, job_id), keeps_cpus=False)
    except Infeasible:
        narrow = replace(ask, cpus_per_task_milli=1000)
        if ask.cpus_per_task_milli is not None or all(_cpus_each(ask, node) <= 1000 for node in whole):
            raise
        _given(narrow, _laid(narrow, whole, job_id), keeps_cpus=False)
        return narrow
    return ask


def in_order(shares: Sequence[NodeShare]) -> list[NodeShare]:
    """As the node list of the job names them."""
    by_name = {share.node: share for share in shares}
    return [by_name[name] for name in expand(compress(list(by_name)))]


def _check_nodes(ask: StepRequest, nodes: list[_Node]) -> None:
    known = [node.share.node for node in nodes]
    for name in ask.nodelist:
        if name not in known:
            raise Infeasible(f"node {name!r} is not one of the job's: {compress(known)}")
    if ask.nodes is not None and ask.nodes > len(nodes):
        raise Infeasible(f"{ask.nodes} nodes are asked for, and the job has {len(nodes)}")


def _left(node: _Node, steps: Sequence[Step], *, cpus: bool, rest: bool) -> _Node:
    """What of the node is not kept by other steps; of CPUs that are shared those come first."""
    here = [share for step in steps for share in step.shares if share.node == node.share.node]
    kept_ids = {one for share in here if share.keeps_cpus for one in share.cpu_ids}
    own_ids = [one for one in node.cpu_ids if one not in kept_ids]
    if cpus:
        kept_milli = sum(share.cpus_milli for share in here if share.keeps_cpus)
        node = node._replace(cpus_milli=max(0, node.cpus_milli - kept_milli), cpu_ids=tuple(own_ids))
    else:
        node = node._replace(cpu_ids=(*own_ids, *(one for one in node.cpu_ids if one in kept_ids)))
    if not rest:
        return node
    kept_gpus = {one for share in here if share.keeps_gpus for one in share.gpu_ids}
    kept_mib = sum(share.memory_mib for share in here if share.keeps_memory)
    return node._replace(
        memory_mib=max(0, node.memory_mib - kept_mib),
        gpu_ids=tuple(one for one in node.gpu_ids if one not in kept_gpus),
    )


# ---- tasks and nodes


def _laid(ask: StepRequest, nodes: list[_Node], job_id: int) -> _Laid:
    """Nodes and ranks, by what the nodes have; raises `Infeasible` when it does not fit them."""
    try:
        method, plane = parse_distribution(ask.distribution)
    except ValueError as error:
        raise Invalid(f"distribution {ask.distribution!r} is not understood: {error}") from None
    tasks = _tasks(ask, nodes)
    if method == ARBITRARY and ask.nodelist:
        return _as_listed(ask, nodes, tasks)
    chosen = _chosen(ask, nodes, tasks)
    room = [_room(ask, node) for node in chosen]
    if sum(room) < tasks:
        raise Infeasible(_too_many(ask, tasks, sum(room), job_id))
    ranks = lay_out(tasks, room, method, plane)
    used = [(node, given) for node, given in zip(chosen, ranks, strict=True) if given]
    return _Laid([node for node, _ in used], [given for _, given in used])


def _as_listed(ask: StepRequest, nodes: list[_Node], tasks: int) -> _Laid:
    if len(ask.nodelist) != tasks:
        raise Infeasible(f"{tasks} tasks are asked for, and the list of nodes names {len(ask.nodelist)}")
    names, ranks = lay_out_as_listed(list(ask.nodelist))
    by_name = {node.share.node: node for node in nodes}
    laid = _Laid([by_name[name] for name in names], ranks)
    for node, given in zip(laid.nodes, ranks, strict=True):
        if len(given) > _room(ask, node):
            raise Infeasible(f"{len(given)} tasks do not fit on node {node.share.node}")
    return laid


def _tasks(ask: StepRequest, nodes: list[_Node]) -> int:
    """As asked, or as many as the job has (of fewer nodes: as many as it has there)."""
    tasks = ask.tasks
    if tasks is None and ask.tasks_per_node is not None:
        tasks = ask.tasks_per_node * _node_count(ask, len(nodes))
    if tasks is None and ask.distribution == ARBITRARY and ask.nodelist:
        tasks = len(ask.nodelist)
    if tasks is None:
        tasks = sum(node.tasks for node in nodes)
        if ask.nodes is not None or ask.nodelist:
            count = _node_count(ask, len(nodes))
            tasks = max(count, sum(sorted((node.tasks for node in nodes), reverse=True)[:count]))
    if tasks > TASKS_MAX:
        raise Infeasible(f"{tasks} tasks are asked for; a step has at most {TASKS_MAX}")
    return tasks


def _node_count(ask: StepRequest, all_nodes: int) -> int:
    named = len(dict.fromkeys(ask.nodelist))
    return max(ask.nodes, named) if ask.nodes is not None else named or all_nodes


def _chosen(ask: StepRequest, nodes: list[_Node], tasks: int) -> list[_Node]:
    """The first nodes that have room for the tasks, those that are named before others."""
    count = min(_node_count(ask, len(nodes)), tasks)
    named = [node for node in nodes if node.share.node in ask.nodelist][:count]
    others = [node for node in nodes if node not in named and _room(ask, node) > 0]
    first = [*named, *others[: count - len(named)]]
    if sum(_room(ask, node) for node in first) < tasks:
        others.sort(key=lambda node: -_room(ask, node))
        first = [*named, *others[: count - len(named)]]
    if len(first) < count:
        raise Infeasible(f"{count} nodes are asked for, and {len(first)} have room")
    return [node for node in nodes if node in first]


def _room(ask: StepRequest, node: _Node) -> int:
    """How many tasks fit on the node; none on one that is to be whole and is not."""
    if ask.whole_nodes and node.cpus_milli < node.share.cpus_milli:
        return 0
    each = _cpus_each(ask, node)
    room = node.cpus_milli // each if each else TASKS_MAX
    if node.share.memory_mib:
        room = min(room, _room_in_memory(ask, node, each))
    return room if ask.tasks_per_node is None else min(room, ask.tasks_per_node)


def _room_in_memory(ask: StepRequest, node: _Node, each: int) -> int:
    """How many tasks of so many thousandths of CPUs fit into what is left of the memory."""
    if ask.memory_mib or ask.whole_nodes:
        return TASKS_MAX if _memory_named(ask, node, node.share.cpus_milli) <= node.memory_mib else 0
    needed = _memory_named(ask, node, each)
    return node.memory_mib // needed if needed else TASKS_MAX


def _memory_named(ask: StepRequest, node: _Node, cpus_milli: int) -> int:
    """What is asked for by name, of so many CPUs of the node; 0: nothing is."""
    if ask.memory_mib or ask.memory_per_cpu_mib is None:
        return ask.memory_mib or 0
    each = ask.memory_per_cpu_mib or node.share.memory_mib * 1000 // node.share.cpus_milli
    return each * cpus_milli // 1000


def _cpus_each(ask: StepRequest, node: _Node) -> int:
    """Thousandths of CPUs of a task."""
    if ask.cpus_per_task_milli is not None:
        return ask.cpus_per_task_milli
    each = node.share.cpus_milli // node.tasks
    if ask.whole_nodes:
        return min(each, 1000)
    return each // 1000 * 1000 if each >= 1000 else each


def _too_many(ask: StepRequest, tasks: int, room: int, job_id: int) -> str:
    what = f"{tasks} tasks"
    if ask.cpus_per_task_milli:
        cpus = ask.cpus_per_task_milli / 1000
        what += f" of {cpus:g} CPU{'' if cpus == 1 else 's'} each"
    return f"{what} are asked for, and job {job_id} has room for {room}; ask for fewer, or overcommit"


# ---- what they get


def _given(ask: StepRequest, laid: _Laid, *, keeps_cpus: bool) -> tuple[StepShare, ...]:
    gpus = _gpus(ask, laid)
    return tuple(
        _share(ask, node, position, ranks, gpu_ids, keeps_cpus=keeps_cpus)
        for position, (node, ranks, gpu_ids) in enumerate(zip(laid.nodes, laid.ranks, gpus, strict=True))
    )


def _share(
    ask: StepRequest,
    node: _Node,
    position: int,
    ranks: list[int],
    gpu_ids: tuple[int, ...],
    *,
    keeps_cpus: bool,
) -> StepShare:
    each = _cpus_each(ask, node)
    whole = ask.whole_nodes or not each
    cpus_milli = node.share.cpus_milli if whole else len(ranks) * each
    ids = node.share.cpu_ids if whole else node.cpu_ids[: -(-cpus_milli // 1000)]
    memory_mib = _memory_named(ask, node, cpus_milli)
    return StepShare(
        node=node.share.node,
        position=position,
        tasks=tuple(ranks),
        cpus_milli=cpus_milli,
        cpu_ids=ids,
        memory_mib=memory_mib or node.share.memory_mib,
        gpu_ids=gpu_ids,
        keeps_cpus=keeps_cpus and (ask.whole_nodes or each > 0),
        keeps_memory=bool(memory_mib) and not ask.overlap,
        keeps_gpus=bool(ask.gpus) and not ask.overlap,
    )


def _gpus(ask: StepRequest, laid: _Laid) -> list[tuple[int, ...]]:
    """Those of the job on each node, or as many as asked, from the first node on, one a node in turn."""
    if ask.gpus is None:
        return [node.share.gpu_ids for node in laid.nodes]
    counts, left = [0] * len(laid.nodes), ask.gpus
    while left:
        before = left
        for i, node in enumerate(laid.nodes):
            if left and counts[i] < len(node.gpu_ids):
                counts[i] += 1
                left -= 1
        if left == before:
            raise Infeasible(f"{ask.gpus} GPUs are asked for, and {sum(counts)} are there")
    return [node.gpu_ids[:count] for node, count in zip(laid.nodes, counts, strict=True)]
