"""Very many followers of logs, read by one loop that only notes what came when; the rest is for later."""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.system.person import Person

CLOSE = b"\x88\x02" + (1000).to_bytes(2, "big")
"""The frame with which a WebSocket says that all is well and over."""
GOODBYE = b"\x88\x80\0\0\0\0"
READ_BYTES = 1 << 18
UPGRADE = """Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="""


@dataclass(slots=True)
class Tail:
    """One follower: over HTTP, or over a WebSocket as Ray's clients do it."""

    job: str
    websocket: bool
    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    """When it came (the machine's monotonic time, in ns) and what."""

    @property
    def body(self) -> bytes:
        return b"".join(part for _, part in self.parts())

    def late_s(self) -> Iterator[float]:
        """For each line of a number, then its time: how long it took."""
        line = b""
        for at_ns, part in self.parts():
            *lines, line = (line + part).split(b"\n")
            for number, *more in map(bytes.split, lines):
                if number.isdigit():
                    yield (at_ns - int(more[0])) / 1e9

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """The body, and when the last byte of each part of it came."""
        raw = b"".join(data for _, data in self.pieces)
        head = raw.index(b"\r\n\r\n") + 4
        arrivals, came = iter(self.pieces), 0
        at_ns = 0
        for start, end in (_frames if self.websocket else _chunks)(raw, head):
            while came < end:
                at_ns, data = next(arrivals)
                came += len(data)
            yield at_ns, raw[start:end]


def _chunks(raw: bytes, at: int) -> Iterator[tuple[int, int]]:
    """From where to where the parts of an answer in chunks go. Fails if its last one is missing."""
    while True:
        line = raw.index(b"\r\n", at)
        size = int(raw[at:line], 16)
        if not size:
            return
        yield line + 2, line + 2 + size
        at = line + 2 + size + 2


def _frames(raw: bytes, at: int) -> Iterator[tuple[int, int]]:
    """The same of a WebSocket's texts. Fails if it did not say that all is over and well."""
    while True:
        kind, size, start = raw[at] & 0x0F, raw[at + 1], at + 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, start = int.from_bytes(raw[start : start + wide], "big"), start + wide
        if kind == 8:
            assert raw[at:] == CLOSE
            return
        if kind < 2:
            yield start, start + size
        at = start + size


class Tails:
    """Followers of logs of a user."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._epoll = select.epoll()
        self._open: dict[int, tuple[socket.socket, Tail]] = {}
        self.all: list[Tail] = []

    def follow(self, job: str | int) -> None:
        self._begin(Tail(str(job), False), f"/v1/jobs/{job}/logs?follow=1", "Connection: close")

    def follow_as_ray(self, submission: str) -> None:
        self._begin(Tail(submission, True), f"/api/jobs/{submission}/logs/tail", UPGRADE)

    def _begin(self, tail: Tail, path: str, more: str) -> None:
        host, port = self._person.address
        made = socket.create_connection((host, port))
        head = f"Host: {host}:{port}\r\nAuthorization: Bearer {self._person.token}\r\n{more}"
        made.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
        made.setblocking(False)
        self._open[made.fileno()] = made, tail
        self._epoll.register(made, select.EPOLLIN)
        self.all.append(tail)

    def read(self, patience_s: float) -> int:
        """Take what has come by now; how many are still open."""
        for fd, _ in self._epoll.poll(patience_s):
            made, tail = self._open[fd]
            data = made.recv(READ_BYTES)
            if data:
                tail.pieces.append((time.monotonic_ns(), data))
            if not data or (tail.websocket and _closed(tail)):
                self._epoll.unregister(fd)
                del self._open[fd]
                if data:
                    made.send(GOODBYE)
                made.close()
        return len(self._open)

    def to_their_ends(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while self.read(1.0):
            assert time.monotonic() < deadline, f"{len(self._open)} logs did not come to their ends"

    def have_begun(self, line: bytes) -> bool:
        """All of them have this line, their first, and are still open."""
        return self.read(0.1) == len(self.all) and all(_ends_with(tail, line) for tail in self.all)

    def close(self) -> None:
        for made, _ in self._open.values():
            made.close()
        self._open.clear()
        self._epoll.close()


def _closed(tail: Tail) -> bool:
    return b"".join(data for _, data in tail.pieces[-4:]).endswith(CLOSE)


def _ends_with(tail: Tail, line: bytes) -> bool:
    return b"".join(data for _, data in tail.pieces).removesuffix(b"\r\n").endswith(line)


class Probe:
    """Asks the API in a process of its own meanwhile (`tests.system.probing`)."""

    def __init__(self, person: Person, job: str | int) -> None:
        host, port = person.address
        command = [sys.executable, "-m", "tests.system.probing", host, str(port), str(job)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{person.token}\n".encode())
        self._process.stdin.flush()

    def took_s(self) -> list[float]:
        """It stops; how long each answer took."""
        said, _ = self._process.communicate(timeout=180)
        took: list[float] = json.loads(said)
        return took
