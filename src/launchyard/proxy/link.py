"""One connection to an app, over which one request after another is asked."""

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar, cast

from launchyard.proxy.reader import Broken, Reader

READ_AHEAD_BYTES = 256 * 1024

P = TypeVar("P", bound=asyncio.Protocol)


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
    """`ask`, then `answered`, then `part` until it is `over`; the answer's head is with the `reader`."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.used = False
        """Whether another answer came over it before."""
        self.heard = False
        """Whether anything has come since it was asked."""
        self._loop = asyncio.get_running_loop()
        self._asked = self._paused = False
        self._quiet_since = 0.0
        self._broken: Broken | None = None
        self._coming: asyncio.Future[None] | None = None
        self._full: asyncio.Future[None] | None = None

    # ---- for who asks

    def ask(self, head: bytes, *, only_head: bool) -> None:
        """Send the head of a request; `only_head`: its answer will have no body."""
        self.reader.expect(only_head=only_head)
        self._asked, self.heard = True, False
        self._transport.write(head)

    async def send(self, data: bytes) -> None:
        """Send some of the request's body, as fast as it is taken. Raises `Broken`."""
        if self._broken is not None:
            raise self._broken
        self._transport.write(data)
        if self._full is not None:
            await self._full

    async def answered(self) -> None:
        """Wait for the head of the answer. Raises `Broken`."""
        while not self.reader.begun:
            await self._more()

    async def part(self) -> bytes:
        """The next of the body; empty: there is no more. Raises `Broken` where it is cut off."""
        while not (part := self.reader.take()) and not self.reader.ended:
            await self._more()
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        return part

    def rest(self, now: float) -> bool:
        """The answer is done with; whether the connection is good for another one."""
        if self._broken is None and self.reader.over and self.reader.keeps and not self._paused:
            self._asked, self.used, self._quiet_since = False, True, now
            return True
        return False

    def is_good(self, since: float) -> bool:
        """Whether another request can be asked: the last one ended after `since`."""
        return self._broken is None and not self._asked and self._quiet_since > since

    def close(self) -> None:
        """At once; what was not sent yet is not sent."""
        self._fail(Broken("the connection was given up"))

    async def _more(self) -> None:
        if self._broken is not None:
            raise self._broken
        self._coming = self._loop.create_future()
        try:
            await self._coming
        finally:
            self._coming = None

    # ---- from the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._asked:
            self._fail(Broken("something came that was not asked for"))
            return
        self.heard = True
        try:
            self.reader.feed(data)
        except Broken as error:
            self._fail(error)
        if self.reader.held_bytes > READ_AHEAD_BYTES and self._broken is None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Nothing more comes: `connection_lost` is next."""
        if not self._asked:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            if self._asked and exc is None:
                self.reader.end()
            self._fail(Broken("the connection ended"))
        except Broken as error:
            self._fail(error)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._full = self._loop.create_future()

    def resume_writing(self) -> None:
        full, self._full = self._full, None
        if full is not None and not full.done():
            full.set_result(None)

    def _fail(self, error: Broken) -> None:
        if self._broken is None:
            self._broken = error
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._coming is not None and not self._coming.done():
            self._coming.set_result(None)
