"""Jobs in the queue of an engine that places: taken, placed there, or gone from it."""

from launchyard.model.errors import Conflict
from launchyard.model.event import Exited, Started, Taken
from launchyard.model.frozen import changed
from launchyard.model.job import Attempt, Handed, Job
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.state import JobMove, after
from launchyard.model.submission import Update
from launchyard.policy.capacity import Capacity


def waits_for_more(job: Job, capacity: Capacity) -> bool:
    """A job of Ray's clients that asks for more than there is waits until there is more, as under Ray; it is
    not given to an engine that would refuse it. What else is asked for an engine knows better than we."""
    if job.submission_id is None or not capacity.of_partition(job.partition):
        return False
    amounts = changed(job.request, constraint="", nodelist=(), exclude=(), gpu_type="", reservation="")
    return not capacity.holds(job.partition, amounts)


def taken(job: Job, event: Taken) -> Job:
    """What the engine calls it, and where its output is, whether it waits there or runs already."""
    attempt, handed = job.attempt, job.handed
    if attempt is not None and event.log is not None:
        attempt = changed(attempt, log=event.log)
    if handed is not None and event.log is not None:
        handed = changed(handed, log=event.log)
    return changed(job, engine_id=event.engine_id, attempt=attempt, handed=handed)


def placed(job: Job, handed: Handed, event: Started) -> Job:
    """The engine has begun an attempt; where it does not say on which node, somewhere in its cluster."""
    somewhere = Allocation(shares=(NodeShare(node=job.cluster, cpus_milli=0, memory_mib=0),))
    attempt = Attempt(
        number=job.attempts + 1,
        launch_id=handed.launch_id,
        epoch=handed.epoch,
        allocation=event.allocation or somewhere,
        allocated_at=event.at,
        log=handed.log,
    )
    state = after(job.state, JobMove.ALLOCATED)
    return changed(job, state=state, attempt=attempt, attempts=attempt.number, handed=None)


def left_queue(job: Job, handed: Handed, event: Exited) -> Job:
    """Its end is told of before its start was: one that did not end in the queue has begun before."""
    ended_there = event.lost or event.cancelled or event.error is not None or job.stop_requested is not None
    ran = event.exit_code is not None or event.signal is not None or event.node_lost
    return placed(job, handed, Started(at=event.at)) if ran or not ended_there else changed(job, handed=None)


FIXED = ("dependency", "deadline_at", "begin_at", "throttle")
"""What we look after ourselves, which is over once a job is handed over."""


def refuse_change(job: Job, update: Update, changed: Job) -> None:
    """Raises `Conflict` for what cannot be changed of a job that waits in its engine."""
    if job.handed is None:
        return
    wrong = [name for name in FIXED if getattr(update, name) is not None]
    if wrong or changed.cluster != job.cluster:
        what = wrong[0].removesuffix("_at") if wrong else "cluster"
        raise Conflict(
            f"job {job.id} waits in cluster {job.cluster} already, so its {what} cannot be changed; "
            f"cancel it and submit it again"
        )
