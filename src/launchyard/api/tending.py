"""What credentials need while the server runs: their last use kept now and then, and what expires cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from launchyard.api.context import Context
from launchyard.model.errors import LaunchyardError

LOOK_S = 1.0
KEEP_EVERY = 60
"""Looks: so seldom it is kept who was used, all by one commit."""


@contextlib.asynccontextmanager
async def tended(context: Context) -> AsyncIterator[None]:
    """Meanwhile tokens are looked after; at the end their last use is kept."""
    task = asyncio.create_task(_tend(context))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await keep_uses(context)


async def _tend(context: Context) -> None:
    looks = 0
    while True:
        await asyncio.sleep(LOOK_S)
        context.tokens.end_expired()
        looks += 1
        if looks % KEEP_EVERY == 0:
            await keep_uses(context)


async def keep_uses(context: Context) -> None:
    """By one commit. Where the store fails, that one is forgotten: it refuses nobody."""
    keep = context.services.controller.keep_token
    with contextlib.suppress(LaunchyardError):
        await asyncio.gather(*(keep(token) for token in context.tokens.used_lately()))
