"""What a job used as time went by: so far, and with `follow` as it goes on, a line of JSON each time."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import pages
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.stream import Parts
from launchyard.model.errors import NotFound
from launchyard.model.job import Job
from launchyard.model.series import EVERY_S, Rate, Sample, rates
from launchyard.wire.job import resources_json, time_json

LINES = "application/x-ndjson"

router = APIRouter()


@router.get("/v1/jobs/{job}/series", openapi_extra=pages.SERIES)
async def series(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("attempt", "follow"))
    found = await find(context, caller, parse_ref(request.path_params["job"]), seen_by_all=True)
    job = found.job
    number = given.whole("attempt", 1, 10**6) or _latest(job)
    told, samples = await _told(context, job, number)
    if not given.flag("follow") or not told["running"]:
        return answer(told)
    return Parts(_following(context, job, told, samples), LINES, context.closing)


def _latest(job: Job) -> int:
    """The number of the attempt that runs or ran last; 0: there was none."""
    if job.attempt is not None:
        return job.attempt.number
    return job.past[-1].number if job.past else 0


async def _told(context: Context, job: Job, number: int) -> tuple[dict[str, Any], Sequence[Sample]]:
    """`wire.pageshapes.UsageSeries` with the samples that it was made of."""
    launch_id, started_at, running = _launch(job, number)
    kept = None
    if launch_id is not None and context.services.series is not None:
        kept = await context.services.series.of(launch_id)
    samples = _with_end(job, number, kept.samples if kept is not None else ())
    asked = resources_json(job.request)
    told = {
        "attempt": number,
        "started_at": time_json(started_at),
        "running": running,
        "asked": {name: asked[name] for name in ("cpus", "memory_mib", "gpus")},
        "every_s": EVERY_S if kept is None else kept.every_s,
        "rates": _columns(rates(samples)),
    }
    return told, samples


def _launch(job: Job, number: int) -> tuple[str | None, float | None, bool]:
    """Its id, when it started and whether it still runs. Raises `NotFound` for one that never was."""
    if number == 0:
        return None, None, False
    attempt = job.attempt
    if attempt is not None and attempt.number == number:
        return attempt.launch_id, attempt.started_at, not job.ended and attempt.started_at is not None
    for past in job.past:
        if past.number == number:
            return past.launch_id, past.started_at, False
    raise NotFound(f"job {job.id} has no attempt {number} that is still known")


def _with_end(job: Job, number: int, samples: Sequence[Sample]) -> Sequence[Sample]:
    """What the job used in all is known from its end, however seldom it was looked at before."""
    attempt = job.attempt
    if attempt is None or attempt.number != number or attempt.started_at is None or job.ended_at is None:
        return samples
    at_s, usage = job.ended_at - attempt.started_at, job.usage
    if at_s <= (samples[-1].at_s if samples else 0.0) or usage.cpu_s is None:
        return samples
    memory_mib = samples[-1].memory_mib if samples else usage.memory_peak_mib
    # Of GPUs nothing is known at the end.
    return (*samples, Sample(at_s, usage.cpu_s, memory_mib, usage.read_mib, usage.written_mib))


def _columns(found: Sequence[Rate]) -> dict[str, list[float | None]]:
    return {name: [getattr(rate, name) for rate in found] for name in Rate._fields}


async def _following(
    context: Context, job: Job, told: dict[str, Any], samples: Sequence[Sample]
) -> AsyncGenerator[bytes, None]:
    yield msgspec.json.encode(told) + b"\n"
    if context.services.series is None:
        return
    last = samples[-1] if samples else None
    async with aclosing(context.services.series.watch(job)) as more:
        async for sample in more:
            if last is not None and sample.at_s <= last.at_s:
                continue
            pair = rates([sample] if last is None else [last, sample])
            last = sample
            yield msgspec.json.encode({"more": _columns(pair[-1:])}) + b"\n"
