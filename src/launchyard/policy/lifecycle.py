"""What an event makes of a job: `apply(job, event, now)` is the only way from one `Job` to the next.

The moves themselves are `model.state.TRANSITIONS`; this file says which move an event is, and what else of
the job it sets. An event that is told again (after a reconnect) changes nothing.
"""

from launchyard.model.event import (
    Allocated,
    Cancelled,
    DependencyFailed,
    Exited,
    HandedOver,
    JobEvent,
    MainEnded,
    MissedDeadline,
    NodeLost,
    Requeued,
    Resumed,
    SetUpFailed,
    Started,
    Suspended,
    Taken,
)
from launchyard.model.frozen import changed
from launchyard.model.job import Attempt, Handed, Job
from launchyard.model.session import Session
from launchyard.model.state import ALLOCATED, ENDED, JobMove, JobState, after
from launchyard.model.when import rfc3339
from launchyard.policy.attempts import again
from launchyard.policy.handover import left_queue, placed, taken

REQUEUE = "requeued"
"""`stop_requested` of a running job that is to wait again once its processes are gone."""

NODE_DOWN = "its node was taken down"
"""How `stop_requested` begins of a job whose node an operator took down while the node still answers."""

_MADE_ROOM = "made room for job "
_AGAIN = " and waits again"


def taken_down(reason: str) -> str:
    """`stop_requested` of a job whose node was taken down, with what the operator says."""
    return f"{NODE_DOWN}: {reason}" if reason else NODE_DOWN


def made_room_for(job_id: int, *, again: bool) -> str:
    """`stop_requested` of a running job that a more urgent one takes the place of."""
    return f"{_MADE_ROOM}{job_id}{_AGAIN if again else ''}"


def apply(job: Job, event: JobEvent, now: float) -> Job:
    """The job after the event. Raises `IllegalTransition` for what can never happen to such a job.

    One that comes again and again waits after each attempt, however that ended.
    """
    after_it = _applied(job, event, now)
    comes_again = job.cron is not None and job.attempt is not None and after_it.state in ENDED
    return again(after_it, now) if comes_again else after_it


def _applied(job: Job, event: JobEvent, now: float) -> Job:
    match event:
        case Allocated():
            return _allocated(job, event, now)
        case HandedOver():
            handed = Handed(launch_id=event.launch_id, epoch=event.epoch, at=now)
            return changed(job, handed=handed, retry_at=None)
        case Taken():
            return taken(job, event)
        case Started():
            return _started(job, event)
        case Suspended():
            return _suspended(job, event, now)
        case Resumed():
            return _resumed(job, now)
        case MainEnded():
            return _main_ended(job)
        case Exited():
            return _exited(job, event)
        case Cancelled():
            return _cancelled(job, event, now)
        case Requeued():
            return _requeued(job, event, now)
        case NodeLost():
            return _node_lost(job, event.sentence, now)
        case MissedDeadline():
            return _end(job, JobMove.MISSED_DEADLINE, now, event.sentence)
        case DependencyFailed():
            return _end(job, JobMove.CANCELLED, now, event.sentence)
        case SetUpFailed():
            return _end(job, JobMove.FAILED, now, event.sentence)


def _allocated(job: Job, event: Allocated, now: float) -> Job:
    attempt = Attempt(
        number=job.attempts + 1,
        launch_id=event.launch_id,
        epoch=event.epoch,
        allocation=event.allocation,
        allocated_at=now,
    )
    state = after(job.state, JobMove.ALLOCATED)
    if event.time_limit_s is not None:
        attempt = changed(attempt, limit_cut_from_s=job.time_limit_s or 0)
        job = changed(job, time_limit_s=event.time_limit_s)
    return changed(job, state=state, attempt=attempt, attempts=attempt.number, retry_at=None)


def _started(job: Job, event: Started) -> Job:
    if job.handed is not None and job.state is JobState.PENDING:
        job = placed(job, job.handed, event)
    if job.state is not JobState.STARTING or job.attempt is None:
        return job
    attempt = changed(job.attempt, started_at=event.at)
    return changed(job, state=after(job.state, JobMove.STARTED), attempt=attempt, started_at=event.at)


def _suspended(job: Job, event: Suspended, now: float) -> Job:
    if job.attempt is None or job.state is JobState.SUSPENDED:
        return job
    attempt = changed(job.attempt, suspended_at=now, yielded_to=event.yielded_to)
    return changed(job, state=after(job.state, JobMove.SUSPENDED), attempt=attempt)


def _resumed(job: Job, now: float) -> Job:
    if job.attempt is None or job.state is not JobState.SUSPENDED:
        return job
    since = job.attempt.suspended_at
    stood_s = max(0.0, now - since) if since is not None else 0.0
    stood_s += job.attempt.suspended_s
    attempt = changed(job.attempt, suspended_at=None, suspended_s=stood_s, yielded_to=None)
    return changed(job, state=after(job.state, JobMove.RESUMED), attempt=attempt)


