"""Duty, every ten minutes: ended jobs that are old or many are forgotten, logs that are old or large removed.

A job that a live one still needs stays: what it waits for, and the array that it is a task of. Ids of
forgotten jobs are never handed out again. Only logs in our spool are removed; files that a job named are its
user's own. What nothing refers to any more then (`leftovers`) goes some hours later, after a start at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from launchyard.controller.duties.leftovers import Leftovers
from launchyard.controller.duties.logroom import LogRoom, Logs
from launchyard.controller.loop import Loop
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job
from launchyard.model.retention import Keep
from launchyard.store.protocol import Store

EVERY_S = 600.0
SWEEP_S = 6 * 3600.0
"""Between two looks for what nothing refers to: each looks through all jobs."""
AT_ONCE = 500

_log = logging.getLogger(__name__)


class Retention:
    """A job is forgotten once its logs are gone: nobody else would know of them."""

    def __init__(
        self,
        loop: Loop,
        store: Store,
        keep: Keep,
        leftovers: Leftovers,
        logs: Logs,
        every_s: float = EVERY_S,
    ) -> None:
        self._loop = loop
        self._store = store
        self._keep = keep
        self._logs = logs
        self._room = LogRoom(store, logs)
        self._every_s = every_s
        self._logs_until = 0.0
        self._leftovers = leftovers
        self._forgot = 0
        """Jobs, since the last look for what they left."""
        self._swept_at: float | None = None
        if keep.logs_max is not None:
            loop.watch(self._room.hear)

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except LaunchyardError as error:
                _log.warning("what is old stays for now: %s", error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """All that is due now, some hundred jobs at a time."""
        if self._keep.logs_s is not None:
            until = self._loop.now() - self._keep.logs_s
            await self._each(self._remove_logs, until, since=self._logs_until)
            self._logs_until = until
        if self._keep.logs_max is not None and (went := await self._room.keep_below(self._keep.logs_max)):
            _log.info("removed the oldest logs, %d MiB", went >> 20)
        if self._keep.jobs_s is not None or self._keep.jobs_max is not None:
            before = 0.0 if self._keep.jobs_s is None else self._loop.now() - self._keep.jobs_s
            await self._each(self._forget, before, newest=self._keep.jobs_max)
            await self._sweep()

    async def _remove_logs(self, jobs: Sequence[Job]) -> None:
        await self._logs.remove_logs(jobs)
        self._room.removed(jobs)

    async def _sweep(self) -> None:
        """Where something may have been left, but not all the time."""
        clock = asyncio.get_running_loop().time()
        first = self._swept_at is None
        if not first and (not self._forgot or clock < (self._swept_at or 0.0) + SWEEP_S):
            return
        self._swept_at, self._forgot = clock, 0
        texts, keys = await self._leftovers.sweep()
        if texts or keys:
            _log.info("forgot %d scripts and environments and %d keys that nothing refers to", texts, keys)

    async def _each(
        self,
        do: Callable[[Sequence[Job]], Awaitable[None]],
        before: float,
        *,
        since: float = 0.0,
        newest: int | None = None,
    ) -> None:
        after_id = 0
        while True:
            jobs = await asyncio.to_thread(
                self._store.old_jobs,
                ended_since=since,
                ended_before=before,
                newest=newest,
                after_id=after_id,
                limit=AT_ONCE,
            )
            if not jobs:
                return
            after_id = jobs[-1].id
            await do(jobs)

    async def _forget(self, jobs: Sequence[Job]) -> None:
        needed = self._needed()
        gone = [job for job in jobs if job.id not in needed and not _is_saved(job)]
        gone = [job for job in gone if job.task is None or job.task.job_id not in needed]
        if gone:
            await self._remove_logs(gone)
            self._loop.refuse_when_degraded()
            self._loop.draft.forgotten += [job.id for job in gone]
            await self._loop.committed()
            self._forgot += len(gone)
            _log.info("forgot %d ended jobs, up to job %d", len(gone), gone[-1].id)

    def _needed(self) -> set[int]:
        live = self._loop.live.jobs
        waited_for = (job.dependency for job in live.values() if job.dependency is not None)
        found = {clause.job_id for one in waited_for for clause in one.clauses if clause.job_id is not None}
        return found | set(live)


def _is_saved(job: Job) -> bool:
    """A session whose settings its person keeps."""
    return job.session is not None and bool(job.session.saved_as)
