"""EASY backfill: first come, first served, and who comes later may go ahead if it delays nobody at the head.

The first job that does not fit gets a reservation: the earliest time at which enough will be free if every
running job uses its whole time limit. A later job may start now if it ends by then, or if what it takes is
not needed by the reservation. Source: D. Lifka, "The ANL/IBM SP Scheduling System", JSSPP 1995; A. Mu'alem
and D. Feitelson, IEEE TPDS 12(6), 2001.
"""

import heapq
from dataclasses import dataclass

from launchyard.model.resources import Allocation
from launchyard.policy.ledger import Ledger
from launchyard.policy.queue import Lane, Shape
from launchyard.policy.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Start:
    """Start this job (the next task of it, if it is an array) on this allocation."""

    job_id: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Reservation:
    """The head job gets `allocation` at `at` at the latest; `spare` is what is then free besides."""

    job_id: int
    at: float
    allocation: Allocation
    spare: Ledger


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start now, and for whom the rest is kept."""

    starts: tuple[Start, ...]
    reservation: Reservation | None


def plan(snapshot: Snapshot, *, starts_max: int = 256) -> Plan:
    """Decide what starts at `snapshot.now`; at most `starts_max` of them."""
    free = snapshot.ledger.copy()
    heads = [(lane.entries[0], n, 0) for n, lane in enumerate(snapshot.waiting.lanes())]
    lanes = snapshot.waiting.lanes()
    heapq.heapify(heads)
    starts: list[Start] = []
    reservation: Reservation | None = None
    while heads and len(starts) < starts_max:
        (_, job_id), n, position = heapq.heappop(heads)
        lane = lanes[n]
        count = min(snapshot.waiting.counts[job_id], starts_max - len(starts))
        placed = _start_many(snapshot, free, reservation, lane.shape, count)
        starts += [Start(job_id, allocation) for allocation in placed]
        if len(placed) == count:
            _push_next(heads, lane, n, position + 1)
        elif reservation is None:
            reservation = _reserve(snapshot, free, starts, job_id, lane.shape)
        if free.exhausted():
            break
    return Plan(tuple(starts), reservation)


def _push_next(
    heads: list[tuple[tuple[tuple[int, int, int], int], int, int]], lane: Lane, n: int, at: int
) -> None:
    if at < len(lane.entries):
        heapq.heappush(heads, (lane.entries[at], n, at))


def _start_many(
    snapshot: Snapshot, free: Ledger, reservation: Reservation | None, shape: Shape, count: int
) -> list[Allocation]:
    """Place up to `count` jobs of one shape, booking each in `free` (and in the reservation's spare)."""
    placed: list[Allocation] = []
    while len(placed) < count:
        allocation = _fit(snapshot, free, reservation, shape)
        if allocation is None:
            break
        placed.append(allocation)
    return placed


def _fit(
    snapshot: Snapshot, free: Ledger, reservation: Reservation | None, shape: Shape
) -> Allocation | None:
    nodes = snapshot.nodes_of(shape.partition)
    allocation = free.place(shape.request, nodes)
    if allocation is None:
        return None
    if reservation is None or _ends_by(snapshot, shape, reservation.at):
        free.take(allocation)
        return allocation
    return _fit_beside(free, reservation, shape, nodes)


def _fit_beside(
    free: Ledger, reservation: Reservation, shape: Shape, nodes: tuple[str, ...] | None
) -> Allocation | None:
    """Place it only on what is free both now and when the reservation begins."""
    both = _least_of(free, reservation.spare)
    allocation = both.place(shape.request, nodes)
    if allocation is not None:
        free.take(allocation)
        reservation.spare.take_any(allocation)
    return allocation


def _least_of(free: Ledger, spare: Ledger) -> Ledger:
    """What is free both now and then. Which ids they are matters only now: then any will do."""
    both = free.copy()
    for name, one in both.free.items():
        one.shrink_to(spare.free[name])
    return both


def _ends_by(snapshot: Snapshot, shape: Shape, at: float) -> bool:
    return snapshot.now + snapshot.seconds(shape.partition, shape.time_limit_s) <= at


def _reserve(
    snapshot: Snapshot, free: Ledger, starts: list[Start], job_id: int, shape: Shape
) -> Reservation | None:
    """The earliest time at which the job fits if all that runs uses its whole limit."""
    later = free.copy()
    nodes = snapshot.nodes_of(shape.partition)
    ends = [(holding.until, holding.allocation) for holding in snapshot.holdings]
    ends += [(_until(snapshot, start), start.allocation) for start in starts]
    ends.sort(key=lambda end: end[0])
    for n, (until, allocation) in enumerate(ends):
        later.release(allocation)
        if n + 1 < len(ends) and ends[n + 1][0] == until:
            continue
        reserved = later.place(shape.request, nodes)
        if reserved is not None:
            later.take_any(reserved)
            return Reservation(job_id, max(until, snapshot.now), reserved, later)
    return None


def _until(snapshot: Snapshot, start: Start) -> float:
    shape = snapshot.waiting.shape_of(start.job_id)
    return snapshot.now + snapshot.seconds(shape.partition, shape.time_limit_s)
