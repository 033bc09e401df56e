"""Who makes room for an urgent job: the fewest jobs that will do, of these the youngest, and never more.

Only jobs of the QOS that the urgent one's QOS names make room. Jobs that are on their way out already count
as gone, so that nobody else is asked while they take their time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from launchyard.model.resources import NodeShare
from launchyard.policy.future import Holding
from launchyard.policy.index import Row
from launchyard.policy.ledger import Free, Ledger, book, book_cpus, positions

PAIRS_MAX = 64
"""On a node with more jobs than this, pairs and larger groups are not tried one by one."""


@dataclass(frozen=True, slots=True)
class Preemption:
    """`victims` (job ids) make room for this job."""

    job_id: int
    victims: tuple[int, ...]


def victims_for(
    ledger: Ledger,
    row: Row,
    nodes: int,
    holdings: Sequence[Holding],
    may_go: Callable[[Holding], bool],
) -> tuple[int, ...] | None:
    """Whose end lets the row's need fit on some of `nodes` (a mask). Empty: enough are going already.

    None: not even if all of them made room.
    """
    room = _Room(ledger, row, nodes, holdings, may_go)
    if room.fits(room.gone):
        return ()
    chosen = list(room.gone)
    while not room.fits(chosen):
        group = room.cheapest(chosen)
        if not group:
            return None
        chosen += group
    # Some were taken before others made them superfluous; the oldest are spared first.
    for one in sorted(chosen[len(room.gone) :], key=lambda holding: holding.since):
        rest = [other for other in chosen if other is not one]
        if room.fits(rest):
            chosen = rest
    return tuple(sorted(one.job_id for one in chosen if one not in room.gone))


class _Room:
    """What would be free on the nodes if certain jobs were gone."""

    def __init__(
        self,
        ledger: Ledger,
        row: Row,
        nodes: int,
        holdings: Sequence[Holding],
        may_go: Callable[[Holding], bool],
    ) -> None:
        self._ledger = ledger
        self._need = row.need
        self._nodes = [at for at in positions(nodes & row.allowed) if ledger.at[at].open]
        self.gone = [one for one in holdings if one.leaving]
        self._on: dict[int, list[Holding]] = {at: [] for at in self._nodes}
        for one in holdings:
            if not one.leaving and may_go(one):
                for name in one.allocation.nodes:
                    free = ledger.free.get(name)
                    if free is not None and free.position in self._on:
                        self._on[free.position].append(one)
        for candidates in self._on.values():
            candidates.sort(key=lambda holding: -holding.since)

    def fits(self, gone: Sequence[Holding]) -> bool:
        """Whether the need fits with these gone."""
        free = self._without(gone)
        if self._need.tasks:
            room = sorted((free[at].tasks(self._need) for at in self._nodes), reverse=True)
            return sum(room[: self._need.nodes_max]) >= self._need.tasks
        return sum(free[at].holds(self._need) for at in self._nodes) >= self._need.nodes

    def cheapest(self, gone: Sequence[Holding]) -> list[Holding]:
        """The fewest and youngest jobs whose end makes one more node hold the need; none: there are no
        such."""
        free = self._without(gone)
        best: list[Holding] = []
        for at in self._nodes:
            if free[at].holds(self._need) and not self._need.tasks:
                continue
            candidates = [one for one in self._on[at] if one not in gone]
            group = _fewest(self._need_met(free[at], at), candidates)
            if group and (not best or _rank(group) < _rank(best)):
                best = group
        return best

    def _need_met(self, free: Free, at: int) -> Callable[[Sequence[Holding]], bool]:
        need, name = self._need, self._ledger.names[at]
        before = free.tasks(need) if need.tasks else 0

        def met(going: Sequence[Holding]) -> bool:
            then = free.copy()
            for one in going:
                _give_back(then, one, name)
            return then.tasks(need) > before if need.tasks else then.holds(need)

        return met

    def _without(self, gone: Sequence[Holding]) -> dict[int, Free]:
        free = {at: self._ledger.at[at] for at in self._nodes}
        copied: set[int] = set()
        for one in gone:
            for share in one.allocation.shares:
                known = self._ledger.free.get(share.node)
                if known is None or known.position not in free:
                    continue
                if known.position not in copied:
                    copied.add(known.position)
                    free[known.position] = known.copy()
                _give(free[known.position], share, one)
        return free


def _fewest(met: Callable[[Sequence[Holding]], bool], candidates: Sequence[Holding]) -> list[Holding]:
    """The smallest group that does, youngest first among equals; candidates come youngest first."""
    if not met(candidates):
        return []
    for size in (1, 2) if len(candidates) <= PAIRS_MAX else (1,):
        for group in combinations(candidates, size):
            if met(group):
                return list(group)
    chosen: list[Holding] = []
    for one in candidates:
        chosen.append(one)
        if met(chosen):
            break
    for one in reversed(chosen):
        rest = [other for other in chosen if other is not one]
        if met(rest):
            chosen = rest
    return chosen


def _rank(group: Sequence[Holding]) -> tuple[int, float]:
    """Fewer first, then those whose oldest is the youngest."""
    return (len(group), -min(one.since for one in group))


def _give_back(free: Free, one: Holding, name: str) -> None:
    for share in one.allocation.shares:
        if share.node == name:
            _give(free, share, one)


def _give(free: Free, share: NodeShare, one: Holding) -> None:
    """What there is when it has made room."""
    if one.stays:
        book_cpus(free, share, 1)
    else:
        book(free, share, 1)
