"""What a job of the Ray Jobs API printed: as text, whole or as it comes, attempt after attempt."""

import asyncio
import codecs
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from launchyard.api.context import Context
from launchyard.api.routes.logs import PART_BYTES, attempts, printed
from launchyard.api.services import LogPart
from launchyard.api.watching import until
from launchyard.model.job import Job

CHUNK_LINES = 10
CHUNK_CHARS = 20_000


async def text_of(context: Context, job: Job, first: LogPart) -> AsyncGenerator[str, None]:
    """The log up to the size that it had when `first` was read."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    part, size = first, first.size
    while part.data:
        yield decoder.decode(part.data)
        offset = part.offset + len(part.data)
        if offset >= size:
            break
        part = await context.services.logs.read(job, "stdout", offset, min(PART_BYTES, size - offset))
    yield decoder.decode(b"", final=True)


async def followed(context: Context, job: Job) -> AsyncGenerator[str, None]:
    """All that it prints until it has ended, beginning with its latest attempt."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async with aclosing(attempts(context, job)) as latest:
        async for attempt in latest:
            async with aclosing(printed(context, attempt, "stdout", 0)) as parts:
                async for part in parts:
                    if text := decoder.decode(part.data):
                        yield text
    if text := decoder.decode(b"", final=True):
        yield text


def chunks(text: str) -> Iterator[str]:
    """Pieces of ten lines or 20,000 characters at most."""
    at = 0
    while at < len(text):
        end = at
        for _ in range(CHUNK_LINES):
            newline = text.find("\n", end, at + CHUNK_CHARS)
            if newline < 0:
                end = min(len(text), at + CHUNK_CHARS)
                break
            end = newline + 1
        yield text[at:end]
        at = end


async def ended(context: Context, job: Job) -> None:
    """Wait until it has."""
    over = asyncio.Event()
    with until(context.services.controller, job.id, lambda now: now is None or now.ended, over):
        await over.wait()
