"""What may be seen of live jobs: as they were decided, and none of an id that a crash could take back.

What is seen is durable before `shown` returns. While the store fails, what is not durable is not seen.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from launchyard.controller.loop import Loop
from launchyard.controller.reasons import Reasons
from launchyard.controller.tally import Depth, Group
from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.model.state import JobState
from launchyard.policy.order import Ordering
from launchyard.policy.snapshot import seconds_of


class Looking:
    """Looks change nothing and take no commit."""

    def __init__(self, loop: Loop, reasons: Reasons) -> None:
        self._loop = loop
        self._live = loop.live
        self._reasons = reasons

    @property
    def hides(self) -> bool:
        """The store fails, so nobody is told of those whose ids are not durable."""
        return self._loop.writer.degraded is not None

    async def shown(self, *, hid: bool = False) -> None:
        """Before an answer leaves: until every id that was seen so far is durable. Raises `Unavailable`.

        `hid`: what `hides` said before the first look.
        """
        await self._loop.shown(hid=hid)

    def live_job(self, job_id: int) -> Job | None:
        """A job that has not ended, as it is now."""
        return None if job_id in self._loop.hidden else self._live.jobs.get(job_id)

    def live_task(self, array_job_id: int, index: int) -> Job | None:
        """A task that has split off and has not ended."""
        task = self._live.task(array_job_id, index)
        return None if task is None else self.live_job(task.id)

    def live_jobs(self, wanted: Callable[[Group], bool] | None = None) -> Iterable[Job]:
        """All jobs that have not ended, or those of the groups that are wanted, by id."""
        ids: Iterable[int] = self._live.jobs if wanted is None else self._live.tally.ids(wanted)
        return [self._live.jobs[job_id] for job_id in sorted(self._told(ids))]

    def newest(self, wanted: Callable[[Group], bool], below: int | None = None) -> Iterator[Job]:
        """The same, the highest id first, of those below one."""
        return (self._live.jobs[job_id] for job_id in self._told(self._live.tally.newest(wanted, below)))

    def live_tasks(self, array_job_id: int) -> list[Job]:
        """Those that have split off an array and have not ended."""
        return [self._live.jobs[one] for one in sorted(self._told(self._live.tasks_of.get(array_job_id, ())))]

    @property
    def depths(self) -> Mapping[Depth, int]:
        """How many live jobs there are, and waiting tasks of arrays, as figures tell of them."""
        return self._live.tally.depths

    def states(self, counts: Callable[[int, str | None], bool]) -> Mapping[JobState, int]:
        """How many live jobs are in each state, of those of which `counts(uid, account)` holds."""
        return self._live.tally.of(counts)

    def holding(self) -> Mapping[int, Job]:
        """The jobs that hold resources now, by id."""
        holding = self._live.holding
        return {one: holding[one] for one in self._told(holding)} if self._loop.hidden else holding

    @property
    def ordering(self) -> Ordering:
        """By what waiting jobs are ordered now."""
        return self._live.ordering

    def seconds(self, job: Job) -> float:
        """How long it may run, as the queue counts it."""
        return seconds_of(self._live.partitions, job.partition, job.time_limit_s)

    def reason(self, job_id: int) -> Reason | None:
        """Why the latest plan left this job waiting; it may name others, so none while some are hidden."""
        job = self._live.jobs.get(job_id)
        return None if job is None or self._loop.hidden else self._reasons.of(job)

    def reason_codes(self, jobs: Iterable[Job]) -> dict[int, Reason]:
        """Code and scope of why each of many jobs waits; the sentence may be that of another like it."""
        return {} if self._loop.hidden else self._reasons.codes(jobs)

    def _told(self, ids: Iterable[int]) -> Iterable[int]:
        hidden = self._loop.hidden
        return ids if not hidden else (one for one in ids if one not in hidden)
