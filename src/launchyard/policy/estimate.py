"""When a waiting job starts at the latest: the plan itself, played forward to the ends of what runs.

That every job uses its whole time limit is a bound; `policy.calibration` makes a range of it.
"""

from dataclasses import replace

from launchyard.policy.backfill import THIN_FROM, plan
from launchyard.policy.future import Ends, Holding
from launchyard.policy.queue import WaitingQueue
from launchyard.policy.snapshot import Snapshot

STEPS_MAX = 200
"""Ends played through before the answer is that nothing can be said yet."""


def start_of(
    snapshot: Snapshot, job_id: int, *, before: float | None = None, thin_from: int = THIN_FROM
) -> float | None:
    """When the job starts if nothing ends before it must; None also when that is not `before` then."""
    if before is not None and snapshot.now >= before:
        return None
    view = snapshot.copy()
    ends = Ends()
    for number, holding in enumerate(view.holdings):
        ends.put(replace(holding, job_id=number))
    number = len(view.holdings)
    now = view.now
    for _ in range(STEPS_MAX):
        moment = replace(view, now=now, holdings=ends.in_order)
        for start in plan(moment, foresee=False, thin_from=thin_from).starts:
            if start.job_id == job_id:
                return now
            shape = view.waiting.shape_of(start.job_id)
            view.ledger.take(start.allocation)
            number += 1
            seconds = start.time_limit_s or view.seconds(shape.partition, shape.time_limit_s)
            ends.put(Holding(now + seconds, number, start.allocation))
            _started(view.waiting, start.job_id)
        following = _following(view, ends, now)
        if following is None or (before is not None and following >= before):
            return None
        now = following
        while ends.in_order and ends.in_order[0].until <= now:
            first = ends.in_order[0]
            view.ledger.release(first.allocation)
            ends.drop(first.job_id)
    return None


def _following(view: Snapshot, ends: Ends, now: float) -> float | None:
    """The next moment at which anything may start that could not before."""
    moments = [ends.in_order[0].until] if ends.in_order else []
    moments += [at for one in view.closures for at in (one.start, one.end) if at > now]
    return max(now, min(moments)) if moments else None


def _started(waiting: WaitingQueue, job_id: int) -> None:
    if waiting.counts[job_id] > 1:
        waiting.counts[job_id] -= 1
    else:
        waiting.drop(job_id)
