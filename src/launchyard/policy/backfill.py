"""Who starts now: in order, and who comes later may go ahead if it delays nobody at the head.

The first jobs that do not fit get reservations, as many as the depth says: one is EASY backfill, all is
conservative backfill. A reservation is the earliest time at which enough will be free if every running job
uses its whole time limit; a later job may start now if it leaves every reservation what it needs. Sources: D.
Lifka, "The ANL/IBM SP Scheduling System", JSSPP 1995; A. Mu'alem and D. Feitelson, IEEE TPDS 12(6), 2001.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from launchyard.model.resources import Allocation
from launchyard.policy.future import Future, Holding, Reservation, Wish
from launchyard.policy.index import Row
from launchyard.policy.queue import Candidate, Walk
from launchyard.policy.snapshot import Snapshot

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
    """Start this job (the next task of it, if it is an array) on this allocation."""

    job_id: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start now, and for whom the rest is kept."""

    starts: tuple[Start, ...]
    reservations: tuple[Reservation, ...]


def plan(snapshot: Snapshot, *, starts_max: int = 256) -> Plan:
    """Decide what starts at `snapshot.now`; the starts are booked in the ledger as promises."""
    walk = Walk(snapshot.waiting, snapshot.limits, snapshot.seconds)
    starts, kept = fill(walk, _Nodes(snapshot), depth=snapshot.depth, starts_max=starts_max)
    return Plan(tuple(Start(one.job_id, allocation) for one, allocation in starts), tuple(kept))


class _Nodes:
    """The nodes of a cluster as a `Space`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._ledger = snapshot.ledger
        self._future = Future(snapshot.ledger, snapshot.now, snapshot.closures)
        self._started: list[Holding] = []
        self._classes: dict[int, tuple[Row, float]] = {}
        self._licences_kept: set[str] = set()

    def start(self, job: Candidate) -> Allocation | None:
        row, seconds = self._class(job)
        request = job.shape.request
        until = self._snapshot.now + seconds
        nodes = self._future.open_to(row.fits, seconds, request.reservation, self._snapshot.now)
        if self._future.reservations:
            nodes &= self._future.beside(row.need, until)
        if nodes.bit_count() < row.need.nodes or not self._has_licences(job):
            return None
        allocation = self._ledger.shares(request, row.need, nodes)
        if allocation is None or not self._future.leaves_enough(allocation, until):
            return None
        self._ledger.promise(allocation)
        self._future.use(allocation, until)
        self._started.append(Holding(until, job.job_id, allocation))
        return allocation

    def reserve(self, job: Candidate) -> Reservation | None:
        row, seconds = self._class(job)
        request = job.shape.request
        if not self._ledger.has_licences(request):
            # It waits for licences, not for nodes: those who come later may not take them from it.
            self._licences_kept |= {name for name, _ in request.licences}
            return None
        ends = sorted([*self._snapshot.holdings, *self._started])
        return self._future.reserve(Wish(job.job_id, row, seconds, request.reservation), ends)

    def _has_licences(self, job: Candidate) -> bool:
        licences = job.shape.request.licences
        if not licences:
            return True
        kept = any(name in self._licences_kept for name, _ in licences)
        return not kept and self._ledger.has_licences(job.shape.request)

    def _class(self, job: Candidate) -> tuple[Row, float]:
        """The row and the time limit of a candidate's shape; the row is as the ledger is now."""
        shape = job.shape
        known = self._classes.get(id(shape))
        if known is None:
            row = self._snapshot.index.row(shape.partition, shape.request)
            seconds = self._snapshot.seconds(shape.partition, shape.time_limit_s)
            known = self._classes[id(shape)] = (row, seconds)
        self._snapshot.index.refresh(known[0])
        return known
