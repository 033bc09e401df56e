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
from launchyard.api.carrying import Before
from launchyard.api.connection import connection_of
from launchyard.api.context import Context
from launchyard.api.guard import Refusal
from launchyard.api.login import cookies
from launchyard.api.login.addresses import PATH
from launchyard.api.sessions import Endpoint, Route, Speaks, activity, route, route_of
from launchyard.model.errors import LaunchyardError, NotFound, Unavailable
from launchyard.proxy import websocket
from launchyard.proxy.dialer import Dialer
from launchyard.proxy.headers import Unfit
from launchyard.proxy.http import AppGone, Client, Ended, Exchange, Interrupted, Visitor, Words
from launchyard.proxy.pool import Pool
from launchyard.proxy.way import Way

End = Callable[[], None]
Watch = Callable[[], End]
"""Begins to watch something; the answer ends that."""
WAYS_MAX = 4096
LASTS_AFTER_S = 0.5
"""What takes longer is watched: whether its client is still there, and may still go on."""
LOOK_AGAIN_S = 4.0
"""So often it is asked anew whether the caller of what lasts may go on: it may be shared no longer."""


class Crossing:
    """Carries HTTP requests and WebSockets. Its connections to apps end with the application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pool: Pool | None = None
        self._dialer: Dialer | None = None
        self._lasting: Lasting | None = None
        self._ways: OrderedDict[tuple[int, bool, str], tuple[Endpoint, Route, Way]] = OrderedDict()

    async def carry(
        self, scope: Scope, receive: Receive, send: Send, session_id: int, *, sandboxed: bool, framed_by: str
    ) -> None:
        """Raises `LaunchyardError`, or `ClientDisconnect` where nobody waits for an answer any more."""
        found, way = self._found(scope, session_id, sandboxed=sandboxed, framed_by=framed_by)
        if scope["type"] == "websocket":
            activity(self._context, session_id, "WEBSOCKET", way.path(scope["path"]))
            await self._carry_socket(way, found, scope, receive, send)
            return
        ending: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

        def ended(error: Exception | None) -> None:
            if not ending.done():
                ending.set_result(error)

        exchange = self._carry_http(_words(scope, way), found, scope, connection_of(scope).take(), ended)
        try:
            error = await ending
        finally:
            exchange.cut()
        if isinstance(error, Interrupted):
            raise ClientDisconnect from None
        if error is not None:
            raise error

    def carry_at_once(self, scope: Scope, before: Before, refusal: Refusal) -> None:
        """The same of an HTTP request, without a task that waits for its end. Raises `LaunchyardError`."""
        found, way = self._found(scope, before.session_id, sandboxed=False, framed_by=before.framed_by)
        if before.words is None or before.words.way is not way:
            before.words = _words(scope, way)
        connection = connection_of(scope)
        client = connection.take()

        def ended(error: Exception | None) -> None:
            if isinstance(error, Interrupted):
                connection.abort()
            elif error is not None:
                client.serve_by(refusal(error, scope))

        self._carry_http(before.words, found, scope, client, ended)

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
        if self._dialer is not None:
            with suppress(Exception):
                await self._dialer.close()

    def _found(self, scope: Scope, session_id: int, *, sandboxed: bool, framed_by: str) -> tuple[Route, Way]:
        """Where it goes, if the caller may. Raises `LaunchyardError`."""
        sessions = self._context.services.controller.sessions
        endpoint = sessions.endpoint(identity_of(scope).caller, session_id)
        found, way = self._way(endpoint, sandboxed=sandboxed, framed_by=framed_by)
        if scope["type"] == "http" and found.speaks is not Speaks.HTTP:
            raise NotFound(f"session {session_id} has no pages of its own; open it in the portal")
        return found, way

    def _carry_http(self, words: Words, found: Route, scope: Scope, client: Client, ended: Ended) -> Exchange:
        activity(self._context, found.session_id, words.method, words.way.path(scope["path"]))
        if self._pool is None or self._lasting is None:
            self._pool, self._lasting = Pool(), Lasting()
        lasting, loop = self._lasting, asyncio.get_running_loop()

        def watch() -> End:
            return self._until(scope, found, cut_soon)

        def cut_soon() -> None:
            loop.call_soon(exchange.cut)

        def over(error: Exception | None) -> None:
            lasting.end(watch)
            ended(error)

        exchange = Exchange(self._pool, words, client, over)
        lasting.begin(watch)
        exchange.ask(scope)
        return exchange

    async def _carry_socket(self, way: Way, found: Route, scope: Scope, receive: Receive, send: Send) -> None:
        cut = asyncio.Event()
        forget = self._until(scope, found, cut.set)
        used = partial(activity, self._context, found.session_id, "WEBSOCKET", way.path(scope["path"]))
        try:
            if found.speaks is Speaks.RFB:
                await websocket.carry_bytes(way, scope, receive, send, cut, used)
            elif found.speaks is Speaks.HTTP:
                dialer = self._dialer = self._dialer or Dialer()
                await websocket.carry(dialer, way, _visitor(scope), scope, receive, send, cut, used)
            else:
                raise NotFound(f"session {found.session_id} is a terminal; open it in the portal")
        except Interrupted:
            raise ClientDisconnect from None
        finally:
            forget()

    def _until(self, scope: Scope, found: Route, cut: Callable[[], None]) -> End:
        """`cut` is called once this caller may not go on; the answer ends that."""
        forget = self._context.closing.on_close(scope, cut)
        identity, tokens = identity_of(scope), self._context.tokens

        def may_go_on() -> bool:
            if identity.token_id is not None and tokens.good(identity.token_id) is None:
                return False
            try:
                return route(self._context, found.session_id, identity.caller).launch_id == found.launch_id
            except LaunchyardError:
                return False

        if not may_go_on():
            cut()
        again = _Again(may_go_on, cut)

        def end() -> None:
            again.end()
            forget()

        return end

    def _way(self, endpoint: Endpoint, *, sandboxed: bool, framed_by: str) -> tuple[Route, Way]:
        """Made once for each endpoint that the controller tells: a request must not pay for it."""
        key = (endpoint.job.id, sandboxed, framed_by)
        known = self._ways.get(key)
        if known is not None and known[0] is endpoint:
            return known[1], known[2]
        reach = self._context.services.reach
        if reach is None:
            raise Unavailable("sessions cannot be reached by this server")
        found = route_of(endpoint)
        launch = hashlib.sha256(found.launch_id.encode()).hexdigest()[:32]
        way = Way(
            key=f"s{found.session_id}-{launch}",
            connect=partial(reach, endpoint.job, found.target),
            prefix=f"{PATH}{found.session_id}",
            strip_prefix=found.strip_prefix,
            headers=found.headers,
            sandboxed=sandboxed,
            framed_by=framed_by,
        )
        self._ways[key] = (endpoint, found, way)
        while len(self._ways) > WAYS_MAX:
            self._ways.popitem(last=False)
        return found, way


class Lasting:
    """Has watched what lasts, and only that: most is over before it would pay. One timer looks for all."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._young: dict[Watch, float] = {}
        self._watched: dict[Watch, End] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, watch: Watch) -> None:
        self._young[watch] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(LASTS_AFTER_S, self._look)

    def end(self, watch: Watch) -> None:
        if self._young.pop(watch, None) is None:
            self._watched.pop(watch)()

    def _look(self) -> None:
        self._timer = None
        old = self._loop.time() - LASTS_AFTER_S
        for watch in [watch for watch, since in self._young.items() if since <= old]:
            del self._young[watch]
            self._watched[watch] = watch()
        if self._young:
            self._timer = self._loop.call_later(LASTS_AFTER_S, self._look)


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


def _words(scope: Scope, way: Way) -> Words:
    """Raises `AppGone` for what no app could be asked in."""
    try:
        return Words(scope, way, _visitor(scope))
    except Unfit as error:
        raise AppGone(f"the app in the session gave no proper answer ({error})") from None


def _visitor(scope: Scope) -> Visitor:
    peer, client = connection_of(scope).peer, scope.get("client")
    address = "127.0.0.1" if peer is not None or not client else str(client[0])
    return Visitor(address, cookies.without_ours, cookies.is_ours)
