"""The variables of users' logins, for jobs that bring none along: asked of a helper, then remembered."""

import asyncio
import time
from collections.abc import Mapping

from launchyard.engine.channel import Request, UserHelpers
from launchyard.model.errors import LaunchyardError

LIMIT_S = 10.0
FRESH_S = 300.0
RETRY_S = 30.0
"""So long nobody asks again after there was no answer."""
REMEMBERED_MAX = 1_000


class Logins:
    """By uid. Used on the loop only."""

    def __init__(self, helpers: UserHelpers) -> None:
        self._helpers = helpers
        self._known: dict[int, tuple[float, Mapping[str, str]]] = {}
        self._asking: dict[int, asyncio.Task[None]] = {}

    async def of(self, uid: int) -> Mapping[str, str]:
        """Empty where the user's shell does not say in time."""
        until, known = self._known.get(uid, (0.0, {}))
        if time.monotonic() < until:
            return known
        task = self._asking.get(uid)
        if task is None:
            task = self._asking[uid] = asyncio.ensure_future(self._ask(uid))
        await asyncio.shield(task)
        return self._known[uid][1]

    async def _ask(self, uid: int) -> None:
        found: Mapping[str, str] = {}
        try:
            channel = await self._helpers.of(uid)
            with Request(channel, {"t": "login", "limit_s": LIMIT_S}) as request:
                request.over = True
                async with asyncio.timeout(LIMIT_S + 5):
                    message = await request.next()
            found = message["variables"] if message["t"] == "login" else {}
        except (LaunchyardError, OSError, TimeoutError):
            found = {}
        finally:
            del self._asking[uid]
            while len(self._known) >= REMEMBERED_MAX:
                del self._known[next(iter(self._known))]
            self._known[uid] = (time.monotonic() + (FRESH_S if found else RETRY_S), found)
