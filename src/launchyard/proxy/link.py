"""One connection to an app, over which one request after another is asked."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from launchyard.proxy.reader import Broken, Reader

READ_BYTES = 64 * 1024

P = TypeVar("P", bound=asyncio.Protocol)


class Asker(Protocol):
    """Who has asked over a connection, and hears of it. `full` and `drained` are of what it sends."""

    def heard(self) -> None:
        """Something came, or the connection has broken."""

    def full(self) -> None: ...
    def drained(self) -> None: ...


async def connected(sock: socket.socket, make: Callable[[], P]) -> P:
    """What speaks over a connected socket from now on; the socket is closed if that cannot be."""
    loop = asyncio.get_running_loop()
    try:
        if sock.family == socket.AF_UNIX:
            _, protocol = await loop.create_unix_connection(make, sock=sock)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, protocol = await loop.create_connection(make, sock=sock)
    except BaseException:
        sock.close()
        raise
    return protocol


class Link(asyncio.Protocol):
    """`ask`, then the asker hears: the answer is with the `reader`, till it is `over` or this is `broken`."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.broken: Broken | None = None
        self.used = False
        """Whether another answer came over it before."""
        self.heard = False
        """Whether anything has come since it was asked."""
        self._asker: Asker | None = None
        self._paused = False
        self._quiet_since = 0.0

    # ---- for who asks

    def ask(self, head: bytes, asker: Asker, *, only_head: bool) -> None:
        """Send the head of a request; `only_head`: its answer will have no body."""
        self.reader.expect(only_head=only_head)
        self._asker, self.heard = asker, False
        self._transport.write(head)

    def send(self, data: bytes) -> None:
        """Send some of the request's body."""
        if self.broken is None:
            self._transport.write(data)

    def pause(self) -> None:
        """Read no more of the answer for now."""
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def rest(self, now: float) -> bool:
        """Its asker has done with it; whether the connection is good for another one."""
        self._asker = None
        if self.broken is None and self.reader.over and self.reader.keeps and not self._paused:
            self.used, self._quiet_since = True, now
            return True
        return False

    def is_good(self, since: float) -> bool:
        """Whether another request can be asked: the last one ended after `since`."""
        return self.broken is None and self._asker is None and self._quiet_since > since

    def close(self) -> None:
        """At once; what was not sent yet is not sent."""
        self._break(Broken("the connection was given up"))

    # ---- from the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        asker = self._asker
        if asker is None:
            self._break(Broken("something came that was not asked for"))
            return
        self.heard = True
        try:
            self.reader.feed(data)
        except Broken as error:
            self._break(error)
        asker.heard()

    def eof_received(self) -> None:
        """Nothing more comes: `connection_lost` is next."""
        if self._asker is None:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        error = Broken("the connection ended")
        if self._asker is not None and self.broken is None:
            try:
                if exc is None:
                    self.reader.end()
                else:
                    self._hear_out()
            except Broken as cut_off:
                error = cut_off
        self._break(error)
        if self._asker is not None:
            self._asker.heard()

    def _hear_out(self) -> None:
        """Raises `Broken`. An app may answer before it has read the whole request, and go: what is sent to it
        then breaks the connection before its answer was read, which is still there."""
        fd = self._transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):
            while data := os.read(fd, READ_BYTES):
                self.heard = True
                self.reader.feed(data)

    def pause_writing(self) -> None:
        if self._asker is not None:
            self._asker.full()

    def resume_writing(self) -> None:
        if self._asker is not None:
            self._asker.drained()

    def _break(self, error: Broken) -> None:
        if self.broken is None:
            self.broken = error
            self._transport.abort()