def _main_ended(job: Job) -> Job:
    if job.state is JobState.COMPLETING or job.state in ENDED:
        return job
    return changed(job, state=after(job.state, JobMove.MAIN_ENDED))


def _exited(job: Job, event: Exited) -> Job:
    if job.state in ENDED:
        return job
    if job.handed is not None:
        job = left_queue(job, job.handed, event)
    if job.stop_requested == REQUEUE and not event.lost:
        return again(_with_exit(job, event, JobMove.CANCELLED, REQUEUE), event.at, requeued=True)
    if job.stop_requested is not None and job.stop_requested.startswith(_MADE_ROOM) and not event.lost:
        preempted = _with_exit(job, event, JobMove.PREEMPTED, job.stop_requested.removesuffix(_AGAIN))
        return again(preempted, event.at) if job.stop_requested.endswith(_AGAIN) else preempted
    down = job.stop_requested if (job.stop_requested or "").startswith(NODE_DOWN) else None
    if event.node_lost or (down is not None and not event.lost):
        return _node_lost(job, event.error or down or NODE_DOWN, event.at)
    move, cause = _ending(job, event)
    ended = _with_exit(job, event, move, cause)
    retries = job.retries
    if retries is not None and job.retried < retries.count and ended.state in retries.on:
        pause_s = retries.pause_s(job.retried)
        waiting = again(ended, event.at)
        return changed(waiting, retried=job.retried + 1, retry_at=event.at + pause_s)
    return ended


def _with_exit(job: Job, event: Exited, move: JobMove, cause: str | None) -> Job:
    return changed(
        job,
        state=after(job.state, move),
        ended_at=event.at,
        cause=cause,
        exit_code=event.exit_code,
        signal=event.signal,
        usage=event.usage,
    )


def _ending(job: Job, event: Exited) -> tuple[JobMove, str | None]:
    """Which end this is, the strongest cause first, and the sentence for it."""
    if event.lost:
        return JobMove.VANISHED, event.error or "its end was not seen, so its exit code is not known"
    if job.stop_requested is not None:
        return JobMove.CANCELLED, job.stop_requested
    if event.cancelled:
        return JobMove.CANCELLED, event.error
    if event.error is not None:
        return JobMove.FAILED, event.error
    if event.log_full:
        return JobMove.FAILED, "its log grew over the limit"
    if event.out_of_memory:
        return JobMove.RAN_OUT_OF_MEMORY, f"needed more than the {job.request.memory_mib} MiB asked for"
    if event.timed_out:
        return _out_of_time(job)
    if job.session is not None and (sentence := _of_attendant(job, job.session)) is not None:
        return JobMove.FAILED, sentence
    if event.signal is not None:
        return JobMove.FAILED, f"was ended by signal {event.signal}"
    if event.exit_code:
        return JobMove.FAILED, f"ended with exit code {event.exit_code}"
    return JobMove.SUCCEEDED, None


def _of_attendant(job: Job, session: Session) -> str | None:
    """What whoever attends the session said of this launch."""
    attempt = job.attempt
    return session.failure if attempt is not None and session.launch_id == attempt.launch_id else None


def _out_of_time(job: Job) -> tuple[JobMove, str]:
    if job.deadline_at is not None and job.limit_s != job.time_limit_s:
        return JobMove.MISSED_DEADLINE, f"still ran at its deadline {rfc3339(job.deadline_at)}"
    return JobMove.TIMED_OUT, f"ran longer than its time limit of {job.time_limit_s} s"


def _cancelled(job: Job, event: Cancelled, now: float) -> Job:
    """A waiting job ends at once; one that is with its engine ends when the engine says so."""
    reason = f"cancelled by {event.by}"
    if job.state in ALLOCATED or job.handed is not None:
        return job if job.stop_requested == reason else changed(job, stop_requested=reason)
    return _end(job, JobMove.CANCELLED, now, reason)


def _requeued(job: Job, event: Requeued, now: float) -> Job:
    after(job.state, JobMove.REQUEUED)
    return again(_end(job, JobMove.CANCELLED, now, event.reason), now, requeued=True)


def _node_lost(job: Job, sentence: str, now: float) -> Job:
    """It waits again where its submitter allowed that, else this is its end."""
    if job.state in ENDED:
        return job
    ended = _end(job, JobMove.NODE_LOST, now, sentence)
    # Whoever had asked for its end has got it.
    asked = job.stop_requested or ""
    down = asked.startswith(NODE_DOWN)
    waits_again = asked == REQUEUE or (asked.endswith(_AGAIN) and not down)
    cancelled = asked != "" and not down and not waits_again
    wanted = job.requeue or waits_again
    return again(ended, now, requeued=True) if wanted and not cancelled else ended


def _end(job: Job, move: JobMove, at: float, cause: str | None) -> Job:
    return changed(job, state=after(job.state, move), ended_at=at, cause=cause, handed=None)
