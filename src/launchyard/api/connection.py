"""One client's connection: uvicorn's HTTP protocol, made to know its peer and to keep its patience.

The kernel says who is at the other end of a unix socket (SO_PEERCRED); nothing that a client sends can. What
is known is put into the scope's state, for HTTP and for WebSocket alike.
"""

import asyncio
import copy
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from launchyard.api.taken import LARGE_BYTES, Carried, Taken

HEAD_MAX_BYTES = 64 * 1024
HEAD_MAX_S = 20.0
SESSION_PATH = b"/session/"
SESSION_MESSAGE_MAX_BYTES = 64 * 1024 * 1024
WAITING_MAX_BYTES = 16 * 1024
"""Who answers in parts makes no other while more than this waits for the kernel, which has enough itself."""
SILENCE_MAX_S = 60
"""TCP gives up on a peer that has not acknowledged anything for so long."""

AtOnce = Callable[[Any], bool]

_UCRED = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a unix socket, by the kernel's word."""

    pid: int
    uid: int
    gid: int


@dataclass(slots=True)
class Connection:
    """`peer` is None for TCP. `abort` cuts the connection without sending what is still buffered."""

    peer: Peer | None
    abort: Callable[[], None]
    take: Callable[[], Taken]
    """The request that is served now, to be answered by calls; for no WebSocket."""
    before: Any = None
    """What was found of the last request, for whoever found it: the next one may say the same."""


class JoinedWrites:
    """A transport that sends an answer's head together with the part that follows it at once.

    uvicorn writes them apart, and this transport sends each write immediately: two system calls and two
    wake-ups of the client an answer, which is half of what a small answer costs.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.plain = transport
        self.is_closing = transport.is_closing
        self._loop = loop
        self._head = b""
        self._flushing: asyncio.Handle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def write(self, data: bytes) -> None:
        if len(data) >= LARGE_BYTES:
            # By itself a large part is worth a write, and a copy of it is not.
            self.flush()
            if not self.is_closing():
                self.plain.write(data)
            return
        if self._flushing is None:
            self._head = data
            self._flushing = self._loop.call_soon(self.flush)
            return
        self._head += data
        self.flush()

    def flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        head, self._head = self._head, b""
        if head and not self.is_closing():
            self.plain.write(head)

    def close(self) -> None:
        self.flush()
        self.plain.close()


def for_an_application(scope: Scope) -> bool:
    """Nothing is carried at once."""
    return False


class ClientProtocol(HttpToolsProtocol):
    """Adds to each request's state its `connection`; bounds the size of a head and the time it may take.

    `at_once` is offered each request before the application: whether it has taken it, to answer it by calls.
    """

    plain: asyncio.Transport
    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None
    _quiet_since = 0.0
    _served: RequestResponseCycle | None = None
    _taken: Taken | None = None

    def __init__(self, *given: Any, at_once: AtOnce = for_an_application, **more: Any) -> None:
        super().__init__(*given, **more)
        self._at_once = at_once

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = _prepared(transport.get_extra_info("socket"))
        self.app_state = {**self.app_state, "connection": Connection(peer, transport.abort, self._take)}
        self.plain = transport
        transport.set_write_buffer_limits(high=WAITING_MAX_BYTES)
        self.transport = cast(asyncio.Transport, JoinedWrites(transport, self.loop))
        self._head_timer = self.loop.call_later(HEAD_MAX_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_waiting()
        super().connection_lost(exc)
        taken = self._taken
        self.left()
        if taken is not None and taken.by is not None:
            taken.by.cut()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
            self.transport.abort()
        elif self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_MAX_S, self._too_slow)

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        self.transport = self.plain
        if self._leads_to_session():
            self.config = copy.copy(self.config)
            self.config.ws_max_size = SESSION_MESSAGE_MAX_BYTES
        super().handle_websocket_upgrade()

    def _leads_to_session(self) -> bool:
        """Whether an app gets the messages; whoever only looks like that is refused before it sends any."""
        host = next((value for name, value in self.headers if name == b"host"), b"")
        return self.url.startswith(SESSION_PATH) or host.partition(b".")[0].isdigit()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        by = self._carried_by
        if by is not None and self.cycle is self._served:
            by.body(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        by = self._carried_by
        if by is not None and self.cycle is self._served:
            by.body_ended()
        else:
            super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        by = self._carried_by
        if by is not None:
            by.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        by = self._carried_by
        if by is not None:
            by.resume()

    # ---- what is answered by calls

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        if not self._at_once(cycle.scope):
            super()._start_asgi_task(cycle, app)

    def _take(self) -> Taken:
        assert self._served is not None
        self._taken = Taken(self, self._served)
        return self._taken

    @property
    def _carried_by(self) -> Carried | None:
        return None if self._taken is None else self._taken.by

    def left(self) -> None:
        self._taken = None

    def serve(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:
        super()._start_asgi_task(cycle, cast(Any, app))

    def answered(self, cycle: RequestResponseCycle) -> None:
        self._taken = None
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    # ---- between requests

    def on_response_complete(self) -> None:
        """The next request, or a time to wait for one. One timer waits for all: it looks when it goes off."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._quiet_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if not self.cycle.response_complete or self._head_timer is not None:
            return
        left_s = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._wait(left_s)
        elif not self.transport.is_closing():
            self.transport.close()

    def _wait(self, for_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(for_s, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        super()._unset_keepalive_if_required()

    def _unset_keepalive_if_required(self) -> None:
        """Something comes. To stop the timer would cost more than to note the time, at which it looks."""
        self._quiet_since = self.loop.time()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self.transport.abort()


def _prepared(sock: Any) -> Peer | None:
    """The peer of a unix socket; a TCP socket is told to notice a peer that is gone."""
    if sock.family == socket.AF_UNIX:
        return Peer(*_UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MAX_S * 1000)
    return None


def connection_of(scope: Any) -> Connection:
    """The connection that a request came by."""
    return cast(Connection, scope["state"]["connection"])
