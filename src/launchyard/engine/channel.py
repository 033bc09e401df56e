"""The daemon's side of helpers: one process a user, asked over its socket, started when first needed.

Answers are matched by id; a part of a log may be for many. What a helper sends beyond what was taken is
bounded by its window, so a slow reader of a log holds at most a quarter of a megabyte here, or less where
there are many of them. A helper that has died is replaced: reads and follows go on where they were; only a
terminal dies with its helper.
"""

import asyncio
import base64
import contextlib
import itertools
import os
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType

from launchyard.engine.gateway import Channels
from launchyard.engine.inbox import Inbox, Turns
from launchyard.launcher.messages import BrokenStream, Decoder, Message, encode, receive
from launchyard.model.errors import Conflict, Forbidden, LaunchyardError, NotFound, Unavailable

ANSWER_S = 30.0
TRIES = 3
"""How many helpers may die in a row under one request without having answered anything."""

RECEIVED_FDS_MAX = 64
JOINED_BYTES = 64 * 1024
"""Of a log: what waits for a follower is given to it together, up to so much."""
TOLD_BYTES = 16 * 1024
"""The helper is told what a follower took when it is so much. (Half of the smallest window.)"""

GONE: Message = {"t": "gone"}


class HelperGone(Unavailable):
    """The helper ended before it had answered; the next one may do better."""

    code = "helper-gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes of a file from `offset`; `size` is the file's size then.

    An offset below the end of the part before is a file that was truncated or replaced, begun anew.
    """

    data: bytes
    offset: int
    size: int


class UserHelpers:
    """Helpers by uid: what the API asks to have done as a user."""

    def __init__(self, engine: Channels, memory_mib: int | None = None, node: str | None = None) -> None:
        """`memory_mib`: what each helper and all that it starts may have together. `node` None: they run on
        this machine."""
        self._engine = engine
        self._node = node
        self._memory_mib = memory_mib
        self._channels: dict[int, Channel] = {}
        self._starting: dict[int, asyncio.Lock] = {}

    async def of(self, uid: int) -> "Channel":
        """The channel of this user, with a live helper behind it."""
        async with self._starting.setdefault(uid, asyncio.Lock()):
            channel = self._channels.get(uid)
            if channel is None or channel.closed:
                channel = Channel(await self._engine.user_channel(uid, self._memory_mib, self._node))
                self._channels[uid] = channel
            return channel

    async def read(self, uid: int, path: str, offset: int, limit: int) -> Part:
        """A range of a file, whole up to `limit` or the file's end; a negative offset counts from the end."""
        for _ in range(TRIES - 1):
            try:
                return await (await self.of(uid)).read(path, offset, limit)
            except HelperGone:
                continue
        return await (await self.of(uid)).read(path, offset, limit)

    async def follow(
        self, uid: int, path: str, offset: int, ended: asyncio.Event
    ) -> AsyncGenerator[Part, None]:
        """What is there, then what comes; after `ended`, to the end of the file.

        A file that is not there is waited for. Closing the iterator (`aclose`) ends the following.
        """
        died = 0
        while True:
            try:
                async with aclosing((await self.of(uid)).follow(path, offset, ended)) as parts:
                    async for part in parts:
                        yield part
                        died, offset = 0, part.offset + len(part.data)
                return
            except HelperGone:
                died += 1
                if died >= TRIES:
                    raise

    @property
    def in_use(self) -> bool:
        """One of them lives."""
        return any(not channel.closed for channel in self._channels.values())

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()


