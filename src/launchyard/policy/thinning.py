"""Very many waiting jobs, all unlike: those for which no node has CPUs and memory are left out at once."""

import math
from bisect import bisect_left
from collections.abc import Callable

from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.queue import Lane
from launchyard.policy.snapshot import Snapshot


class Thinning:
    """Lanes that need more than any node of their partition has free, once nothing is reserved any more.

    To tell them apart costs a look at each, which pays where there are at least `least` of them.
    """

    def __init__(self, snapshot: Snapshot, all_reserved: Callable[[], bool], *, least: int) -> None:
        """`all_reserved`: whether who does not start gets nothing else either."""
        self._ledger = snapshot.ledger
        self._index = snapshot.index
        self._preempts = snapshot.preempts
        self._all_reserved = all_reserved
        self._least = least
        self._room: int | None = None
        self._seen = -1

    def wanted(self, count: int) -> tuple[float, Callable[[Lane], bool]] | None:
        """As `queue.Thinned` says: something to ask when a node had that much free only before."""
        changes = len(self._ledger.changes)
        if count < self._least or changes == self._seen or not self._all_reserved():
            return None
        self._seen, room = changes, self._ledger.most_cpus()
        if room == self._room:
            return None
        self._room = room
        rooms = _Rooms(self._ledger, self._index)
        if not self._preempts:
            return room, lambda lane: rooms[lane.shape.partition].holds(lane)
        return math.inf, lambda lane: rooms[lane.shape.partition].holds(lane) or self._is_urgent(lane)

    def _is_urgent(self, lane: Lane) -> bool:
        """Others may make room for it."""
        return lane.party is not None and lane.party.qos in self._preempts


class _Room:
    """What nodes have free: rising CPUs, and with each the most memory beside so many or more."""

    def __init__(self, most: dict[int, int]) -> None:
        """`most` memory by CPUs."""
        self._cpus_milli = sorted(most)
        self._memory_mib = [most[cpus] for cpus in self._cpus_milli]
        for at in range(len(most) - 2, -1, -1):
            self._memory_mib[at] = max(self._memory_mib[at : at + 2])

    def holds(self, lane: Lane) -> bool:
        at = bisect_left(self._cpus_milli, lane.cpus_milli)
        return at < len(self._cpus_milli) and lane.memory_mib <= self._memory_mib[at]


class _Rooms(dict[str, _Room]):
    """By partition what its nodes have free; of those that are asked for."""

    def __init__(self, ledger: Ledger, index: Index) -> None:
        self._ledger = ledger
        self._index = index

    def __missing__(self, partition: str) -> _Room:
        room = self[partition] = _Room(self._ledger.most_memory(self._index.nodes_of(partition)))
        return room
