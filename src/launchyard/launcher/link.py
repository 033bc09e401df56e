"""A non-blocking connection that carries messages: to the daemon, and between keeper and launcher."""

import contextlib
import os
import socket
import struct

from launchyard.launcher.messages import BrokenStream, Decoder, Message, encode

_RECEIVE_BYTES = 1 << 18
_WAITING_MAX = 64 << 20
_CREDENTIALS = struct.Struct("3i")


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Pid and uid of the process that connected, or that made the pair."""
    pid, uid, _ = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return pid, uid


class Link:
    """One connection; `closed` once the peer is gone, sends nonsense, or does not read for too long."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.closed = False
        self._decoder = Decoder()
        self._out = bytearray()
        self._fds: list[tuple[int, int]] = []
        """(position in what waits to be sent, file descriptor that goes with that byte)"""

    def fileno(self) -> int:
        return self.connection.fileno()

    def receive(self) -> list[Message]:
        """What has arrived, as far as it is whole."""
        try:
            data = self.connection.recv(_RECEIVE_BYTES)
            if not data:
                self.closed = True
            return self._decoder.feed(data)
        except BlockingIOError:
            return []
        except (OSError, BrokenStream):
            self.closed = True
            return []

    def send(self, message: Message, fd: int | None = None) -> None:
        """Queue a message; `fd` is sent with it and closed here."""
        if fd is not None:
            self._fds.append((len(self._out), fd))
        self._out += encode(message)
        if len(self._out) > _WAITING_MAX:
            self.closed = True

    @property
    def waiting(self) -> bool:
        """Whether something could not be sent yet."""
        return bool(self._out)

    def flush(self) -> None:
        """Send what the peer takes."""
        try:
            while self._out and not self.closed:
                self._send_some()
        except BlockingIOError:
            return
        except OSError:
            self.closed = True

    def _send_some(self) -> None:
        if self._fds and self._fds[0][0] == 0:
            fd = self._fds[0][1]
            sent = socket.send_fds(self.connection, [self._out[:1]], [fd])
            del self._fds[0]
            os.close(fd)
        else:
            limit = self._fds[0][0] if self._fds else len(self._out)
            sent = self.connection.send(bytes(self._out[:limit]))
        del self._out[:sent]
        self._fds = [(position - sent, fd) for position, fd in self._fds]

    def close(self) -> None:
        self.closed = True
        for _, fd in self._fds:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._fds.clear()
        self.connection.close()
