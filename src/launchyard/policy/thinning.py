"""Very many waiting jobs, all unlike: those for which no node has CPUs are left out of a pass all at once."""

from collections.abc import Callable

from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.queue import Lane
from launchyard.policy.snapshot import Snapshot


class Thinning:
    """Lanes that need more CPUs than any node of their partition has free, once nothing is reserved any more.

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

    def wanted(self, count: int) -> Callable[[Lane], bool] | None:
        """As `queue.Thinned` says: something to ask when a node had that much free only before."""
        changes = len(self._ledger.changes)
        if count < self._least or changes == self._seen or not self._all_reserved():
            return None
        self._seen, room = changes, self._ledger.most_cpus()
        if room == self._room:
            return None
        self._room = room
        rooms = _Rooms(self._ledger, self._index)
        return lambda lane: lane.cpus_milli <= rooms[lane.shape.partition] or self._is_urgent(lane)

    def _is_urgent(self, lane: Lane) -> bool:
        """Others may make room for it."""
        return lane.party is not None and lane.party.qos in self._preempts


class _Rooms(dict[str, int]):
    """By partition the most CPUs that a node of it has free; of those that are asked for."""

    def __init__(self, ledger: Ledger, index: Index) -> None:
        self._ledger = ledger
        self._index = index

    def __missing__(self, partition: str) -> int:
        room = self[partition] = self._ledger.most_cpus(self._index.nodes_of(partition))
        return room
