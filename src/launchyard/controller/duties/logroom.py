"""What the logs of ended jobs take in our spool, and which of them go when that is too much.

Sums are kept by blocks of neighbouring ids: a block is counted again when a job of it ended or lost its logs,
all of them after a start. Where it is too much, the logs of the lowest ids go.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.state import ENDED
from launchyard.store.protocol import Store

BLOCK = 256
PAUSE_S = 0.02
"""Between two blocks: the database and the processor are there for others too."""
_FOR_EVER = 1e18


class Logs(Protocol):
    """The logs of all attempts of jobs, in our spool on this machine."""

    async def remove_logs(self, jobs: Sequence[Job]) -> None:
        """What is not there is no fault. Raises `LaunchyardError` where one may still be there."""

    async def log_bytes(self, jobs: Sequence[Job]) -> list[int]:
        """What those of each take on the disk."""


class NoLogs:
    """Where there are none."""

    async def remove_logs(self, jobs: Sequence[Job]) -> None:
        return

    async def log_bytes(self, jobs: Sequence[Job]) -> list[int]:
        return [0] * len(jobs)


class LogRoom:
    """`hear` what moves; `keep_below` looks and removes."""

    def __init__(self, store: Store, logs: Logs, pause_s: float = PAUSE_S) -> None:
        self._store = store
        self._logs = logs
        self._pause_s = pause_s
        self._bytes: dict[int, int] = {}
        """By block, where it is not nothing."""
        self._changed: set[int] | None = None
        """Blocks that have to be counted again; None: all."""

    def hear(self, events: Sequence[StateChanged]) -> None:
        if self._changed is not None:
            self._changed.update(event.job_id // BLOCK for event in events if event.state in ENDED)

    def removed(self, jobs: Sequence[Job]) -> None:
        """Somebody else removed the logs of these."""
        if self._changed is not None:
            self._changed.update(job.id // BLOCK for job in jobs)

    async def keep_below(self, bytes_max: int) -> int:
        """How many bytes went."""
        if self._changed is None:
            self._changed = set()
            await self._count_all()
        while self._changed:
            await self._count(self._changed.pop())
        freed = 0
        while (beyond := sum(self._bytes.values()) - bytes_max) > 0:
            went = await self._remove(min(self._bytes), beyond)
            if not went:
                break
            freed += went
        return freed

    async def _count_all(self) -> None:
        last = 0
        while jobs := await self._ended(last):
            last = (jobs[-1].id // BLOCK + 1) * BLOCK - 1
            for block in sorted({job.id // BLOCK for job in jobs}):
                await self._count(block)

    async def _count(self, block: int) -> None:
        jobs = await self._of(block)
        taken = sum(await self._logs.log_bytes(jobs)) if jobs else 0
        self._bytes.pop(block, None)
        if taken:
            self._bytes[block] = taken
        await asyncio.sleep(self._pause_s)

    async def _remove(self, block: int, beyond: int) -> int:
        """Of the first jobs of a block those that are too much; what went."""
        before, jobs, chosen = self._bytes[block], await self._of(block), []
        for job, taken in zip(jobs, await self._logs.log_bytes(jobs), strict=True):
            if beyond > 0 and taken:
                chosen.append(job)
                beyond -= taken
        await self._logs.remove_logs(chosen)
        await self._count(block)
        return before - self._bytes.get(block, 0)

    async def _of(self, block: int) -> list[Job]:
        jobs = await self._ended(block * BLOCK - 1)
        return [job for job in jobs if job.id // BLOCK == block]

    async def _ended(self, after_id: int) -> list[Job]:
        return await asyncio.to_thread(
            self._store.old_jobs,
            ended_since=0.0,
            ended_before=_FOR_EVER,
            newest=None,
            after_id=after_id,
            limit=BLOCK,
        )
