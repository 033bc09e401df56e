"""Jobs without CPUs: they only start others and wait for them; each user may have a number of them at work.

They take no CPU, and so a driver that waits for its own jobs cannot keep these from starting. Only as many
are let into the queue as may be at work, the earliest first.
"""

from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.model.state import ALLOCATED

JOBS_MAX = 16


class Drivers:
    """Kept by `LiveJobs`. Jobs with CPUs pass untouched."""

    def __init__(self) -> None:
        self.jobs_max = JOBS_MAX
        self._taken: dict[int, dict[int, int]] = {}
        """By user and job: how many it has at work, or may start from the queue."""
        self._waiting: dict[int, set[int]] = {}

    def admitted(self, job: Job, count: int) -> int:
        """How many of the `count` starts that a job may have otherwise it may have now."""
        if job.request.cpus_milli:
            return count
        taken = self._taken.setdefault(job.uid, {})
        taken.pop(job.id, None)
        if job.attempt is not None and job.state in ALLOCATED:
            taken[job.id] = 1
        granted = max(0, min(count, self.jobs_max - sum(taken.values())))
        if granted:
            taken[job.id] = granted
        waiting = self._waiting.setdefault(job.uid, set())
        (waiting.add if granted < count else waiting.discard)(job.id)
        return granted

    def next_of(self, uid: int) -> list[int]:
        """The user's jobs that are kept out of the queue, the earliest first, while there is room for one."""
        if sum(self._taken.get(uid, {}).values()) >= self.jobs_max:
            return []
        return sorted(self._waiting.get(uid, ()))

    def reason(self, job: Job) -> Reason | None:
        """Why the job is kept out; None: it is not."""
        if job.id not in self._waiting.get(job.uid, ()):
            return None
        most = self.jobs_max
        return Reason(
            code="limit-zero-cpu-jobs",
            sentence=f"waits because user {job.user} has {most} of {most} jobs without CPUs at work",
        )
