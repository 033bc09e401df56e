"""What will be free when, and what is kept for those who wait: reservations.

A reservation keeps nodes for a blocked job from the earliest time at which they will be free if everything
that runs uses its whole time limit. Beside it remains what those nodes have then and it does not need.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from launchyard.model.resources import Allocation
from launchyard.policy.index import Row
from launchyard.policy.ledger import Free, Ledger, book, positions
from launchyard.policy.need import Need
from launchyard.policy.spare import Share, Spare, share_of, take_any


@dataclass(frozen=True, slots=True, order=True)
class Holding:
    """An allocation in use, and when it must be free at the latest (seconds since 1970).

    `since` when it was given, for a job of which `qos`; `leaving`: its end was asked for, or has come.
    `stays`: making room, it would stand still and give back its CPUs alone.
    """

    until: float
    job_id: int = 0
    allocation: Allocation = field(compare=False, default=Allocation(shares=()))
    since: float = field(compare=False, default=0.0)
    qos: str = field(compare=False, default="")
    leaving: bool = field(compare=False, default=False)
    stays: bool = field(compare=False, default=False)


class Ends:
    """What is in use, in the order in which it must be free. One owner: the controller."""

    def __init__(self) -> None:
        self.in_order: list[Holding] = []
        self._of: dict[int, Holding] = {}

    def put(self, holding: Holding) -> None:
        """The job holds this until then."""
        known = self._of.get(holding.job_id)
        same = known is not None and known.until == holding.until
        if known is None or not same or (known.leaving, known.stays) != (holding.leaving, holding.stays):
            self.drop(holding.job_id)
            self._of[holding.job_id] = holding
            insort(self.in_order, holding)

    def drop(self, job_id: int) -> None:
        """The job holds nothing any more; one that held nothing is no error."""
        holding = self._of.pop(job_id, None)
        if holding is not None:
            del self.in_order[bisect_left(self.in_order, holding)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Nodes (a mask) kept from `start` to `end` for those who name it; an empty name is nobody's."""

    name: str
    start: float
    end: float
    nodes: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a blocked job needs: its row, for how long, and in which advance reservation."""

    job_id: int
    row: Row
    seconds: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The job gets `nodes` (a mask) at `at` at the latest, until `until`; `spare` is then free besides."""

    job_id: int
    at: float
    until: float
    nodes: int
    shares: dict[int, Share]
    spare: Spare


