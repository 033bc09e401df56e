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

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX_BYTES = 64 * 1024
HEAD_MAX_S = 20.0
SESSION_PATH = b"/session/"
SESSION_MESSAGE_MAX_BYTES = 64 * 1024 * 1024
LARGE_BYTES = 32 * 1024
SILENCE_MAX_S = 60
"""TCP gives up on a peer that has not acknowledged anything for so long."""

_UCRED = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a unix socket, by the kernel's word."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Connection:
    """`peer` is None for TCP. `abort` cuts the connection without sending what is still buffered."""

    peer: Peer | None
    abort: Callable[[], None]


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


class ClientProtocol(HttpToolsProtocol):
    """Adds to each request's state its `connection`; bounds the size of a head and the time it may take."""

    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = _prepared(transport.get_extra_info("socket"))
        self.app_state = {**self.app_state, "connection": Connection(peer, transport.abort)}
        self.transport = cast(asyncio.Transport, JoinedWrites(transport, self.loop))
        self._head_timer = self.loop.call_later(HEAD_MAX_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
            self.transport.abort()
        elif self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_MAX_S, self._too_slow)

    def handle_websocket_upgrade(self) -> None:
        self.transport = cast(JoinedWrites, self.transport).plain
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
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        super().on_message_complete()

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
