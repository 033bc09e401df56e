"""From what was asked to a request that can be planned: defaults filled in, tasks and nodes made to agree.

Tasks of which every node gets the same number are told by `tasks_per_node` alone: they are equal parts of
nodes. Only tasks that may be spread as they fit are told by `tasks`.
"""

from dataclasses import dataclass, replace

from launchyard.model.errors import Invalid
from launchyard.model.partition import Partition
from launchyard.model.resources import WHOLE_GPU_MILLI, Request
from launchyard.model.submission import PartAsked, Submission, Update
from launchyard.model.wishes import Wishes
from launchyard.policy.capacity import KNOWN_MAX, Capacity

DRIVER_MEMORY_MIB = 64
"""What a job without CPUs gets, which only starts others and waits for them."""


@dataclass(frozen=True, slots=True)
class _Spread:
    """Over how many nodes a job goes, and with how many tasks; as in `Request`."""

    nodes: int
    nodes_max: int | None
    tasks: int | None
    tasks_per_node: int | None

    @property
    def tasks_least(self) -> int:
        return self.tasks or self.nodes * (self.tasks_per_node or 1)


def request_of(submission: Submission | PartAsked, partition: Partition, capacity: Capacity) -> Request:
    """What a submission, or a further part of one, asks for. Raises `Invalid`.

    Equal wishes get one and the same request: many jobs ask alike, and it is compared often.
    """
    asked = (
        submission.nodes,
        submission.gpus,
        submission.cpus_milli,
        submission.memory_mib,
        submission.wishes,
    )
    key = (partition.name, *asked)
    known = capacity.requests.get(key)
    if known is None:
        known = _request(*asked, partition, capacity)
        if len(capacity.requests) >= KNOWN_MAX:
            capacity.requests.clear()
        capacity.requests[key] = known
    return known


def amended(request: Request, update: Update, partition: Partition, capacity: Capacity) -> Request:
    """The request with other wishes. Raises `Invalid`."""
    if update.gpus is None and update.nodes is None and update.wishes is None and update.memory_mib != 0:
        return replace(
            request,
            cpus_milli=request.cpus_milli if update.cpus_milli is None else update.cpus_milli,
            memory_mib=request.memory_mib if update.memory_mib is None else update.memory_mib,
        )
    wishes, new = wishes_of(request), update.wishes or Wishes()
    changed = {name: value for name in Wishes.__slots__ if (value := getattr(new, name)) is not None}
    if update.nodes is not None and new.nodes_max is None:
        changed["nodes_max"] = None
    if update.gpus is not None:
        changed = {"gpu_milli": None, "gpu_type": None, **changed}
    return _request(
        request.nodes if update.nodes is None else update.nodes,
        request.gpus if update.gpus is None else update.gpus,
        request.cpus_milli if update.cpus_milli is None else update.cpus_milli,
        request.memory_mib if update.memory_mib is None else update.memory_mib,
        replace(wishes, **changed),
        partition,
        capacity,
    )


def wishes_of(request: Request) -> Wishes:
    """What was asked, of what it became."""
    per_node = request.tasks_per_node
    return Wishes(
        nodes_max=request.nodes_max,
        tasks=request.tasks or (request.nodes * per_node if per_node and request.nodes_max is None else None),
        tasks_per_node=per_node if request.tasks or request.nodes_max else None,
        gpu_type=request.gpu_type or None,
        gpu_milli=request.gpu_milli,
        exclusive=request.exclusive,
        constraint=request.constraint,
        nodelist=request.nodelist,
        exclude=request.exclude,
        licences=request.licences,
        reservation=request.reservation,
    )


