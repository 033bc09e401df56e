"""Waiting for a job that is being started: its own script may act on it before its start is known here."""

import asyncio

from launchyard.controller.loop import Loop
from launchyard.model.job import Job
from launchyard.model.state import JobState

BEGIN_S = 20.0
"""So long an order to a job waits for its start; clients give up after 30."""


async def begun(loop: Loop, job: Job) -> Job | None:
    """The job as it is once this attempt does not start any more, or after a while; None: it has ended.

    Look at its state and its launch id: it may have begun, or be in the queue again.
    """
    if not _starts(job):
        return job
    moved = asyncio.Event()
    end = loop.watch_job(job.id, moved.set)
    try:
        async with asyncio.timeout(BEGIN_S):
            while (now := loop.live.jobs.get(job.id)) is not None and _starts(now, job.launch_id):
                moved.clear()
                await moved.wait()
    except TimeoutError:
        pass
    finally:
        end()
    return loop.live.jobs.get(job.id)


def _starts(job: Job, launch_id: str | None = None) -> bool:
    """In the attempt of this launch, where one is given."""
    return job.state is JobState.STARTING and launch_id in (None, job.launch_id)
