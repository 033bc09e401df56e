"""One stream: a local descriptor at this end, and what is still to be written to it or to be granted.

Nothing here waits: whoever owns the streams asks each to do what can be done now.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import stat
import tempfile
from collections import deque
from typing import IO, NamedTuple

from launchyard.agent import frames

WINDOW = 1 << 20
"""Bytes that may be under way in one direction of a stream, so that one slow reader holds up no other."""
_FDS_MAX = 16


class Chunk(NamedTuple):
    """Bytes to be written, with the streams that stand for the descriptors that go with them."""

    data: bytes
    attached: list[Attached]


class Attached:
    """A descriptor for whoever reads at this end: one half of a pair, or a file once all of it has come."""

    def __init__(self, fd: int, *, complete: bool) -> None:
        self.fd = fd
        self.complete = complete

    def close(self) -> None:
        os.close(self.fd)


class Stream:
    """A connected socket at this end."""

    def __init__(self, number: int, local: socket.socket) -> None:
        local.setblocking(False)
        self.number = number
        self.local = local
        self.window = WINDOW
        """Bytes that we may send still."""
        self.read_over = False
        self.end_came = False
        self.coming: list[Attached] = []
        """For the next bytes that come."""
        self._waiting: deque[Chunk] = deque()
        self._written = 0
        self._shut = False

    def fileno(self) -> int:
        return self.local.fileno()

    @property
    def wants_to_read(self) -> bool:
        return not self.read_over and self.window > 0

    @property
    def wants_to_write(self) -> bool:
        return bool(self._waiting) and all(one.complete for one in self._waiting[0].attached)

    @property
    def over(self) -> bool:
        return self.read_over and self._shut

    def read(self) -> tuple[bytes, list[int]]:
        """What is there, with descriptors; b"": no more comes. Raises `BlockingIOError`, `OSError`."""
        fds = array.array("i")
        space = socket.CMSG_SPACE(_FDS_MAX * fds.itemsize)
        limit = min(self.window, frames.PAYLOAD_MAX)
        data, ancillary, _, _ = self.local.recvmsg(limit, space, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        self.window -= len(data)
        self.read_over = not data
        return data, list(fds)

    def take(self, data: bytes) -> None:
        """Bytes from the other end."""
        self._waiting.append(Chunk(data, self.coming))
        self.coming = []

    def write(self) -> int:
        """Write what is taken now; the bytes that may be granted anew. Raises `OSError`."""
        with contextlib.suppress(BlockingIOError):
            while self.wants_to_write:
                self._write_some()
        if self.end_came and not self._waiting and not self._shut:
            self._shut = True
            with contextlib.suppress(OSError):
                self.local.shutdown(socket.SHUT_WR)
        if self._waiting and self._written < WINDOW // 4:
            return 0
        granted, self._written = self._written, 0
        return granted

    def _write_some(self) -> None:
        data, attached = self._waiting[0]
        if attached:
            sent = socket.send_fds(self.local, [data], [one.fd for one in attached])
            for one in attached:
                one.close()
        else:
            sent = self.local.send(data)
        self._written += sent
        if sent == len(data):
            self._waiting.popleft()
        else:
            self._waiting[0] = Chunk(data[sent:], [])

    def close(self) -> None:
        for one in [*self.coming, *(one for chunk in self._waiting for one in chunk.attached)]:
            one.close()
        self.coming.clear()
        self._waiting.clear()
        self.local.close()


class FileOut:
    """A file at this end that is read to its end for the other."""

    def __init__(self, number: int, fd: int) -> None:
        self.number = number
        self.window = WINDOW
        self._fd = fd
        self._position = 0

    def read(self) -> bytes:
        """The next bytes; b"" at the end. Raises `OSError`."""
        data = os.pread(self._fd, min(self.window, frames.PAYLOAD_MAX), self._position)
        self._position += len(data)
        self.window -= len(data)
        return data

    def close(self) -> None:
        os.close(self._fd)


class FileIn:
    """A file of the other end, kept here without a name until it is complete."""

    def __init__(self, number: int, directory: str) -> None:
        self.number = number
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - open until it is complete
        self.attached = Attached(os.dup(self._file.fileno()), complete=False)

    def take(self, data: bytes) -> None:
        self._file.write(data)

    def complete(self) -> None:
        self._file.flush()
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        self.attached.complete = True
        self._file.close()

    def close(self) -> None:
        self._file.close()


def is_socket(fd: int) -> bool:
    return stat.S_ISSOCK(os.fstat(fd).st_mode)