class Future:
    """The reservations of one pass, and what they leave to others."""

    def __init__(self, ledger: Ledger, now: float, closures: Sequence[Closure] = ()) -> None:
        self.reservations: list[Reservation] = []
        self.jobs = 0
        """For how many jobs they are."""
        self._ledger = ledger
        self._now = now
        self._closures = closures

    def open_to(self, allowed: int, seconds: float, name: str, at: float) -> int:
        """Those of the `allowed` nodes that no closure bars for `seconds` from `at`."""
        if not self._closures and not name:
            return allowed
        member = False
        for closure in self._closures:
            if name and closure.name == name:
                inside = closure.start <= at and at + seconds <= closure.end
                allowed &= closure.nodes if inside else 0
                member = True
            elif at < closure.end and at + seconds > closure.start:
                allowed &= ~closure.nodes
        return 0 if name and not member else allowed

    def moments(self, name: str | None) -> set[float]:
        """When what is kept under this name ends; None: when anything begins or ends that is kept."""
        if name is not None:
            return {closure.end for closure in self._closures if closure.name == name}
        times = {time for closure in self._closures for time in (closure.start, closure.end)}
        return times | {kept.at for kept in self.reservations}

    def beside(self, need: Need, until: float) -> int:
        """The nodes on which a job that ends at `until` delays no reservation, as a mask."""
        barred = 0
        for kept in self.reservations:
            if until > kept.at:
                barred |= kept.nodes & ~kept.spare.holding(need)
        return ~barred

    def leaves_enough(self, allocation: Allocation, until: float) -> bool:
        """Whether this very allocation leaves every reservation what it needs."""
        return all(until <= kept.at or kept.spare.covers(allocation) for kept in self.reservations)

    def use(self, allocation: Allocation, until: float) -> None:
        """A job starts: what it still holds when a reservation begins is not spare any more."""
        for kept in self.reservations:
            if until > kept.at:
                kept.spare.take(allocation)

    def reserve(self, wishes: Sequence[Wish], ends: Sequence[Holding]) -> bool:
        """Keep the earliest time at which all wishes of a job fit; False when that is not to be foreseen.

        A job has one, or one for each of its unlike parts.
        """
        first, *others = ((wish, _Walk(self._ledger, wish.row, ends)) for wish in wishes)
        for at, nodes in self._fitting(*first, self._moments(ends)):
            made = [self._reservation(*first, at, nodes)]
            if others:
                made += self._beside_first(made[0], others, at)
            if len(made) == len(wishes):
                for new in made:
                    self._keep(new)
                self.jobs += 1
                return True
        return False

    def _beside_first(
        self, first: Reservation, others: "Sequence[tuple[Wish, _Walk]]", at: float
    ) -> list[Reservation]:
        """The other parts at the same moment, as far as they fit; each is in the way of those that follow."""
        made, before = [first], len(self.reservations)
        for wish, walk in others:
            self.reservations.append(made[-1])
            found = next(self._fitting(wish, walk, [at]), None)
            if found is None:
                break
            made.append(self._reservation(wish, walk, at, found[1]))
        del self.reservations[before:]
        return made[1:]

    def _keep(self, new: Reservation) -> None:
        for kept in self.reservations:
            _divide(kept, new)
        self.reservations.append(new)

    def _reservation(self, wish: Wish, walk: "_Walk", at: float, nodes: int) -> Reservation:
        need, left = wish.row.need, wish.row.need.tasks
        shares: dict[int, Share] = {}
        spare: dict[int, Free] = {}
        for position in positions(nodes):
            shares[position] = share_of(need, self._room(walk, position, at, wish.seconds), left)
            left -= shares[position].tasks
            spare[position] = walk.free_at(position)
            take_any(spare[position], shares[position])
        return Reservation(wish.job_id, at, at + wish.seconds, nodes, shares, Spare(self._ledger, spare))

    def _fitting(self, wish: Wish, walk: "_Walk", moments: Sequence[float]) -> Iterator[tuple[float, int]]:
        """When enough nodes hold the need for as long as it takes, and which."""
        row = wish.row
        kept = 0
        for one in self.reservations:
            kept |= one.nodes & row.allowed
        for at in moments:
            walk.go_to(at)
            nodes = walk.fitting
            for position in positions(kept):
                bit = 1 << position
                holds = self._room(walk, position, at, wish.seconds).holds(row.need)
                nodes = nodes | bit if holds else nodes & ~bit
            nodes &= self.open_to(row.allowed, wish.seconds, wish.name, at)
            if nodes.bit_count() < row.need.nodes:
                continue
            if chosen := self._choose(row.need, nodes, walk, at, wish.seconds):
                yield at, chosen

    def _moments(self, ends: Sequence[Holding]) -> list[float]:
        """When more may be free than before."""
        moments = {max(self._now, holding.until) for holding in ends}
        moments |= {one.until for one in self.reservations}
        moments |= {max(self._now, time) for one in self._closures for time in (one.start, one.end)}
        if self.reservations or self._closures:
            moments.add(self._now)
        return sorted(moments)

    def _choose(self, need: Need, nodes: int, walk: "_Walk", at: float, seconds: float) -> int:
        if not need.tasks:
            return sum(1 << position for position in self._ledger.choose(nodes, need.nodes, need.nodes))
        room = [(self._room(walk, one, at, seconds).tasks(need), -one) for one in positions(nodes)]
        room.sort(reverse=True)
        mask, left = 0, need.tasks
        for number, (count, minus) in enumerate(room[: need.nodes_max]):
            if left <= 0 and number >= need.nodes:
                break
            mask |= 1 << -minus
            left -= count
        return mask if left <= 0 else 0

    def _room(self, walk: "_Walk", position: int, at: float, seconds: float) -> Free:
        """What a node has free all the while beside the reservations made so far."""
        room = self._free_beside(walk, position, at)
        for one in self.reservations:
            if at < one.at < at + seconds and one.nodes >> position & 1:
                room.shrink_to(self._free_beside(walk, position, one.at))
        return room

    def _free_beside(self, walk: "_Walk", position: int, at: float) -> Free:
        free = walk.free_later(position, at)
        for one in self.reservations:
            if one.at <= at < one.until and position in one.shares:
                take_any(free, one.shares[position])
        return free


def _divide(kept: Reservation, new: Reservation) -> None:
    """Two reservations share nodes: what one holds when the other begins is not spare there."""
    if new.at <= kept.at < new.until:
        kept.spare.take_shares(new.shares)
    if kept.at <= new.at < kept.until:
        new.spare.take_shares(kept.shares)


class _Walk:
    """The ledger played forward along the ends of what runs; only nodes that change are copied."""

    def __init__(self, ledger: Ledger, row: Row, ends: Sequence[Holding]) -> None:
        self.row = row
        self.fitting = row.fits
        self._ledger = ledger
        self._ends = ends
        self._position = 0
        self._later: dict[int, Free] = {}

    def go_to(self, at: float) -> None:
        """Give back what must be free by then."""
        ends, nodes = self._ends, self._ledger.free
        while self._position < len(ends) and ends[self._position].until <= at:
            for share in ends[self._position].allocation.shares:
                now = nodes.get(share.node)
                if now is None or not self.row.allowed >> now.position & 1:
                    continue
                free = self._later.get(now.position)
                if free is None:
                    free = self._later[now.position] = now.copy()
                book(free, share, 1)
                if free.holds(self.row.need):
                    self.fitting |= 1 << now.position
            self._position += 1

    def free_at(self, position: int) -> Free:
        """A copy of what the node has free at the moment walked to."""
        return (self._later.get(position) or self._ledger.at[position]).copy()

    def free_later(self, position: int, at: float) -> Free:
        """A copy of what it has free at a later moment."""
        free = self.free_at(position)
        name = self._ledger.names[position]
        for number in range(self._position, len(self._ends)):
            holding = self._ends[number]
            if holding.until > at:
                break
            for share in holding.allocation.shares:
                if share.node == name:
                    book(free, share, 1)
        return free
