"""Rows of the store beside live jobs.

A row lags behind a job that lives, and one that was read a moment ago may be of a job that has ended since.
"""

from collections.abc import Sequence

from launchyard.api.context import Context
from launchyard.model.job import Job
from launchyard.store.protocol import JobQuery


async def as_now(context: Context, rows: Sequence[Job]) -> list[Job]:
    """The jobs of these rows as they are now, in the same order; a row of an ended job is the same object.

    Somebody may have been told a job's end before it was durable, so no later answer tells an older row.
    """
    store, live_job = context.services.store, context.services.controller.live_job
    now = {row.id: job for row in rows if (job := live_job(row.id)) is not None}
    # Live no more, so its end is durable. (Or a new one that was not taken in yet: it is as it is.)
    passed = tuple(row.id for row in rows if not row.ended and row.id not in now)
    if passed:
        read = await context.read(lambda: store.jobs(JobQuery(ids=passed, limit=len(passed))))
        now |= {job.id: live_job(job.id) or job for job in read}
    return [now.get(row.id, row) for row in rows]
