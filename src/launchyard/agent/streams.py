"""All streams between the daemon and one node, over whatever carries bytes in order: one thread, one loop.

Both ends are the same. At the daemon's end a stream begins as a socket that the daemon holds the other half
of; at the node's it begins as a connection to the launcher. Descriptors that pass (a helper's socket, a
connection to a session, a package) become streams of their own and real descriptors again at the far end, so
neither daemon nor launcher nor helper knows that there is a network between them.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable

from launchyard.agent import frames
from launchyard.agent.frames import Broken, Decoder, Frame
from launchyard.agent.stream import Attached, FileIn, FileOut, Stream, is_socket

Connect = Callable[[str], socket.socket]
WAITING_MAX = 8 << 20
"""Bytes that wait to be carried before local sockets are not read any more."""


class Streams:
    """Started at once. `first` tells the two ends' numbers apart: 0 at the daemon's end, 1 at the node's."""

    def __init__(
        self,
        first: int,
        directory: str,
        connect: Connect | None = None,
        passes: Callable[[socket.socket], bool] = lambda local: True,
    ) -> None:
        """`directory` holds files while they come; `connect` answers OPEN, which is refused without it.

        `passes`: which sockets may become streams; of another the far end gets one that is over.
        """
        self._passes = passes
        self._next = first + 2
        self._first = first
        self._directory = directory
        self._connect = connect
        self._decoder = Decoder()
        self._selector = selectors.DefaultSelector()
        self._streams: dict[int, Stream] = {}
        self._files_out: dict[int, FileOut] = {}
        self._files_in: dict[int, FileIn] = {}
        self._lock = threading.Condition()
        self._inbox: deque[bytes] = deque()
        self._begun: deque[tuple[socket.socket, str]] = deque()
        self._out = bytearray()
        self._closing = False
        self.closed = False
        self._wake, waker = os.pipe()
        self._waker = waker
        os.set_blocking(self._wake, False)
        os.set_blocking(waker, False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        threading.Thread(target=self._run, name="streams", daemon=True).start()

    # -- for other threads

    def feed(self, data: bytes) -> None:
        """What the other end sent."""
        with self._lock:
            self._inbox.append(data)
        self._rouse()

    def take(self, limit: int, wait_s: float) -> bytes:
        """What is for the other end; b"" when nothing came in time."""
        with self._lock:
            if not self._out and not self.closed:
                self._lock.wait(wait_s)
            data = bytes(self._out[:limit])
            before = len(self._out)
            del self._out[:limit]
        if before > WAITING_MAX >= before - len(data):
            self._rouse()
        return data

    def open(self, local: socket.socket, what: str) -> None:
        """Join a socket of ours with what the other end connects to."""
        with self._lock:
            self._begun.append((local, what))
        self._rouse()

    def close(self) -> None:
        """Every stream ends now."""
        self._closing = True
        self._rouse()

    # -- the loop

    def _rouse(self) -> None:
        # Under the lock, so that the number is not that of another descriptor by then.
        with self._lock, contextlib.suppress(BlockingIOError):
            if not self.closed:
                os.write(self._waker, b"x")

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        except Broken:
            pass
        finally:
            self._end()

    def _turn(self) -> None:
        full = len(self._out) > WAITING_MAX
        pumping = bool(self._files_out) and not full and any(one.window for one in self._files_out.values())
        self._interests(full)
        for key, events in self._selector.select(0 if pumping else None):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 65536)
                continue
            stream: Stream = key.data
            if events & selectors.EVENT_WRITE and stream.number in self._streams:
                self._flush(stream)
            if events & selectors.EVENT_READ and stream.number in self._streams:
                self._read(stream)
        with self._lock:
            inbox, self._inbox = self._inbox, deque()
            begun, self._begun = self._begun, deque()
        for local, what in begun:
            self._send(frames.encode(frames.OPEN, self._add(local).number, what.encode()))
        for data in inbox:
            for frame in self._decoder.feed(data):
                self._hear(frame)
        if pumping:
            self._pump()

    def _interests(self, full: bool) -> None:
        for stream in self._streams.values():
            events = selectors.EVENT_READ if stream.wants_to_read and not full else 0
            events |= selectors.EVENT_WRITE if stream.wants_to_write else 0
            key = self._selector.get_map().get(stream.fileno())
            if key is None and events:
                self._selector.register(stream.local, events, stream)
            elif key is not None and not events:
                self._selector.unregister(stream.local)
            elif key is not None and key.events != events:
                self._selector.modify(stream.local, events, stream)

    def _send(self, data: bytes) -> None:
        with self._lock:
            self._out += data
            self._lock.notify_all()

    def _add(self, local: socket.socket, number: int | None = None) -> Stream:
        if number is None:
            number, self._next = self._next, self._next + 2
        stream = self._streams[number] = Stream(number, local)
        return stream

    # -- from here to there

    def _read(self, stream: Stream) -> None:
        try:
            data, fds = stream.read()
        except BlockingIOError:
            return
        except OSError:
            self._reset(stream)
            return
        head = b"".join(self._attach(stream, fd) for fd in fds)
        if data:
            self._send(head + frames.encode(frames.DATA, stream.number, data))
        else:
            self._send(frames.encode(frames.END, stream.number))
            self._forget_if_over(stream)

    def _attach(self, stream: Stream, fd: int) -> bytes:
        """The descriptor becomes a stream."""
        if is_socket(fd):
            made = self._add(socket.socket(fileno=fd))
            announced = frames.attach(stream.number, frames.SOCKET, made.number)
            if self._passes(made.local):
                return announced
            self._forget(made)
            return announced + frames.encode(frames.RESET, made.number)
        number, self._next = self._next, self._next + 2
        self._files_out[number] = FileOut(number, fd)
        return frames.attach(stream.number, frames.FILE, number)

    def _pump(self) -> None:
        for file in list(self._files_out.values()):
            if not file.window:
                continue
            try:
                data = file.read()
            except OSError:
                data = b""
            if data:
                self._send(frames.encode(frames.DATA, file.number, data))
            else:
                self._send(frames.encode(frames.END, file.number))
                del self._files_out[file.number]
                file.close()

    # -- from there to here

    def _hear(self, frame: Frame) -> None:
        if frame.kind == frames.OPEN:
            self._opened(frame)
        elif frame.kind == frames.CREDIT and frame.stream in self._files_out:
            self._files_out[frame.stream].window += frames.credited(frame)
        elif frame.stream in self._files_in:
            self._hear_file(self._files_in[frame.stream], frame)
        elif frame.stream in self._streams:
            self._hear_stream(self._streams[frame.stream], frame)
        elif frame.kind == frames.ATTACH:
            # Its stream has ended meanwhile, and nobody will take what came with it.
            self._send(frames.encode(frames.RESET, frames.attachment(frame)[1]))

    def _opened(self, frame: Frame) -> None:
        try:
            if self._connect is None:
                raise ConnectionRefusedError
            local = self._connect(frame.payload.decode())
        except (OSError, UnicodeDecodeError):
            self._send(frames.encode(frames.RESET, frame.stream))
            return
        self._add(local, self._theirs(frame.stream))

    def _theirs(self, number: int) -> int:
        """A number that the other end may give."""
        if number % 2 == self._first or number in self._streams or number in self._files_in:
            raise Broken(f"stream {number} is there already")
        return number

    def _hear_stream(self, stream: Stream, frame: Frame) -> None:
        if frame.kind == frames.DATA:
            stream.take(frame.payload)
            self._flush(stream)
        elif frame.kind == frames.ATTACH:
            stream.coming.append(self._attached(*frames.attachment(frame)))
        elif frame.kind == frames.CREDIT:
            stream.window += frames.credited(frame)
        elif frame.kind == frames.END:
            stream.end_came = True
            self._flush(stream)
        elif frame.kind == frames.RESET:
            self._forget(stream)

    def _attached(self, what: int, number: int) -> Attached:
        if what == frames.FILE:
            file = self._files_in[self._theirs(number)] = FileIn(number, self._directory)
            return file.attached
        ours, theirs = socket.socketpair()
        self._add(ours, self._theirs(number))
        return Attached(theirs.detach(), complete=True)

    def _hear_file(self, file: FileIn, frame: Frame) -> None:
        if frame.kind == frames.DATA:
            file.take(frame.payload)
            self._send(frames.credit(file.number, len(frame.payload)))
        elif frame.kind in (frames.END, frames.RESET):
            del self._files_in[file.number]
            file.complete()

    def _flush(self, stream: Stream) -> None:
        try:
            granted = stream.write()
        except OSError:
            self._reset(stream)
            return
        if granted:
            self._send(frames.credit(stream.number, granted))
        self._forget_if_over(stream)

    # -- ends

    def _reset(self, stream: Stream) -> None:
        self._send(frames.encode(frames.RESET, stream.number))
        self._forget(stream)

    def _forget_if_over(self, stream: Stream) -> None:
        if stream.over:
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(stream.local)
        self._streams.pop(stream.number, None)
        stream.close()

    def _end(self) -> None:
        for stream in list(self._streams.values()):
            self._forget(stream)
        for outgoing in self._files_out.values():
            outgoing.close()
        for coming in self._files_in.values():
            coming.close()
        self._selector.close()
        with self._lock:
            for local, _ in self._begun:
                local.close()
            self.closed = True
            os.close(self._wake)
            os.close(self._waker)
            self._lock.notify_all()
