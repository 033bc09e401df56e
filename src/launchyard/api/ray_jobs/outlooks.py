"""When waiting jobs may start, for clients that ask each second: planned now and then."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from launchyard.controller.outlook import Outlook
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job

PATIENCE_S = 0.1
"""So long an answer waits for it; it goes on, and the next answer has it."""
FRESH_S = 10.0
REMEMBERED_MAX = 1_000
AT_ONCE_MAX = 2


class Outlooks:
    """By job id. Used on the loop only."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, Outlook | None]] = {}
        self._planning: dict[int, asyncio.Task[None]] = {}

    async def of(self, job: Job, plan: Callable[[], Awaitable[Outlook]]) -> Outlook | None:
        """None: nobody can say, or not yet."""
        at, known = self._known.get(job.id, (0.0, None))
        if time.monotonic() - at < FRESH_S and at:
            return known
        task = self._planning.get(job.id)
        if task is None and len(self._planning) < AT_ONCE_MAX:
            task = self._planning[job.id] = asyncio.ensure_future(self._plan(job.id, plan))
        if task is not None:
            await asyncio.wait([task], timeout=PATIENCE_S)
        return self._known.get(job.id, (0.0, None))[1]

    async def _plan(self, job_id: int, plan: Callable[[], Awaitable[Outlook]]) -> None:
        try:
            found: Outlook | None = await plan()
        except LaunchyardError:
            found = None
        finally:
            del self._planning[job_id]
        self._known.pop(job_id, None)
        while len(self._known) >= REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        self._known[job_id] = (time.monotonic(), found)
