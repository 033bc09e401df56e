"""Which partitions there are on which nodes, when the rules meet the clusters as they are now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from launchyard.model.errors import Infeasible
from launchyard.model.number import shown
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.rules import Rules
from launchyard.policy.access import on_nodes

NOWHERE = "(no node)"
"""The only node of a partition whose cluster has none now: no list of nodes would mean all nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A cluster as far as rules meet it: its nodes, and the partitions that its engine has of its own."""

    name: str
    nodes: tuple[str, ...] = ()
    partitions: tuple[Partition, ...] = ()


def in_force(rules: Rules, grounds: Sequence[Ground]) -> Rules:
    """The rules on these clusters, the default one first: each partition with its nodes, each cluster with a
    partition. Where there is one cluster, a partition that names no nodes goes on having all there are."""
    if len(grounds) == 1 and not grounds[0].partitions:
        rules = replace(rules, partitions=_all_of(rules.partitions, grounds[0].name))
        return on_nodes(rules, grounds[0].nodes)
    found: dict[str, Partition] = {}
    for ground in grounds:
        found |= _on(ground, rules.partitions, found)
    for name, one in rules.partitions.items():
        if name not in found and not _is_only_built_in(rules.partitions):
            found[name] = replace(one, default=False, nodes=(NOWHERE,), state=PartitionState.INACTIVE)
    return replace(rules, partitions=found)


def chosen(
    partitions: Mapping[str, Partition], name: str | None, cluster: str | None, clusters: Sequence[str]
) -> Partition:
    """The partition that was asked for, by its own name, by that of its cluster, or by none: then the default
    one of the cluster, which is the first of `clusters`. Raises `Infeasible`."""
    if cluster is not None and cluster not in clusters:
        there = ", ".join(clusters)
        raise Infeasible(f"there is no cluster {shown(cluster)}; there are: {there}", code="no-cluster")
    if name is None:
        return _default_of(partitions, cluster or clusters[0])
    found = partitions.get(name)
    if found is None:
        raise Infeasible(
            f"there is no partition {name!r}; there are: {', '.join(partitions)}", code="no-partition"
        )
    if cluster not in (None, found.cluster):
        raise Infeasible(
            f"partition {name} is on cluster {found.cluster}, not on {cluster}; leave one of them out",
            code="no-partition",
        )
    return found


def _default_of(partitions: Mapping[str, Partition], cluster: str) -> Partition:
    mine = [one for one in partitions.values() if one.cluster == cluster]
    if not mine:
        sentence = f"cluster {cluster} has not told its partitions yet; try again, or see `ly status`"
        raise Infeasible(sentence, code="no-partition")
    return next((one for one in mine if one.default), mine[0])


def _all_of(partitions: Mapping[str, Partition], cluster: str) -> dict[str, Partition]:
    return {name: replace(one, cluster=cluster) for name, one in partitions.items()}


def _is_only_built_in(partitions: Mapping[str, Partition]) -> bool:
    return dict(partitions) == dict(Rules().partitions)


def _on(
    ground: Ground, told: Mapping[str, Partition], taken: Mapping[str, Partition]
) -> dict[str, Partition]:
    """The partitions of one cluster; a name that another cluster has already is not given twice."""
    mine = {name: _with_nodes(one, ground) for name, one in told.items() if one.cluster == ground.name}
    for own in ground.partitions:
        if own.name not in told and own.name not in taken:
            mine[own.name] = replace(own, cluster=ground.name, nodes=own.nodes or (NOWHERE,))
    if not mine:
        name = next(one for one in _names(ground.name) if one not in told and one not in taken)
        mine[name] = _with_nodes(Partition(name=name, cluster=ground.name, default=True), ground)
    if not any(one.default for one in mine.values()):
        first = next(iter(mine))
        mine[first] = replace(mine[first], default=True)
    return mine


def _names(cluster: str) -> Iterator[str]:
    yield cluster
    yield from (f"{cluster}-{number}" for number in count(2))


def _with_nodes(partition: Partition, ground: Ground) -> Partition:
    there = set(ground.nodes)
    here = tuple(name for name in partition.nodes if name in there) if partition.nodes else ground.nodes
    return replace(partition, nodes=here or (NOWHERE,))
