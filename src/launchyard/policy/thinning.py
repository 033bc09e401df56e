"""Very many waiting jobs, all unlike: those for which no node has CPUs are left out of a pass all at once."""

from collections.abc import Callable

from launchyard.policy.queue import Lane
from launchyard.policy.snapshot import Snapshot


class Thinning:
    """Lanes that need more CPUs than any node has free, once nothing is reserved any more.

    To tell them apart costs a look at each, which pays where there are at least `least` of them.
    """

    def __init__(self, snapshot: Snapshot, all_reserved: Callable[[], bool], *, least: int) -> None:
        """`all_reserved`: whether who does not start gets nothing else either."""
        self._ledger = snapshot.ledger
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
        return lambda lane: lane.cpus_milli <= room or self._is_urgent(lane)

    def _is_urgent(self, lane: Lane) -> bool:
        """Others may make room for it."""
        return lane.party is not None and lane.party.qos in self._preempts
