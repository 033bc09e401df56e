"""Attempts one after another: a job that waits again, and one that does so too often."""

from launchyard.model.frozen import changed
from launchyard.model.job import PAST_MAX, Job, PastAttempt
from launchyard.model.state import JobState


def again(ended: Job, now: float, *, requeued: bool = False) -> Job:
    """As `ended`, but it waits for another attempt; how this one ended is kept in `past`."""
    attempt = ended.attempt
    past = ended.past
    if attempt is not None:
        one = PastAttempt(
            number=attempt.number,
            launch_id=attempt.launch_id,
            state=ended.state,
            nodes=attempt.allocation.nodes,
            started_at=attempt.started_at,
            ended_at=now,
            exit_code=ended.exit_code,
            signal=ended.signal,
            cause=ended.cause,
        )
        past = (*past, one)[-PAST_MAX:]
        if attempt.limit_cut_from_s is not None:
            ended = changed(ended, time_limit_s=attempt.limit_cut_from_s or None)
    return changed(
        ended,
        state=JobState.PENDING,
        attempt=None,
        handed=None,
        past=past,
        requeues=ended.requeues + requeued,
        started_at=None,
        ended_at=None,
        exit_code=None,
        signal=None,
        stop_requested=None,
    )


def hold_if_requeued_too_often(job: Job, requeues_max: int) -> Job:
    """A job that comes back again and again is held, for its submitter to look at."""
    if job.state is not JobState.PENDING or job.held or job.requeues <= requeues_max:
        return job
    because = f"was put back into the queue {job.requeues} times, more than the {requeues_max} allowed"
    return changed(job, held=True, held_because=because)