class Channel:
    """One helper. All methods are for the loop that made it."""

    def __init__(self, fd: int) -> None:
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._turns = Turns(self._loop)
        """Of those who follow logs: everybody else is told at once."""
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        self._decoder = Decoder()
        self._out = bytearray()
        self._wrote = False
        """In this round of the loop; what is said after that goes together in the next."""
        self._fds: list[tuple[int, int]] = []
        """Descriptors to send, each with the byte of `_out` that carries it."""
        self._received: list[int] = []
        """Descriptors that came and whose message has not come whole."""
        self._numbers = itertools.count(1)
        self._takers: dict[str, Callable[[Message], None]] = {}
        self._loop.add_reader(self._socket, self._readable)

    async def read(self, path: str, offset: int, limit: int) -> Part:
        """As `UserHelpers.read`, of this helper alone."""
        first = part = await self._read(path, offset, limit)
        pieces = [first.data]
        have = len(first.data)
        while part.data and have < limit and first.offset + have < first.size:
            part = await self._read(path, first.offset + have, limit - have)
            if part.offset != first.offset + have:
                # The file became shorter under us: what was read is all there was.
                break
            pieces.append(part.data)
            have += len(part.data)
        return Part(data=b"".join(pieces), offset=first.offset, size=first.size)

    async def follow(self, path: str, offset: int, ended: asyncio.Event) -> AsyncGenerator[Part, None]:
        """As `UserHelpers.follow`, of this helper alone."""
        first = {"t": "follow", "path": path, "offset": offset, "many": True}
        with Request(self, first, turns=self._turns) as request:
            finishing = asyncio.ensure_future(_finish(request, ended))
            try:
                untold = 0
                while (message := await request.next())["t"] != "done":
                    part = _joined(request, _part(message, path))
                    yield part
                    untold += len(part.data)
                    if untold >= TOLD_BYTES:
                        request.say({"t": "more", "bytes": untold})
                        untold = 0
                request.over = True
            finally:
                finishing.cancel()

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """`fds` go with it, one a byte, and are closed here; the message says how many they are."""
        if self.closed:
            _close(fds)
            return
        waits = bool(self._out)
        self._fds += [(len(self._out) + number, fd) for number, fd in enumerate(fds)]
        self._out += encode(message)
        if not waits and not self._wrote:
            self._wrote = True
            self._loop.call_soon(self._next_round)
            self._writable()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._wrote and not self._fds:
            with contextlib.suppress(OSError):
                while self._out:
                    del self._out[: self._socket.send(self._out)]
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        _close([fd for _, fd in self._fds])
        self._fds.clear()
        _close(self._received)
        self._received.clear()
        for take in list(self._takers.values()):
            take(GONE)

    def enter(self, take: Callable[[Message], None]) -> str:
        """A new id; `take` is called with each message that carries it, and with `GONE` at the end."""
        id = str(next(self._numbers))
        self._takers[id] = take
        if self.closed:
            take(GONE)
        return id

    def leave(self, id: str) -> None:
        self._takers.pop(id, None)

    @property
    def conversations(self) -> int:
        """How many have not been left."""
        return len(self._takers)

    async def _read(self, path: str, offset: int, limit: int) -> Part:
        with Request(self, {"t": "read", "path": path, "offset": offset, "limit": limit}) as request:
            request.over = True
            try:
                return _part(await asyncio.wait_for(request.next(), ANSWER_S), path)
            except TimeoutError:
                raise Unavailable(f"{path} does not answer; its file system may be gone") from None

    def _readable(self) -> None:
        """Read to the last byte: uvloop tells once of a reset, with what came before it still unread."""
        while not self.closed:
            try:
                data, fds = receive(self._socket)
                self._received += fds
                arrived = self._decoder.feed(data)
            except BlockingIOError:
                return
            except (OSError, BrokenStream):
                data, arrived = b"", []
            for message in arrived:
                self._take(message)
            if not data or len(self._received) > RECEIVED_FDS_MAX:
                self.close()

    def _take(self, message: Message) -> None:
        """The descriptors that a message counts go with it; those that nobody waits for are closed."""
        count = message.pop("fds", 0)
        if count:
            if not isinstance(count, int) or not 0 < count <= len(self._received):
                self.close()
                return
            message["fds"], self._received = self._received[:count], self._received[count:]
        if message["t"] == "part" and not _decoded(message):
            self.close()
            return
        if "ids" in message:
            self._take_many(message)
            return
        take = self._takers.get(message["id"])
        if take is not None:
            take(message)
        else:
            _close(message.get("fds", ()))

    def _take_many(self, message: Message) -> None:
        try:
            takers = [self._takers[id] for id in message["ids"] if id in self._takers]
        except TypeError:
            self.close()
            return
        for take in takers:
            take(message)

    def _next_round(self) -> None:
        self._wrote = False
        if self._out and not self.closed:
            self._writable()

    def _writable(self) -> None:
        try:
            while self._fds:
                self._send_some()
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

    def _send_some(self) -> None:
        """Up to the next descriptor, or the byte that carries it."""
        position, fd = self._fds[0]
        if position:
            sent = self._socket.send(self._out[:position])
        else:
            sent = socket.send_fds(self._socket, [self._out[:1]], [fd])
            del self._fds[0]
            os.close(fd)
        del self._out[:sent]
        self._fds = [(place - sent, one) for place, one in self._fds]


