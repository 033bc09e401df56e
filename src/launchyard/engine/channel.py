"""The daemon's side of helpers: one process a user, asked over its socket, started when first needed.

Answers are matched by id. What a helper sends beyond what was asked for is bounded by its window, so a slow
reader of a log holds at most a megabyte here.
"""

import asyncio
import base64
import contextlib
import itertools
import os
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from launchyard.engine.protocol import Engine
from launchyard.launcher.messages import BrokenStream, Decoder, Message, encode
from launchyard.model.errors import Conflict, Forbidden, LaunchyardError, NotFound, Unavailable

ANSWER_S = 30.0
GONE: Message = {"t": "error", "id": "", "errno": 0, "why": "the process that acts for the user has ended"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes of a file from `offset`; `size` is the file's size then."""

    data: bytes
    offset: int
    size: int


class UserHelpers:
    """Channels by uid."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._channels: dict[int, Channel] = {}
        self._starting: dict[int, asyncio.Lock] = {}

    async def of(self, uid: int) -> "Channel":
        """The channel of this user, with a live helper behind it."""
        async with self._starting.setdefault(uid, asyncio.Lock()):
            channel = self._channels.get(uid)
            if channel is None or channel.closed:
                channel = Channel(await self._engine.user_channel(uid))
                self._channels[uid] = channel
            return channel

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()


class Channel:
    """One helper. All methods are for the loop that made it."""

    def __init__(self, fd: int) -> None:
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        self._decoder = Decoder()
        self._out = bytearray()
        self._numbers = itertools.count(1)
        self._inboxes: dict[str, asyncio.Queue[Message]] = {}
        self._loop.add_reader(self._socket, self._readable)

    async def read(self, path: str, offset: int, limit: int) -> Part:
        """A range of a file; a negative offset counts from its end. Raises `LaunchyardError`."""
        with self.request({"t": "read", "path": path, "offset": offset, "limit": limit}) as request:
            try:
                return _part(await asyncio.wait_for(request.next(), ANSWER_S), path)
            except TimeoutError:
                raise Unavailable(f"{path} does not answer; its file system may be gone") from None

    async def follow(self, path: str, offset: int, ended: asyncio.Event) -> AsyncGenerator[Part, None]:
        """What is there, then what comes; after `ended`, to the end of the file."""
        with self.request({"t": "follow", "path": path, "offset": offset}) as request:
            finishing = asyncio.ensure_future(self._finish(request, ended))
            try:
                while (message := await request.next())["t"] != "done":
                    part = _part(message, path)
                    yield part
                    request.say({"t": "more", "bytes": len(part.data)})
            finally:
                finishing.cancel()

    def request(self, message: Message) -> "Request":
        """A conversation under a new id."""
        return Request(self, str(next(self._numbers)), message)

    def send(self, message: Message) -> None:
        if self.closed:
            return
        waits = bool(self._out)
        self._out += encode(message)
        if not waits:
            self._writable()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for inbox in self._inboxes.values():
            inbox.put_nowait(GONE)

    def enter(self, id: str) -> "asyncio.Queue[Message]":
        inbox = self._inboxes[id] = asyncio.Queue()
        if self.closed:
            inbox.put_nowait(GONE)
        return inbox

    def leave(self, id: str) -> None:
        self._inboxes.pop(id, None)

    async def _finish(self, request: "Request", ended: asyncio.Event) -> None:
        await ended.wait()
        request.say({"t": "finish"})

    def _readable(self) -> None:
        try:
            data = self._socket.recv(1 << 18)
            arrived = self._decoder.feed(data)
        except BlockingIOError:
            return
        except (OSError, BrokenStream):
            data, arrived = b"", []
        for message in arrived:
            inbox = self._inboxes.get(message["id"])
            if inbox is not None:
                inbox.put_nowait(message)
        if not data:
            self.close()

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._out)
            del self._out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if self._out:
            self._loop.add_writer(self._socket, self._writable)
        else:
            self._loop.remove_writer(self._socket)


class Request(contextlib.AbstractContextManager["Request"]):
    """One conversation with a helper; leaving it cancels what is still going on."""

    def __init__(self, channel: Channel, id: str, first: Message) -> None:
        self.id = id
        self._channel = channel
        self._first = first
        self._inbox: asyncio.Queue[Message] | None = None

    def __enter__(self) -> "Request":
        self._inbox = self._channel.enter(self.id)
        self.say(self._first)
        return self

    def __exit__(self, *_: object) -> None:
        if self._first["t"] == "follow":
            self.say({"t": "cancel"})
        self._channel.leave(self.id)

    def say(self, message: Message) -> None:
        self._channel.send({**message, "id": self.id})

    async def next(self) -> Message:
        if self._inbox is None:
            raise RuntimeError("the request has not been entered")
        return await self._inbox.get()


def data_of(message: Message) -> bytes:
    return base64.b64decode(message["data"])


def data_in(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _part(message: Message, path: str) -> Part:
    if message["t"] == "part":
        return Part(data=data_of(message), offset=message["offset"], size=message["size"])
    raise _error(message, path)


def _error(message: Message, path: str) -> LaunchyardError:
    number = message.get("errno", 0)
    why = message.get("why") or os.strerror(number)
    if number in (2, 20):
        return NotFound(f"there is no file {path} any more", code="log-gone")
    if number in (1, 13):
        return Forbidden(f"{path} cannot be read by the user of the job: {why}")
    if number:
        return Conflict(f"{path} cannot be read: {why}")
    return Unavailable(f"{why}; try again")
