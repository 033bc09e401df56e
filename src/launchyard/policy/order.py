"""Who comes first: partition tier, then nice, then the order of submission (first in, first out)."""

from launchyard.model.job import Job

Key = tuple[int, int, int]
"""Smaller comes first; the same for as long as the job waits."""


def key(job: Job, tier: int) -> Key:
    """A task that was touched alone keeps the place of its array."""
    return (-tier, job.nice, job.task.job_id if job.task is not None else job.id)
