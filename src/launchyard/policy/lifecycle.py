"""What an event makes of a job: `apply(job, event, now)` is the only way from one `Job` to the next.

The moves themselves are `model.state.TRANSITIONS`; this file says which move an event is, and what else of
the job it sets. An event that is told again (after a reconnect) changes nothing.
"""

from dataclasses import replace

from launchyard.model.event import (
    Allocated,
    Cancelled,
    DependencyFailed,
    Exited,
    JobEvent,
    MainEnded,
    NodeLost,
    Requeued,
    Started,
)
from launchyard.model.job import Attempt, Job
from launchyard.model.state import ALLOCATED, ENDED, JobMove, JobState, after

REQUEUE = "requeued"
"""`stop_requested` of a running job that is to wait again once its processes are gone."""


def apply(job: Job, event: JobEvent, now: float) -> Job:
    """The job after the event. Raises `IllegalTransition` for what can never happen to such a job."""
    match event:
        case Allocated():
            return _allocated(job, event, now)
        case Started():
            return _started(job, event)
        case MainEnded():
            return _main_ended(job)
        case Exited():
            return _exited(job, event)
        case Cancelled():
            return _cancelled(job, event, now)
        case Requeued():
            return _requeued(job, event)
        case NodeLost():
            return _end(job, JobMove.NODE_LOST, now, f"node {event.node} does not answer any more")
        case DependencyFailed():
            return _end(job, JobMove.CANCELLED, now, event.sentence)


def _allocated(job: Job, event: Allocated, now: float) -> Job:
    attempt = Attempt(
        number=job.attempts + 1,
        launch_id=event.launch_id,
        epoch=event.epoch,
        allocation=event.allocation,
        allocated_at=now,
    )
    state = after(job.state, JobMove.ALLOCATED)
    return replace(job, state=state, attempt=attempt, attempts=attempt.number)


def _started(job: Job, event: Started) -> Job:
    if job.state is not JobState.STARTING or job.attempt is None:
        return job
    attempt = replace(job.attempt, started_at=event.at)
    return replace(job, state=after(job.state, JobMove.STARTED), attempt=attempt, started_at=event.at)


def _main_ended(job: Job) -> Job:
    if job.state is JobState.COMPLETING or job.state in ENDED:
        return job
    return replace(job, state=after(job.state, JobMove.MAIN_ENDED))


def _exited(job: Job, event: Exited) -> Job:
    if job.state in ENDED:
        return job
    if job.stop_requested == REQUEUE and not event.lost:
        return _requeued(job, Requeued(reason=REQUEUE))
    move, cause = _ending(job, event)
    ended = _end(job, move, event.at, cause)
    return replace(ended, exit_code=event.exit_code, signal=event.signal, usage=event.usage)


def _ending(job: Job, event: Exited) -> tuple[JobMove, str | None]:
    """Which end this is, the strongest cause first, and the sentence for it."""
    if event.lost:
        return JobMove.VANISHED, event.error or "its end was not seen, so its exit code is not known"
    if job.stop_requested is not None:
        return JobMove.CANCELLED, job.stop_requested
    if event.error is not None:
        return JobMove.FAILED, event.error
    if event.log_full:
        return JobMove.FAILED, "its log grew over the limit"
    if event.out_of_memory:
        return JobMove.RAN_OUT_OF_MEMORY, f"needed more than the {job.request.memory_mib} MiB asked for"
    if event.timed_out:
        return JobMove.TIMED_OUT, f"ran longer than its time limit of {job.time_limit_s} s"
    if event.signal is not None:
        return JobMove.FAILED, f"was ended by signal {event.signal}"
    if event.exit_code:
        return JobMove.FAILED, f"ended with exit code {event.exit_code}"
    return JobMove.SUCCEEDED, None


def _cancelled(job: Job, event: Cancelled, now: float) -> Job:
    """A waiting job ends at once; one that holds resources ends when its processes are gone."""
    reason = f"cancelled by {event.by}"
    if job.state in ALLOCATED:
        return job if job.stop_requested == reason else replace(job, stop_requested=reason)
    return _end(job, JobMove.CANCELLED, now, reason)


def _requeued(job: Job, event: Requeued) -> Job:
    state = after(job.state, JobMove.REQUEUED)
    return replace(job, state=state, attempt=None, started_at=None, stop_requested=None, cause=event.reason)


def _end(job: Job, move: JobMove, at: float, cause: str | None) -> Job:
    return replace(job, state=after(job.state, move), ended_at=at, cause=cause)
