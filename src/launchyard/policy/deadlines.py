"""Whether a waiting job can still end by its deadline."""

from launchyard.model.job import Job
from launchyard.model.walltime import humane
from launchyard.model.when import rfc3339


def missed(job: Job, now: float) -> str | None:
    """The sentence for a job that could not end by its deadline though it started now; None: it could."""
    if job.deadline_at is None or now + _needed_s(job) <= job.deadline_at:
        return None
    when = rfc3339(job.deadline_at)
    least_s = job.time_min_s or job.time_limit_s
    if least_s is None:
        return f"it had not started by its deadline {when}"
    return f"it could not end by its deadline {when}: its time limit is {humane(least_s)}"


def impossible(job: Job, now: float) -> str | None:
    """The same for one that is just submitted, or is changed: what to do about it."""
    start = max(now, job.begin_at or 0)
    sentence = missed(job, start)
    if sentence is None or job.deadline_at is None:
        return None
    left_s = job.deadline_at - start
    if left_s < 1:
        return f"its deadline {rfc3339(job.deadline_at)} is over before it may begin; name a later one"
    return (
        f"it cannot end by its deadline {rfc3339(job.deadline_at)}: its time limit is "
        f"{humane(job.time_limit_s)}; ask for --time {int(left_s)}s or less"
    )


def _needed_s(job: Job) -> float:
    """What it must be able to run. Its limit is cut at the deadline, but not below what it needs at least."""
    least = job.time_min_s if job.time_min_s is not None else job.time_limit_s
    return 1 if least is None else least
