"""All jobs of a caller at once, as Ray's clients want them: sent in parts, as they are found."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import msgspec

from launchyard.api.context import Context
from launchyard.api.listing import page_of
from launchyard.api.ray_jobs.showing import shown
from launchyard.model.job import Job
from launchyard.model.raycluster import is_driver
from launchyard.model.submission import Caller
from launchyard.store.protocol import JobQuery

PAGE = 500
ENDED_MAX = 10_000
"""Of jobs that have ended, the newest so many are listed."""

_encode = msgspec.json.Encoder().encode


async def listed(context: Context, caller: Caller, redacted: bool) -> AsyncGenerator[bytes, None]:
    """A JSON list, newest first: what was submitted, then the drivers."""
    begun, hid = False, context.services.controller.hides
    async for jobs in _in_order(context, caller):
        told = await shown(context, jobs, redacted)
        if told:
            await context.services.controller.shown(hid=hid)
            yield (b"," if begun else b"[") + _encode(told)[1:-1]
            begun = True
    yield b"]" if begun else b"[]"


async def _in_order(context: Context, caller: Caller) -> AsyncGenerator[Sequence[Job], None]:
    drivers: list[Job] = []
    ended = 0
    async for jobs in _pages(context, caller):
        drivers += [job for job in jobs if is_driver(job)]
        yield [job for job in jobs if not is_driver(job)]
        ended += sum(1 for job in jobs if job.ended)
        if ended >= ENDED_MAX:
            break
    yield drivers


async def _pages(context: Context, caller: Caller) -> AsyncGenerator[Sequence[Job], None]:
    query = JobQuery(user=caller.user, named=True, limit=PAGE)
    while True:
        page = await page_of(context, query)
        yield [job for job in page.jobs if not job.forgotten]
        if page.before_id is None:
            return
        query = replace(query, before_id=page.before_id)
