"""Crontabs: tables that their users wrote, and the one job of each line, which comes again and again.

A table and its jobs are made durable together, and the table names its jobs. A job that comes again but is
named by no table is of a table that was replaced, whenever the daemon may have ended since.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from launchyard.controller.loop import Loop
from launchyard.controller.submitting import Submitting
from launchyard.model.crontab import Crontab
from launchyard.model.crontext import commented
from launchyard.model.errors import Invalid, LaunchyardError, NotFound
from launchyard.model.event import Cancelled
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.model.submission import Caller, Submission
from launchyard.policy.lifecycle import apply
from launchyard.policy.recurring import begin_of
from launchyard.store.protocol import Store

DISABLED = "DISABLED"
"""The word before a line whose job was cancelled."""


class BadLine(Exception):
    """The line of a table, as one of its submissions, that cannot be: nothing of the table was taken."""

    def __init__(self, position: int, error: LaunchyardError) -> None:
        super().__init__(str(error))
        self.position = position
        self.error = error


class Crontabs:
    """The way in for tables. `take_in` what an earlier run left before anything is planned."""

    def __init__(self, loop: Loop, submitting: Submitting) -> None:
        self._loop = loop
        self._submitting = submitting
        self._tables: dict[int, Crontab] = {}
        self._alone = asyncio.Lock()

    async def take_in(self, store: Store) -> None:
        self._tables = {one.uid: one for one in await asyncio.to_thread(store.crontabs)}
        for uid in {job.uid for job in self._loop.live.jobs.values() if job.cron is not None}:
            self._settle(uid)

    def text(self, uid: int) -> str:
        """The table of a user. Raises `NotFound`."""
        table = self._tables.get(uid)
        if table is None or table.text is None:
            raise NotFound("there is no crontab; scrontab -e makes one", code="no-crontab")
        return table.text

    async def replace(self, caller: Caller, text: str, lines: Sequence[Submission]) -> list[Job]:
        """Take this table instead of the one there is, as a whole. Raises `BadLine`.

        Waiting jobs of the old one end; those at work go on and do not come again.
        """
        loop = self._loop
        loop.refuse_when_degraded()
        asked = [self._with_begin(one) for one in lines]

        def table_of(jobs: Sequence[Job]) -> Crontab:
            ids = tuple(job.id for job in jobs)
            return Crontab(uid=caller.uid, user=caller.user, text=text, jobs=ids)

        async with self._alone:
            results = await self._submitting.submit_table(caller, asked, table_of)
            for position, result in enumerate(results):
                if isinstance(result, LaunchyardError):
                    raise BadLine(position, result)
            jobs = [one for one in results if isinstance(one, Job)]
            self._tables[caller.uid] = table_of(jobs)
            self._settle(caller.uid)
            await loop.committed()
        return jobs

    async def remove(self, caller: Caller) -> None:
        """Take the table away. Raises `NotFound` where there is none."""
        self._loop.refuse_when_degraded()
        async with self._alone:
            self.text(caller.uid)
            self._keep(Crontab(uid=caller.uid, user=caller.user, text=None))
            self._settle(caller.uid)
            await self._loop.committed()

    def leave(self, job: Job) -> Job:
        """A job that somebody cancels does not come again; its lines become a comment."""
        table = self._tables.get(job.uid)
        if table is not None and table.text is not None and job.cron is not None and table.keeps(job):
            text = commented(table.text, job.cron.first_line, job.cron.last_line, DISABLED)
            self._keep(replace(table, text=text, jobs=tuple(one for one in table.jobs if one != job.id)))
        return changed(job, cron=None)

    def _with_begin(self, line: Submission) -> Submission:
        if line.cron is None or line.indexes is not None:
            raise Invalid("a line of a crontab is one job that comes again; an array cannot be one")
        return changed(line, begin_at=begin_of(line.cron, self._loop.now(), self._loop.zone))

    def _keep(self, table: Crontab) -> None:
        self._tables[table.uid] = table
        self._loop.draft.crontabs[table.uid] = table

    def _settle(self, uid: int) -> None:
        """The jobs of the user that come again and are in no table do not."""
        table, now = self._tables.get(uid), self._loop.now()
        for job in list(self._loop.live.jobs.values()):
            if job.cron is None or job.uid != uid or job.ended or (table is not None and table.keeps(job)):
                continue
            once = changed(job, cron=None)
            self._loop.move(once if once.attempt is not None else apply(once, Cancelled(by=job.user), now))
