"""Who starts now: in order, and who comes later may go ahead if it delays nobody at the head.

The first jobs that do not fit get reservations, as many as the depth says: one is EASY backfill, all is
conservative backfill. A reservation is the earliest time at which enough will be free if every running job
uses its whole time limit; a later job may start now if it leaves every reservation what it needs. Sources: D.
Lifka, "The ANL/IBM SP Scheduling System", JSSPP 1995; A. Mu'alem and D. Feitelson, IEEE TPDS 12(6), 2001.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from launchyard.model.resources import Allocation
from launchyard.policy.future import Future, Holding, Reservation
from launchyard.policy.index import Row
from launchyard.policy.parts import fit, wishes_of
from launchyard.policy.preempt import Preemption, victims_for
from launchyard.policy.queue import Candidate, Walk
from launchyard.policy.snapshot import Snapshot
from launchyard.policy.thinning import Thinning

THIN_FROM = 500
"""From so many lanes on it pays to leave out at once those for which there is no room."""

JobT = TypeVar("JobT", contravariant=True)
YieldedT = TypeVar("YieldedT")
PlaceT = TypeVar("PlaceT", covariant=True)
KeptT = TypeVar("KeptT", covariant=True)


class Waiting(Protocol[YieldedT]):
    """The waiting jobs of one pass."""

    def walk(self) -> Iterator[YieldedT]:
        """First to start first."""

    def block(self, job: YieldedT) -> None:
        """The job that was told last does not fit: leave out what cannot fit either."""


class Space(Protocol[JobT, PlaceT, KeptT]):
    """Where jobs go: nodes with their resources, or the processors of a trace."""

    def start(self, job: JobT) -> PlaceT | None:
        """Give the job its place if it fits now and delays no reservation."""

    def reserve(self, job: JobT) -> KeptT | None:
        """Keep the earliest time at which it fits."""


def fill(
    waiting: Waiting[YieldedT], space: Space[YieldedT, PlaceT, KeptT], *, depth: int, starts_max: int
) -> tuple[list[tuple[YieldedT, PlaceT]], list[KeptT]]:
    """The pass itself: what starts where, and for whom time is kept."""
    starts: list[tuple[YieldedT, PlaceT]] = []
    kept: list[KeptT] = []
    for job in waiting.walk():
        place = space.start(job)
        if place is None:
            waiting.block(job)
            if len(kept) < depth and (reservation := space.reserve(job)) is not None:
                kept.append(reservation)
        else:
            starts.append((job, place))
            if len(starts) >= starts_max:
                break
    return starts, kept


@dataclass(frozen=True, slots=True)
class Start:
    """Start this job (the next task of it, if it is an array) on this allocation.

    `time_limit_s`: with a shorter limit than it asked for, as its minimum allows; None: with its own.
    """

    job_id: int
    allocation: Allocation
    time_limit_s: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start now, and for whom the rest is kept."""

    starts: tuple[Start, ...]
    kept_for: tuple[int, ...]
    """The jobs that get a reservation."""
    reservations: tuple[Reservation, ...] = ()
    """What it is, where somebody came after them or it was asked for."""
    preemptions: tuple[Preemption, ...] = ()


