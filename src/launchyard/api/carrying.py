"""The way to sessions, loaded when somebody goes it first: its client takes a tenth of the daemon's start."""

import asyncio
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from launchyard.api.auth import Identity
from launchyard.api.context import Context
from launchyard.api.guard import Refusal
from launchyard.model.token import Token
from launchyard.proxy.headers import Raw
from launchyard.proxy.http import Words

if TYPE_CHECKING:
    from launchyard.api.crossing import Crossing


Said = tuple[str, str, tuple[str, int] | None, Raw]
"""Method, scheme, from where it comes, headers."""


@dataclass(slots=True, kw_only=True)
class Before:
    """What was found of a request: good for the next that says the same, as long as its login is good."""

    said: Said
    session_id: int
    framed_by: str
    login: Token
    identity: Identity
    until: float
    words: Words | None = None
    """What the app is told of it."""


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

    def carry_at_once(self, scope: Scope, before: Before, refusal: Refusal) -> bool:
        """The same without waiting for anything; False: that cannot be. Raises `LaunchyardError`."""
        if self._crossing is None:
            return False
        self._crossing.carry_at_once(scope, before, refusal)
        return True

    async def close(self) -> None:
        if self._crossing is not None:
            await self._crossing.close()
