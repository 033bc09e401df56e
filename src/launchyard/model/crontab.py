"""A user's table of jobs that come again and again, as the user wrote it."""

from dataclasses import dataclass

from launchyard.model.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Crontab:
    """`text` None: it was removed. `jobs` are those of its lines: no other job of the user comes again."""

    uid: int
    user: str
    text: str | None
    jobs: tuple[int, ...] = ()

    def keeps(self, job: Job) -> bool:
        """Whether the job is one of its lines."""
        return job.cron is not None and job.id in self.jobs