class Request:
    """One conversation with a helper; leaving it cancels what is still going on."""

    def __init__(
        self,
        channel: Channel,
        first: Message,
        *,
        fds: Sequence[int] = (),
        cancel: str = "cancel",
        turns: Turns | None = None,
    ) -> None:
        self.over = False
        """The helper has nothing more to say."""
        self._channel = channel
        self._first = first
        self._fds = fds
        self._cancel = cancel
        self._inbox = Inbox(turns)
        self._id = ""

    def __enter__(self) -> "Request":
        self._id = self._channel.enter(self._inbox.put)
        self._channel.send({**self._first, "id": self._id}, self._fds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.over:
            self.say({"t": self._cancel})
        self._channel.leave(self._id)
        while (message := self.at_once()) is not None:
            _close(message.get("fds", ()))

    @property
    def waiting(self) -> int:
        """Messages that have come and were not taken."""
        return len(self._inbox)

    def say(self, message: Message) -> None:
        self._channel.send({**message, "id": self._id})

    async def next(self) -> Message:
        return await self._inbox.take()

    def at_once(self, fits: Callable[[Message], bool] = lambda message: True) -> Message | None:
        """The next one if it is there, and if it fits."""
        return self._inbox.take_at_once(fits)

    async def next_within(self, limit_s: float) -> Message | None:
        """None: nothing came in time; descriptors that come later are closed."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._inbox.take()
        except TimeoutError:
            return None


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _decoded(message: Message) -> bool:
    """Once for all for whom it is, and before it waits: as bytes it takes less. False: it is no data."""
    try:
        message["data"] = data_of(message)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def data_of(message: Message) -> bytes:
    """A part of a file is decoded as it comes."""
    data: str | bytes = message["data"]
    return data if isinstance(data, bytes) else base64.b64decode(data)


def data_in(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def error_of(message: Message, path: str) -> LaunchyardError:
    """What an answer that is no answer means."""
    if message["t"] == "gone":
        return HelperGone("the process that acts for the user has ended; try again")
    number = message.get("errno", 0)
    why = message.get("why") or os.strerror(number)
    if number in (2, 20):
        return NotFound(f"there is no file {path} any more", code="log-gone")
    if number in (1, 13):
        return Forbidden(f"{path} cannot be read by the user of the job: {why}")
    return Conflict(f"{path} cannot be read: {why}")


async def _finish(request: Request, ended: asyncio.Event) -> None:
    await ended.wait()
    request.say({"t": "finish"})


def _joined(request: Request, part: Part) -> Part:
    """With what has come meanwhile and goes on where it ends."""
    pieces, size, end = [part.data], part.size, part.offset + len(part.data)

    def goes_on(message: Message) -> bool:
        return bool(message["t"] == "part" and message["offset"] == end)

    while end - part.offset < JOINED_BYTES and (message := request.at_once(goes_on)) is not None:
        pieces.append(data_of(message))
        size, end = message["size"], end + len(pieces[-1])
    return part if len(pieces) == 1 else Part(data=b"".join(pieces), offset=part.offset, size=size)


def _part(message: Message, path: str) -> Part:
    if message["t"] == "part":
        return Part(data=data_of(message), offset=message["offset"], size=message["size"])
    raise error_of(message, path)
