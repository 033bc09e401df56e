"""Output of jobs: a range of bytes, all there is, or all that comes until the job has ended.

The bytes are the job's own, so they are sent as nothing that a browser would show or guess at. The offset to
go on from is in `Launchyard-Next-Offset`. A log that was cut at its cap ends with a line that says so.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import raw
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.services import LogPart
from launchyard.api.stream import Parts
from launchyard.api.watching import until
from launchyard.controller.launching import launch_of
from launchyard.model.errors import Conflict, Invalid, LaunchyardError
from launchyard.model.job import Job
from launchyard.model.number import shown

PART_BYTES = 256 * 1024
LIMIT_MAX = 16 * 1024 * 1024
OFFSET_MAX = 2**49
MEDIA_TYPE = "application/octet-stream"
NEXT_OFFSET = "launchyard-next-offset"
MARK = b"\n[launchyard: the log reached its cap; what came after this was not kept]\n"

router = APIRouter()


@router.get("/v1/jobs/{job}/logs", openapi_extra=describe.LOGS)
async def logs(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("stream", "offset", "limit", "follow"))
    ref = parse_ref(request.path_params["job"])
    found = await find(context, caller, ref)
    if found.index is not None:
        return _empty() if not given.flag("follow") else await _not_begun(ref)
    stream = given.text("stream") or "stdout"
    if stream not in ("stdout", "stderr", "setup"):
        raise Invalid(f"stream is {shown(stream)}; it is stdout, stderr or setup")
    offset = given.whole("offset", -OFFSET_MAX, OFFSET_MAX) or 0
    limit = given.whole("limit", 1, LIMIT_MAX)
    if given.flag("follow"):
        if limit is not None:
            raise Invalid("limit and follow do not go together; leave one out")
        return await _follow(context, found.job, stream, offset)
    first = await context.services.logs.read(found.job, stream, offset, min(limit or PART_BYTES, LIMIT_MAX))
    if limit is not None or first.offset + len(first.data) >= first.size:
        return _whole(first, found.job)
    headers = {NEXT_OFFSET: str(first.size)}
    return Parts(_rest(context, found.job, stream, first), MEDIA_TYPE, context.closing, headers)


def _whole(part: LogPart, job: Job) -> Response:
    end = part.offset + len(part.data)
    return raw(part.data + _mark(part, job), MEDIA_TYPE, headers={NEXT_OFFSET: str(end)})


def _empty() -> Response:
    return raw(b"", MEDIA_TYPE, headers={NEXT_OFFSET: "0"})


async def _not_begun(ref: object) -> Response:
    raise Conflict(f"task {ref} has not been started; follow it once it runs")


def _mark(part: LogPart, job: Job) -> bytes:
    """Only after the last bytes, once: a reader that polls an ended log beyond its end gets nothing more."""
    last = part.offset + len(part.data) >= part.size
    return MARK if part.capped and last and part.data and job.ended else b""


async def _rest(context: Context, job: Job, stream: str, first: LogPart) -> AsyncGenerator[bytes, None]:
    """Up to the size that the log had at first; a log that became shorter ends early."""
    part = first
    while part.data:
        yield part.data + (_mark(part, job) if part.offset + len(part.data) >= first.size else b"")
        offset = part.offset + len(part.data)
        if offset >= first.size:
            return
        wanted = min(PART_BYTES, first.size - offset)
        part = await context.services.logs.read(job, stream, offset, wanted)


async def _follow(context: Context, job: Job, stream: str, offset: int) -> Response:
    """Read once before the head is sent, so that what cannot be read is an error and not an empty answer."""
    first = await context.services.logs.read(job, stream, offset, 1)
    headers = {NEXT_OFFSET: str(first.offset)}
    return Parts(_following(context, job, stream, first.offset), MEDIA_TYPE, context.closing, headers)


async def _following(context: Context, job: Job, stream: str, offset: int) -> AsyncGenerator[bytes, None]:
    """Attempt by attempt: one that is tried again goes on in another log, or in the file that it names."""
    first = True
    async with aclosing(attempts(context, job)) as latest:
        async for attempt in latest:
            if (
                not first
                and (attempt.stdout if stream == "stdout" else attempt.stderr or attempt.stdout) is None
            ):
                offset = 0
            first = False
            async with aclosing(printed(context, attempt, stream, offset)) as parts:
                async for part in parts:
                    offset = part.offset + len(part.data)
                    if part.data:
                        yield part.data
    if await _reached_its_cap(context, job.id, stream, offset):
        yield MARK


async def _reached_its_cap(context: Context, job_id: int, stream: str, offset: int) -> bool:
    """Known of a job once it has ended; what came before was told of it as it was then."""
    now = await context.read(lambda: context.services.store.job(job_id))
    if now is None or now.cause is None or not now.ended:
        return False
    with suppress(LaunchyardError):
        return (await context.services.logs.read(now, stream, offset, 1)).capped
    return False


async def attempts(context: Context, job: Job) -> AsyncGenerator[Job, None]:
    """The job as of its latest attempt, once there is one, then as of each that comes, until it has ended.

    One that ends without any is told as it is then: how it was set up may be there to read.
    """
    now = job if job.ended or launch_of(job) is not None else await _begun(context, job, None)
    while now is not None:
        yield now
        launch_id = launch_of(now)
        if launch_id is None:
            return
        following = await _attempt_after(context, job.id, launch_id)
        now = following or await _begun(context, job, launch_id)


async def _begun(context: Context, job: Job, launch_id: str | None) -> Job | None:
    """The job once it has another attempt than `launch_id`, or has ended before its first; None: no other."""
    controller, store = context.services.controller, context.services.store

    def moved(now: Job | None) -> bool:
        return now is None or now.ended or (launch_of(now) != launch_id and now.attempt is not None)

    over = asyncio.Event()
    with until(controller, job.id, moved, over):
        await over.wait()
    now = controller.live_job(job.id) or await context.read(lambda: store.job(job.id))
    return None if now is None or (launch_id is not None and launch_of(now) == launch_id) else now


async def printed(context: Context, attempt: Job, stream: str, offset: int) -> AsyncGenerator[LogPart, None]:
    """What one attempt of a job prints, until that attempt is over."""
    over, launch_id = asyncio.Event(), launch_of(attempt)
    with until(context.services.controller, attempt.id, partial(_is_over, launch_id), over):
        async with aclosing(context.services.logs.follow(attempt, stream, offset, over)) as parts:
            async for part in parts:
                yield part


def _is_over(launch_id: str | None, now: Job | None) -> bool:
    return now is None or now.ended or (launch_id is not None and launch_of(now) != launch_id)


async def _attempt_after(context: Context, job_id: int, launch_id: str) -> Job | None:
    """The job as of the attempt after this launch; None: there was none."""
    store = context.services.store
    now = context.services.controller.live_job(job_id) or await context.read(lambda: store.job(job_id))
    if now is None:
        return None
    launches = [past.launch_id for past in now.past]
    if launch_id not in launches:
        return None
    position = launches.index(launch_id) + 1
    if position < len(launches):
        return replace(now, attempt=None, past=now.past[: position + 1])
    return now if now.attempt is not None else None
