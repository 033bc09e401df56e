"""The way to sessions, loaded when somebody goes it first: its client takes a tenth of the daemon's start."""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from launchyard.api.context import Context

if TYPE_CHECKING:
    from launchyard.api.crossing import Crossing


class Carrier:
    """What carries requests and WebSockets to sessions; see `crossing.Crossing`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._crossing: Crossing | None = None

    async def carry(
        self, scope: Scope, receive: Receive, send: Send, session_id: int, *, sandboxed: bool, framed_by: str
    ) -> None:
        """Raises `LaunchyardError`, or `ClientDisconnect` where nobody waits for an answer any more."""
        if self._crossing is None:
            loaded = await asyncio.to_thread(import_module, "launchyard.api.crossing")
            self._crossing = self._crossing or loaded.Crossing(self._context)
        await self._crossing.carry(scope, receive, send, session_id, sandboxed=sandboxed, framed_by=framed_by)

    async def close(self) -> None:
        if self._crossing is not None:
            await self._crossing.close()