def _request(
    nodes: int | None,
    gpus: int,
    cpus_milli: int | None,
    memory_mib: int | None,
    wishes: Wishes,
    partition: Partition,
    capacity: Capacity,
) -> Request:
    refuse_contradictions(gpus, wishes)
    if cpus_milli is not None and cpus_milli < 0:
        raise Invalid(f"{cpus_milli / 1000:g} CPUs asked for; ask for 0 or more")
    spread = _spread(nodes, gpus, wishes, partition)
    if not spread.tasks and gpus % spread.nodes:
        equal = -(-gpus // spread.nodes) * spread.nodes
        raise Invalid(
            f"{gpus} GPU{'' if gpus == 1 else 's'} cannot be divided equally among {spread.nodes} nodes; "
            f"ask for --gpus {equal}, or for other --nodes"
        )
    cpus_milli = 1000 * spread.tasks_least if cpus_milli is None else cpus_milli
    request = Request(
        cpus_milli=cpus_milli,
        gpus=gpus,
        nodes=spread.nodes,
        nodes_max=spread.nodes_max,
        tasks=spread.tasks,
        tasks_per_node=spread.tasks_per_node,
        gpu_type=wishes.gpu_type or "",
        gpu_milli=WHOLE_GPU_MILLI if wishes.gpu_milli is None or not gpus else wishes.gpu_milli,
        exclusive=bool(wishes.exclusive),
        constraint=wishes.constraint or "",
        nodelist=tuple(sorted(set(wishes.nodelist or ()))),
        exclude=tuple(sorted(set(wishes.exclude or ()))),
        licences=wishes.licences or (),
        reservation=wishes.reservation or "",
    )
    whole = request.exclusive and not spread.tasks
    if whole:
        request = _of_whole_nodes(request, partition, capacity)
    parts = request.tasks or request.nodes
    if memory_mib == 0 or (memory_mib is None and whole):
        memory_mib = capacity.whole_memory(partition.name, request) * spread.nodes
        memory_mib -= memory_mib % parts
    elif memory_mib is None:
        memory_mib = _default_memory(request, partition, capacity)
    elif memory_mib % parts:
        # Each part is rounded up; nearly all of a node is rounded down, or it would fit nowhere.
        most = capacity.whole_memory(partition.name, request) * spread.nodes
        memory_mib -= memory_mib % parts if memory_mib <= most < memory_mib - memory_mib % -parts else 0
    return replace(request, memory_mib=memory_mib)


def _of_whole_nodes(request: Request, partition: Partition, capacity: Capacity) -> Request:
    """With all that the smallest nodes which hold it have: so much it takes at least, and limits count."""
    nodes = capacity.fitting(partition.name, request)
    if not nodes:
        return request
    cpus = min(node.cpus for node in nodes) * request.nodes
    gpus = min(node.gpus for node in nodes) * request.nodes
    return replace(request, cpus_milli=max(request.cpus_milli, cpus * 1000), gpus=max(request.gpus, gpus))


def _default_memory(request: Request, partition: Partition, capacity: Capacity) -> int:
    """The CPUs' share of the node that has the least memory a CPU; equal parts of it together fit there."""
    share = capacity.memory_a_cpu(partition.name, request)
    if not share:
        return 0
    if not request.cpus_milli:
        return DRIVER_MEMORY_MIB
    parts = request.tasks or request.nodes
    return max(1, int(share * request.cpus_milli / 1000 / parts)) * parts


def refuse_contradictions(gpus: int, wishes: Wishes) -> None:
    """Raises `Invalid` for wishes that no cluster could grant."""
    if wishes.gpu_type and not gpus:
        raise Invalid(
            f"GPUs of type {wishes.gpu_type} asked for, but none of them; write --gpus {wishes.gpu_type}:1"
        )
    if gpus and wishes.gpu_milli not in (None, WHOLE_GPU_MILLI) and wishes.exclusive:
        raise Invalid("--exclusive gives all of a node; leave it out, or ask for whole GPUs")
    both = set(wishes.nodelist or ()) & set(wishes.exclude or ())
    if both:
        raise Invalid(
            f"node {min(both)} is in --nodelist and in --exclude; leave it out of one of them", code="no-node"
        )


def _spread(nodes: int | None, gpus: int, wishes: Wishes, partition: Partition) -> _Spread:
    """Nodes that are named are all used, unless fewer are asked for."""
    named = len(set(wishes.nodelist or ()))
    tasks, per_node = wishes.tasks, wishes.tasks_per_node
    least = nodes or named or 1
    if tasks is not None and per_node is not None:
        least = max(least, -(-tasks // per_node))
    most = wishes.nodes_max or (least if nodes or named else None)
    if most is not None and most < least:
        what = (
            f"{tasks} tasks of which {per_node} go on a node need" if per_node and tasks else "the fewest are"
        )
        raise Invalid(f"{what} {least} nodes, and at most {most} asked for; ask for --nodes {least} or more")
    if gpus and wishes.gpu_milli not in (None, WHOLE_GPU_MILLI) and max(least, tasks or 1, per_node or 1) > 1:
        raise Invalid("a part of a GPU goes to one task on one node; ask for whole GPUs, or for one task")
    if tasks is None:
        return _Spread(least, wishes.nodes_max, None, per_node)
    if tasks < least:
        raise Invalid(
            f"{tasks} task{'s' if tasks > 1 else ''} cannot use {least} nodes; "
            f"ask for --ntasks {least} or more, or --nodes {tasks}"
        )
    return _of_tasks(tasks, per_node, least, most, gpus, partition)


def _of_tasks(
    tasks: int, per_node: int | None, least: int, most: int | None, gpus: int, partition: Partition
) -> _Spread:
    most = max(least, min(tasks, most or tasks, partition.nodes_max or tasks))
    fixed = most == least
    # GPUs that are fewer than tasks are shared by them: then every node gets as many as any other.
    shared = gpus > 0 and gpus % tasks != 0
    if (fixed or shared) and tasks % least == 0:
        return _Spread(least, None, None, tasks // least)
    if shared:
        raise Invalid(
            f"{gpus} GPU{'s' if gpus > 1 else ''} cannot be divided among {tasks} tasks on {least} nodes; "
            f"ask for a number of tasks that {least} divides"
        )
    return _Spread(least, most, tasks, per_node)
