"""When a waiting job may start: the plan itself, played forward to the ends of what runs.

The bound is what happens if every job uses its whole time limit; the early end of the range assumes that
each ends halfway through what it has left.
"""

from dataclasses import replace

from launchyard.model.reason import Estimate
from launchyard.policy.backfill import plan
from launchyard.policy.queue import WaitingQueue
from launchyard.policy.snapshot import Holding, Snapshot

STEPS_MAX = 200
"""Ends played through before the answer is that nothing can be said yet."""


def estimate(snapshot: Snapshot, job_id: int) -> Estimate | None:
    """The estimate for one waiting job, None when it lies further away than is worth playing through."""
    high = _start_of(snapshot, job_id)
    if high is None:
        return None
    now = snapshot.now
    early = tuple(Holding(now + (one.until - now) / 2, one.allocation) for one in snapshot.holdings)
    low = _start_of(replace(snapshot, holdings=early), job_id)
    return Estimate(start=high, low=min(high, low or high), high=high)


def _start_of(snapshot: Snapshot, job_id: int) -> float | None:
    ledger, waiting = snapshot.ledger.copy(), _copy(snapshot.waiting)
    holdings, now = list(snapshot.holdings), snapshot.now
    for _ in range(STEPS_MAX):
        view = replace(snapshot, now=now, ledger=ledger, waiting=waiting, holdings=tuple(holdings))
        for start in plan(view).starts:
            if start.job_id == job_id:
                return now
            shape = waiting.shape_of(start.job_id)
            ledger.take(start.allocation)
            holdings.append(
                Holding(now + view.seconds(shape.partition, shape.time_limit_s), start.allocation)
            )
            _started(waiting, start.job_id)
        if not holdings:
            return None
        holdings.sort(key=lambda holding: holding.until)
        now = max(now, holdings[0].until)
        while holdings and holdings[0].until <= now:
            ledger.release(holdings.pop(0).allocation)
    return None


def _started(waiting: WaitingQueue, job_id: int) -> None:
    if waiting.counts[job_id] > 1:
        waiting.counts[job_id] -= 1
    else:
        waiting.drop(job_id)


def _copy(waiting: WaitingQueue) -> WaitingQueue:
    twin = WaitingQueue()
    for lane in waiting.lanes():
        for key, job_id in lane.entries:
            twin.put(job_id, lane.shape, key, waiting.counts[job_id])
    return twin
