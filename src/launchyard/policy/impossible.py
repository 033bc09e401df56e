"""What can never start is refused at once, in one sentence with the numbers and with what would do."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from launchyard.model.errors import Infeasible
from launchyard.model.memory import humane_memory
from launchyard.model.node import Node
from launchyard.model.number import shown
from launchyard.model.partition import Partition
from launchyard.model.resources import WHOLE_GPU_MILLI, Request, format_cpus
from launchyard.policy.capacity import Capacity
from launchyard.policy.need import Need

SHOWN_MAX = 12


def refuse_impossible(request: Request, partition: Partition, capacity: Capacity) -> None:
    """Raise `Infeasible` when the request could not start though nothing else were there."""
    if request.nodelist or request.exclude:
        _refuse_names(request, partition, capacity)
    if request.licences:
        _refuse_licences(request, capacity)
    if capacity.holds(partition.name, request):
        return
    nodes = list(capacity.of_partition(partition.name).values())
    if not nodes:
        raise Infeasible(f"partition {partition.name} has no nodes; see `ly nodes`")
    if request.gpu_type or request.constraint:
        _refuse_words(request, partition, nodes, capacity)
    allowed = capacity.allowed(partition.name, request)
    if not allowed:
        raise Infeasible(
            f"no node of partition {partition.name} is left by what is asked of it together "
            "(type of GPU, constraint, nodes named and excluded); leave one of them out"
        )
    raise _too_much(request, partition, allowed, capacity)


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean n8?`, else the first of those there are."""
    every = list(known)
    near = get_close_matches(name[:80], every, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there are: {some(every)}" if every else "there are none"


def some(names: Collection[str]) -> str:
    """The names, or the first of many."""
    every = list(names)
    more = len(every) - SHOWN_MAX
    return ", ".join(every[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def _refuse_names(request: Request, partition: Partition, capacity: Capacity) -> None:
    for name in (*request.nodelist, *request.exclude):
        if name not in capacity.nodes:
            raise Infeasible(
                f"there is no node {shown(name)}; {nearest(name, capacity.nodes)}", code="no-node"
            )
    here = capacity.of_partition(partition.name)
    for name in request.nodelist:
        if name not in here:
            raise Infeasible(
                f"node {name} is not in partition {partition.name}, which has: {some(sorted(here))}"
            )
    if len(request.nodelist) and len(request.nodelist) < request.nodes:
        raise Infeasible(
            f"{request.nodes} nodes asked for, {len(request.nodelist)} named in --nodelist; "
            f"name more, or ask for --nodes {len(request.nodelist)}"
        )
    if here.keys() <= set(request.exclude):
        raise Infeasible(f"--exclude leaves no node of partition {partition.name}; exclude fewer")


def _refuse_licences(request: Request, capacity: Capacity) -> None:
    for name, count in request.licences:
        if name not in capacity.licences:
            near = nearest(name, sorted(capacity.licences))
            raise Infeasible(f"there is no licence {shown(name)}; {near}", code="no-licence")
        if count > capacity.licences[name]:
            there = capacity.licences[name]
            raise Infeasible(
                f"{count} of licence {name} asked for, there are {there}; ask for --licences {name}:{there}"
                " or less",
                code="no-licence",
            )


def _refuse_words(request: Request, partition: Partition, nodes: Sequence[Node], capacity: Capacity) -> None:
    """A type of GPU, or features, that no node of the partition has."""
    if request.gpu_type and not any(node.gpu_type == request.gpu_type for node in nodes):
        types = sorted({node.gpu_type for node in nodes if node.gpus and node.gpu_type})
        there = f"there are: {some(types)}" if types else _without_type(nodes)
        raise Infeasible(f"partition {partition.name} has no GPU of type {shown(request.gpu_type)}; {there}")
    bare = Request(constraint=request.constraint)
    if request.constraint and not capacity.allowed(partition.name, bare):
        features = sorted({feature for node in nodes for feature in node.features})
        there = f"there are: {some(features)}" if features else "no node has any; leave out --constraint"
        raise Infeasible(
            f"no node of partition {partition.name} has the features {shown(request.constraint)}; {there}",
            code="no-feature",
        )


def _without_type(nodes: Sequence[Node]) -> str:
    if any(node.gpus for node in nodes):
        return "its GPUs have no type; ask for a number alone"
    return "it has none; leave out --gpus"


def _too_much(
    request: Request, partition: Partition, allowed: Sequence[Node], capacity: Capacity
) -> Infeasible:
    """Of nodes that may be used there are too few, or they are too small."""
    need = Need.of(request)
    holding = [node for node in allowed if capacity.ledger.free[node.name].holds(need)]
    where = f"partition {partition.name}"
    if len(allowed) < need.nodes:
        narrowed = len(allowed) < len(capacity.of_partition(partition.name))
        kind = " of this kind" if narrowed else ""
        there = len(allowed)
        return Infeasible(
            f"{need.nodes} nodes asked for; {where} has {there}{kind}: ask for --nodes {there} or less",
            code="node-limit",
        )
    if not holding:
        return _too_large(request, need, allowed)
    if len(holding) < need.nodes:
        return Infeasible(
            f"{need.nodes} nodes with {_part(need)} each asked for; {where} has {len(holding)} such nodes: "
            f"ask for --nodes {len(holding)}, or for less of each"
        )
    room = sorted((capacity.ledger.free[node.name].tasks(need) for node in holding), reverse=True)
    fits, count = sum(room[: need.nodes_max]), min(need.nodes_max, len(room))
    nodes = "1 node holds" if count == 1 else f"{count} nodes hold"
    return Infeasible(
        f"{need.tasks} tasks with {_part(need)} each asked for; "
        f"{nodes} {fits} in {where}: ask for --ntasks {fits} or less",
        code="node-limit",
    )


def _part(need: Need) -> str:
    """`2 CPUs, 4 GiB and 1 GPU`."""
    cpus = format_cpus(need.cpus_milli)
    parts = [f"{cpus} CPU{'' if cpus == '1' else 's'}"]
    if need.memory_mib:
        parts.append(humane_memory(need.memory_mib))
    if need.gpus:
        parts.append(f"{need.gpus} GPU{'' if need.gpus == 1 else 's'}")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _too_large(request: Request, need: Need, nodes: Sequence[Node]) -> Infeasible:
    """Which of the wishes is too large for every node, with the largest there is."""
    cpus = max(node.cpus for node in nodes)
    memory_mib = max(node.memory_mib for node in nodes)
    gpus = max(node.gpus for node in nodes)
    parts = need.tasks or need.nodes
    each = "" if parts == 1 else f" for each of {parts} {'tasks' if need.tasks else 'nodes'}"
    if need.cpus_milli > cpus * 1000:
        asked = format_cpus(need.cpus_milli)
        return Infeasible(
            f"no node has {asked} CPUs{each}; the largest has {cpus}: ask for --cpus {cpus * parts} or less"
        )
    if need.memory_mib > memory_mib:
        return Infeasible(
            f"no node has {_memory(need.memory_mib)}{each}; the largest has {_memory(memory_mib)}: "
            f"ask for --mem {memory_mib * parts}M or less",
            code="memory",
        )
    if need.gpus > gpus:
        if not gpus:
            asked = f"{need.gpus * need.gpu_milli / WHOLE_GPU_MILLI:g}"
            return Infeasible(f"no node has a GPU, {asked} asked for; leave out --gpus")
        most = f"ask for --gpus {gpus * parts} or less"
        return Infeasible(f"no node has {need.gpus} GPUs{each}; the largest has {gpus}: {most}")
    return Infeasible(
        "no node has the CPUs, memory and GPUs asked for together; ask for less of one, see `ly nodes`"
    )


def _memory(mib: int) -> str:
    return f"{mib} MiB" if mib < 1024 else f"{mib / 1024:.3g} GiB"