def plan(
    snapshot: Snapshot, *, starts_max: int = 256, foresee: bool = True, thin_from: int = THIN_FROM
) -> Plan:
    """Decide what starts at `snapshot.now`; the starts are booked in the ledger as promises.

    Without `foresee` reservations are made only as far as somebody comes after whom they are for. From
    `thin_from` lanes on, those that cannot start for want of CPUs and memory are left out all at once.
    """
    nodes = _Nodes(snapshot)
    thinning = Thinning(snapshot, nodes.all_reserved, least=thin_from)
    walk = Walk(snapshot.waiting, snapshot.limits, snapshot.seconds, thinning)
    # How many get a reservation the nodes count themselves: one that can never be kept is none.
    starts, _ = fill(walk, nodes, depth=len(snapshot.waiting), starts_max=starts_max)
    if foresee:
        nodes.foresee()
    return Plan(
        starts=tuple(Start(one.job_id, to.allocation, to.time_limit_s) for one, to in starts),
        kept_for=nodes.kept_for(),
        reservations=tuple(nodes.future.reservations),
        preemptions=tuple(nodes.preemptions),
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """An allocation, and the time limit with which it fits when that is not the job's own."""

    allocation: Allocation
    time_limit_s: int | None = None


class _Nodes:
    """The nodes of a cluster as a `Space`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._ledger = snapshot.ledger
        self.future = Future(snapshot.ledger, snapshot.now, snapshot.closures)
        self.preemptions: list[Preemption] = []
        self._going: set[int] = set()
        self._started: list[Holding] = []
        self._blocked: list[Candidate] = []
        self._classes: dict[int, tuple[Row, float]] = {}
        self._licences_kept: set[str] = set()
        self._for_urgent = 0
        """Reservations of jobs for which others make room; they do not count for the depth."""

    def start(self, job: Candidate) -> Placed | None:
        """Where the job goes; one that does not fit may make others go, and then keeps what they leave."""
        if not self._has_licences(job):
            return None
        row, seconds = self._class(job)
        placed = self._fit(job, row, seconds, None) or self._fit_shorter(job, row, seconds)
        if placed is None:
            self._make_room(job, row, seconds)
            return None
        until = self._snapshot.now + (placed.time_limit_s or seconds)
        self._ledger.promise(placed.allocation)
        self.future.use(placed.allocation, until)
        self._started.append(Holding(until, job.job_id, placed.allocation))
        return placed

    def _fit(self, job: Candidate, row: Row, seconds: float, time_limit_s: int | None) -> Placed | None:
        """Where it fits for so long, if it delays nobody for whom something is kept."""
        if job.shape.parts:
            self.foresee()
            found = fit(self._snapshot, self.future, job.shape.parts, seconds)
            return None if found is None else Placed(found, time_limit_s)
        if row.fits.bit_count() < row.need.nodes:
            return None
        self.foresee()
        now, request = self._snapshot.now, job.shape.request
        nodes = self.future.open_to(row.fits, seconds, request.reservation, now)
        if self.future.reservations:
            nodes &= self.future.beside(row.need, now + seconds)
        missed: list[int] = []
        allocation = self._ledger.shares(request, row.need, nodes, missed)
        self._snapshot.index.forget(row, missed)
        if allocation is None or not self.future.leaves_enough(allocation, now + seconds):
            return None
        return Placed(allocation, time_limit_s)

    def _fit_shorter(self, job: Candidate, row: Row, seconds: float) -> Placed | None:
        """With a shorter limit, not below its minimum, that ends when something is kept or its own ends."""
        least = job.shape.time_min_s
        if least is None and not job.shape.until_reservation_ends:
            return None
        moments = self.future.moments(job.shape.request.reservation if least is None else None)
        for limit in sorted({int(at - self._snapshot.now) for at in moments}, reverse=True):
            if (least or 1) <= limit < seconds and (placed := self._fit(job, row, limit, limit)) is not None:
                return placed
        return None

    def reserve(self, job: Candidate) -> int | None:
        """Its id; which time is kept for it, is found when somebody comes later. None: enough have one."""
        request = job.shape.request
        if not self._ledger.has_licences(request):
            # It waits for licences, not for nodes: those who come later may not take them from it.
            self._licences_kept |= {name for name, _ in request.licences}
            return None
        if self._is_kept_for(job):
            return None
        self.foresee()
        if self.all_reserved():
            return None
        self._blocked.append(job)
        return job.job_id

    def all_reserved(self) -> bool:
        """Whether as many have a reservation as get one."""
        if self.future.jobs + len(self._blocked) - self._for_urgent >= self._snapshot.depth:
            self.foresee()
        return self.future.jobs - self._for_urgent >= self._snapshot.depth

    def kept_for(self) -> tuple[int, ...]:
        """The jobs that have a reservation, or get one when somebody comes after them."""
        kept = [one.job_id for one in self.future.reservations]
        return tuple(dict.fromkeys([*kept, *(one.job_id for one in self._blocked)]))

    def foresee(self) -> None:
        """Make the reservations of those who were blocked so far."""
        for job in self._blocked:
            any(self.future.reserve(one, self._ends()) for one in wishes_of(self._snapshot, job))
        self._blocked.clear()

    def _ends(self) -> list[Holding]:
        """What is in use, in the order of its ends; those who are leaving may be gone at any moment."""
        now = self._snapshot.now
        going = [
            replace(one, until=now) if one.leaving or one.job_id in self._going else one
            for one in self._snapshot.holdings
        ]
        return sorted([*going, *self._started])

    def _is_kept_for(self, job: Candidate) -> bool:
        return job.job_id in self.kept_for()

    def _make_room(self, job: Candidate, row: Row, seconds: float) -> None:
        """Ask the fewest others to go, and keep for this job what they leave, whatever the depth."""
        may_go = self._snapshot.preempts.get(job.qos)
        if not may_go or job.shape.parts or self._is_kept_for(job):
            return
        self.foresee()
        now = self._snapshot.now
        nodes = self.future.open_to(row.allowed, seconds, job.shape.request.reservation, now)
        nodes &= self.future.beside(row.need, now + seconds)
        holdings = [
            replace(one, leaving=True) if one.job_id in self._going else one
            for one in self._snapshot.holdings
        ]
        victims = victims_for(self._ledger, row, nodes, holdings, lambda one: one.qos in may_go)
        if victims is None:
            return
        if victims:
            self.preemptions.append(Preemption(job.job_id, victims))
            self._going.update(victims)
        self._blocked.append(job)
        self.foresee()
        self._for_urgent += self._is_kept_for(job)

    def _has_licences(self, job: Candidate) -> bool:
        licences = job.shape.request.licences
        if not licences:
            return True
        kept = any(name in self._licences_kept for name, _ in licences)
        return not kept and self._ledger.has_licences(job.shape.request)

    def _class(self, job: Candidate) -> tuple[Row, float]:
        """The row and the time limit of a candidate's shape; no node that holds it is missing in the row."""
        shape = job.shape
        known = self._classes.get(id(shape))
        if known is None:
            row = self._snapshot.index.widest(shape.partition, shape.request)
            seconds = self._snapshot.seconds(shape.partition, shape.time_limit_s)
            known = self._classes[id(shape)] = (row, seconds)
        return known
