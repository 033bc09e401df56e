"""What the nodes hold when nothing runs: the planner's own tables over an empty cluster.

Whether a request can ever start is asked of the same code that places it, so the two cannot disagree. Made
anew when nodes, partitions or licences change; a class of requests is looked at once.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace

from launchyard.model.node import Node, NodeState
from launchyard.model.partition import Partition
from launchyard.model.resources import Allocation, Part, Request
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger, positions
from launchyard.policy.parts import place

KNOWN_MAX = 1_024

Key = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]


class Capacity:
    """The nodes as if all were open and empty, and all licences there."""

    def __init__(
        self,
        nodes: Iterable[Node],
        partitions: Mapping[str, Partition],
        licences: Mapping[str, int] | None = None,
    ) -> None:
        self.nodes = {node.name: replace(node, state=NodeState.UP) for node in nodes}
        self.licences = dict(licences or {})
        self.ledger = Ledger(self.nodes.values())
        self._partitions = partitions
        self._index = Index(self.ledger, self.nodes.values(), partitions)
        self._kinds = _kinds(self.nodes.values(), self.ledger)
        self._of_partition: dict[str, dict[str, Node]] = {}
        self._memory_a_cpu: dict[Key, float] = {}
        self._holds: dict[tuple[str, Request], bool] = {}
        self.requests: dict[Hashable, Request] = {}
        """What `policy.asking` made of what was asked for."""

    def holds(self, partition: str, request: Request) -> bool:
        """Whether the request could start if nothing else were there."""
        key = (partition, request)
        if (known := self._holds.get(key)) is not None:
            return known
        if len(self._holds) >= KNOWN_MAX:
            self._holds.clear()
        self._holds[key] = holds = self._place(partition, request) is not None
        return holds

    def holds_together(self, parts: tuple[Part, ...]) -> bool:
        """Whether unlike parts could start at once if nothing else were there."""
        self.ledger.licences = dict(self.licences)
        return place(self.ledger, self._index, parts, lambda part, row: row.fits) is not None

    def _place(self, partition: str, request: Request) -> Allocation | None:
        row = self._index.row(partition, request)
        nodes = row.fits
        if row.need.tasks:
            # Of nodes that are alike no more need to be looked at than may be taken.
            nodes = sum(_lowest(nodes & kind, row.need.nodes_max) for kind, _ in self._kinds)
        return self.ledger.shares(request, row.need, nodes)

    def allowed(self, partition: str, request: Request) -> list[Node]:
        """The nodes that the request may use."""
        every = list(self.nodes.values())
        return [every[position] for position in positions(self._index.allowed(partition, request))]

    def of_partition(self, partition: str) -> Mapping[str, Node]:
        """The nodes of a partition that are there, by name."""
        known = self._of_partition.get(partition)
        if known is None:
            names = self._partitions[partition].nodes if partition in self._partitions else ()
            known = {name: self.nodes[name] for name in names or self.nodes if name in self.nodes}
            self._of_partition[partition] = known
        return known

    def memory_a_cpu(self, partition: str, request: Request) -> float:
        """MiB a CPU of the allowed node that has the least: what a job gets that asks for no memory."""
        key = (partition, request.gpu_type, request.constraint, request.nodelist, request.exclude)
        known = self._memory_a_cpu.get(key)
        if known is None:
            if len(self._memory_a_cpu) >= KNOWN_MAX:
                self._memory_a_cpu.clear()
            nodes = self.allowed(partition, request) or self.of_partition(partition).values()
            known = min((node.memory_mib / max(node.cpus, 1) for node in nodes), default=0.0)
            self._memory_a_cpu[key] = known
        return known

    def whole_memory(self, partition: str, request: Request) -> int:
        """All memory of the smallest allowed node that holds the rest of what is asked of one node."""
        kinds = self.fitting(partition, replace(request, memory_mib=0))
        return min((node.memory_mib for node in kinds), default=0)

    def fitting(self, partition: str, request: Request) -> list[Node]:
        """One of each kind of node that holds the part of one node, or of one task."""
        fits = self._index.row(partition, request).fits
        return [node for kind, node in self._kinds if fits & kind]


def _kinds(nodes: Iterable[Node], ledger: Ledger) -> list[tuple[int, Node]]:
    """The nodes (a mask) of each size, with one of them."""
    masks: dict[tuple[int, int, int], int] = {}
    first: dict[tuple[int, int, int], Node] = {}
    for node in nodes:
        size = (node.cpus, node.memory_mib, node.gpus)
        masks[size] = masks.get(size, 0) | ledger.free[node.name].bit
        first.setdefault(size, node)
    return [(mask, first[size]) for size, mask in masks.items()]


def _lowest(mask: int, count: int) -> int:
    """The `count` lowest nodes of a mask; all when there are no more."""
    if mask.bit_count() <= count:
        return mask
    rest = mask
    for _ in range(count):
        rest &= rest - 1
    return mask ^ rest
