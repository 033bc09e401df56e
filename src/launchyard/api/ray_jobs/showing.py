"""Jobs with all that Ray's clients are told of them: reasons, runtime environments, ends of logs."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from launchyard.api.context import Context
from launchyard.api.ray_jobs.details import Beside, details
from launchyard.api.ray_jobs.messages import shows_log
from launchyard.controller.texts import runtime_env_of
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.model.submission import Caller

TAILS_READ_MAX = 32
"""Of a list, the newest so many failed jobs tell the end of their logs; others when they are asked for."""


async def shown(context: Context, jobs: Sequence[Job], redacted: bool) -> list[dict[str, Any]]:
    """`RayJobDetails` of each, in the same order."""
    environments = await _environments(context, jobs)
    unread = [job for job in jobs if shows_log(job) and context.ray.tails.known(job) is None]
    await asyncio.gather(
        *(context.ray.tails.of(job, context.services.logs) for job in unread[:TAILS_READ_MAX])
    )
    now = context.services.clock()
    return [
        details(
            job,
            replace(_beside(context, job), runtime_env=environments.get(job.id, {}), redacted=redacted),
            now,
        )
        for job in jobs
    ]


async def shown_one(context: Context, caller: Caller, job: Job, redacted: bool) -> dict[str, Any]:
    """The same of one job, with when it may start."""
    environments = await _environments(context, [job])
    if shows_log(job):
        await context.ray.tails.of(job, context.services.logs)
    beside = replace(_beside(context, job), runtime_env=environments.get(job.id, {}), redacted=redacted)
    if job.state is JobState.PENDING and beside.reason is not None:
        controller = context.services.controller

        outlook = await context.ray.outlooks.of(job, lambda: controller.outlook(caller, job))
        if outlook is not None and outlook.reason is not None:
            reason = replace(beside.reason, estimate=outlook.reason.estimate)
            beside = replace(beside, reason=reason, ahead=outlook.ahead_count)
    return details(job, beside, context.services.clock())


def _beside(context: Context, job: Job) -> Beside:
    controller = context.services.controller
    if job.ended:
        return Beside(log_tail=context.ray.tails.known(job))
    return Beside(reason=controller.reason(job.id))


async def _environments(context: Context, jobs: Sequence[Job]) -> dict[int, dict[str, Any]]:
    """Runtime environments as they were asked for, by job id."""
    digests = {job.runtime_env for job in jobs if job.runtime_env is not None}
    if not digests:
        return {}
    texts = await context.read(lambda: context.services.store.texts(digests))
    read = {digest: runtime_env_of(text) for digest, text in texts.items()}
    return {job.id: read[job.runtime_env] for job in jobs if job.runtime_env in read}
