"""What is free on each node, and where a request fits.

CPU and GPU ids are bit masks, so that a copy to plan on costs a few integers a node. The controller owns one
ledger (the allocation table); a plan works on a copy. Never more is taken than exists: `take` refuses.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from launchyard.model.node import Node, NodeState
from launchyard.model.resources import Allocation, NodeShare, Request


@dataclass(slots=True)
class Free:
    """What one node has left. `open`: new work may start here."""

    cpus_milli: int
    memory_mib: int
    cpus: int
    gpus: int
    open: bool
    pinned: bool
    jobs: int = 0

    def copy(self) -> "Free":
        return Free(self.cpus_milli, self.memory_mib, self.cpus, self.gpus, self.open, self.pinned, self.jobs)

    def holds(self, need: "Need") -> bool:
        return (
            self.open
            and self.cpus_milli >= need.cpus_milli
            and self.memory_mib >= need.memory_mib
            and self.gpus.bit_count() >= need.gpus
        )

    def shrink_to(self, other: "Free") -> None:
        """Keep no more than `other` has; of the GPUs the lowest ids."""
        self.cpus_milli = min(self.cpus_milli, other.cpus_milli)
        self.memory_mib = min(self.memory_mib, other.memory_mib)
        if (gpus := other.gpus.bit_count()) < self.gpus.bit_count():
            self.gpus = _mask(_lowest(self.gpus, gpus))


@dataclass(frozen=True, slots=True)
class Need:
    """A request's part on one node."""

    cpus_milli: int
    memory_mib: int
    gpus: int

    @classmethod
    def of(cls, request: Request) -> "Need":
        nodes = request.nodes
        return cls(
            -(-request.cpus_milli // nodes), -(-request.memory_mib // nodes), -(-request.gpus // nodes)
        )


class Ledger:
    """Free CPUs, memory and GPUs by node name, in the order of the nodes given."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.free = {node.name: _whole(node) for node in nodes}

    def copy(self) -> "Ledger":
        twin = Ledger(())
        twin.free = {name: free.copy() for name, free in self.free.items()}
        return twin

    def exhausted(self) -> bool:
        """No open node has any CPU left, so nothing more can be placed."""
        return all(free.cpus_milli <= 0 or not free.open for free in self.free.values())

    def place(self, request: Request, nodes: Collection[str] | None = None) -> Allocation | None:
        """Where the request fits now: the fullest nodes that hold it (best fit on GPUs, then CPUs).

        `nodes` restricts to a partition; None means all. None is answered when it does not fit now.
        """
        need = Need.of(request)
        names = self.free if nodes is None else nodes
        fits = [name for name in names if (free := self.free.get(name)) is not None and free.holds(need)]
        if len(fits) < request.nodes:
            return None
        if len(fits) > 1:
            fits.sort(key=lambda name: (self.free[name].gpus.bit_count(), self.free[name].cpus_milli))
        return Allocation(shares=tuple(self._share(name, need) for name in fits[: request.nodes]))

    def take(self, allocation: Allocation) -> None:
        """Book an allocation; raises `ValueError` rather than hand out what is not there."""
        for share in allocation.shares:
            free = self.free[share.node]
            cpus, gpus = _mask(share.cpu_ids), _mask(share.gpu_ids)
            short = free.cpus_milli < share.cpus_milli or free.memory_mib < share.memory_mib
            if short or cpus & ~free.cpus or gpus & ~free.gpus:
                raise ValueError(f"node {share.node} has not got {share} free")
        for share in allocation.shares:
            self._book(share, -1)

    def take_any(self, allocation: Allocation) -> None:
        """Book as much as the allocation has, whichever ids these are: for a time that is yet to come."""
        for share in allocation.shares:
            free = self.free[share.node]
            free.cpus_milli -= share.cpus_milli
            free.memory_mib -= share.memory_mib
            free.gpus ^= _mask(_lowest(free.gpus, len(share.gpu_ids)))

    def release(self, allocation: Allocation) -> None:
        """Give back what `take` booked."""
        for share in allocation.shares:
            self._book(share, 1)

    def adopt(self, allocation: Allocation) -> None:
        """Book what is in use already, even where a node has become smaller than what runs on it."""
        for share in allocation.shares:
            self._book(share, -1)

    def _book(self, share: NodeShare, sign: int) -> None:
        free = self.free.get(share.node)
        if free is None:
            return
        free.cpus_milli += sign * share.cpus_milli
        free.memory_mib += sign * share.memory_mib
        free.jobs -= sign
        cpus, gpus = _mask(share.cpu_ids), _mask(share.gpu_ids)
        free.cpus, free.gpus = (
            (free.cpus | cpus, free.gpus | gpus) if sign > 0 else (free.cpus & ~cpus, free.gpus & ~gpus)
        )

    def _share(self, name: str, need: Need) -> NodeShare:
        free = self.free[name]
        whole, part = divmod(need.cpus_milli, 1000)
        pinned = free.pinned and not part and free.cpus.bit_count() >= whole
        return NodeShare(
            node=name,
            cpus_milli=need.cpus_milli,
            memory_mib=need.memory_mib,
            cpu_ids=_lowest(free.cpus, whole) if pinned else (),
            gpu_ids=_lowest(free.gpus, need.gpus),
        )


def _whole(node: Node) -> Free:
    return Free(
        cpus_milli=node.cpus * 1000,
        memory_mib=node.memory_mib,
        cpus=(1 << node.cpus) - 1,
        gpus=(1 << node.gpus) - 1,
        open=node.state is NodeState.UP,
        pinned=node.pinned,
    )


def _mask(ids: tuple[int, ...]) -> int:
    mask = 0
    for one in ids:
        mask |= 1 << one
    return mask


def _lowest(mask: int, count: int) -> tuple[int, ...]:
    """The `count` lowest ids of a mask."""
    ids = []
    for _ in range(count):
        low = mask & -mask
        ids.append(low.bit_length() - 1)
        mask ^= low
    return tuple(ids)
