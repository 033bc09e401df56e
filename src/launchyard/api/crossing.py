"""Takes what a caller sends for a session to its app: who may is asked of each request anew."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from launchyard.api.auth import identity_of
from launchyard.api.connection import connection_of
from launchyard.api.context import Context
from launchyard.api.login import cookies
from launchyard.api.login.addresses import PATH
from launchyard.api.sessions import Route, Speaks, activity, route
from launchyard.model.errors import LaunchyardError, NotFound, Unavailable
from launchyard.proxy import websocket
from launchyard.proxy.http import Exchange, Interrupted, Visitor
from launchyard.proxy.pool import Pool
from launchyard.proxy.way import Way

WAYS_MAX = 4096
LOOK_AGAIN_S = 4.0
"""So often it is asked anew whether the caller of what lasts may go on: it may be shared no longer."""


class Crossing:
    """Carries HTTP requests and WebSockets. Its connections to apps end with the application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pool: Pool | None = None
        self._ways: OrderedDict[tuple[str, bool, str], tuple[Route, Way]] = OrderedDict()

    async def carry(
        self, scope: Scope, receive: Receive, send: Send, session_id: int, *, sandboxed: bool, framed_by: str
    ) -> None:
        """Raises `LaunchyardError`, or `ClientDisconnect` where nobody waits for an answer any more."""
        found = route(self._context, session_id, identity_of(scope).caller)
        way = self._way(found, sandboxed=sandboxed, framed_by=framed_by)
        pool = self._pool = self._pool or Pool()
        path = way.path(scope["path"])
        if scope["type"] == "websocket":
            activity(self._context, session_id, "WEBSOCKET", path)
            await self._carry_socket(pool, way, found, scope, receive, send)
            return
        if found.speaks is not Speaks.HTTP:
            raise NotFound(f"session {session_id} has no pages of its own; open it in the portal")
        activity(self._context, session_id, scope["method"], path)
        exchange = Exchange(pool, way, _visitor(scope))
        forget = self._until(scope, found, exchange.cut)
        try:
            await exchange.carry(scope, receive, send)
        except Interrupted:
            raise ClientDisconnect from None
        finally:
            forget()

    async def close(self) -> None:
        if self._pool is not None:
            with suppress(Exception):
                await self._pool.close()

    async def _carry_socket(
        self, pool: Pool, way: Way, found: Route, scope: Scope, receive: Receive, send: Send
    ) -> None:
        cut = asyncio.Event()
        forget = self._until(scope, found, cut.set)
        used = partial(activity, self._context, found.session_id, "WEBSOCKET", way.path(scope["path"]))
        try:
            if found.speaks is Speaks.RFB:
                await websocket.carry_bytes(way, scope, receive, send, cut, used)
            elif found.speaks is Speaks.HTTP:
                await websocket.carry(pool, way, _visitor(scope), scope, receive, send, cut, used)
            else:
                raise NotFound(f"session {found.session_id} is a terminal; open it in the portal")
        finally:
            forget()

    def _until(self, scope: Scope, found: Route, cut: Callable[[], None]) -> Callable[[], None]:
        """`cut` is called once this caller may not go on; the answer ends that."""
        forget = self._context.closing.on_close(scope, cut)
        caller = identity_of(scope).caller

        def may_go_on() -> bool:
            try:
                return route(self._context, found.session_id, caller).launch_id == found.launch_id
            except LaunchyardError:
                return False

        again = _Again(may_go_on, cut)

        def end() -> None:
            again.end()
            forget()

        return end

    def _way(self, found: Route, *, sandboxed: bool, framed_by: str) -> Way:
        reach = self._context.services.reach
        if reach is None:
            raise Unavailable("sessions cannot be reached by this server")
        known = self._ways.get((found.launch_id, sandboxed, framed_by))
        if known is not None and known[0] == found:
            return known[1]
        launch = hashlib.sha256(found.launch_id.encode()).hexdigest()[:32]
        way = Way(
            key=f"s{found.session_id}-{launch}",
            connect=partial(reach, found.owner_uid, found.target),
            prefix=f"{PATH}{found.session_id}",
            strip_prefix=found.strip_prefix,
            headers=found.headers,
            sandboxed=sandboxed,
            framed_by=framed_by,
        )
        self._ways[found.launch_id, sandboxed, framed_by] = (found, way)
        while len(self._ways) > WAYS_MAX:
            self._ways.popitem(last=False)
        return way


class _Again:
    """Looks again and again whether something still holds, and calls `cut` once it does not."""

    def __init__(self, holds: Callable[[], bool], cut: Callable[[], None]) -> None:
        self._holds = holds
        self._cut = cut
        self._timer = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._look)

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        if self._holds():
            self._timer = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._look)
        else:
            self._cut()


def _visitor(scope: Scope) -> Visitor:
    peer, client = connection_of(scope).peer, scope.get("client")
    address = "127.0.0.1" if peer is not None or not client else str(client[0])
    return Visitor(address, cookies.without_ours, cookies.is_ours)
