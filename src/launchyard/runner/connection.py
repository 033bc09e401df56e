"""A connection between srun and a runner, from either side: frames in, frames out, never waiting."""

import contextlib
import socket
from typing import Any

from launchyard.runner.frames import Frame, Reader, frame, told

BACKLOG_MAX = 512 * 1024
"""So much waits to be sent before the tasks' output is left in their pipes."""
_RECEIVE_BYTES = 256 * 1024


def connect(path: str) -> "Connection":
    """Raises `OSError` when nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    return Connection(connection)


class Connection:
    """`lost`: the other side is not there any more, and all that it has said was heard."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setblocking(False)
        self._reader = Reader()
        self._backlog = bytearray()
        self._unheard = False
        """The other side takes nothing any more."""
        self.lost = False

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def waiting(self) -> int:
        """Bytes that the other side has not taken yet."""
        return len(self._backlog)

    def send(self, kind: int, data: bytes = b"", task: int = -1) -> None:
        self._send(frame(kind, data, task))

    def tell(self, kind: int, value: dict[str, Any], task: int = -1) -> None:
        """Send JSON."""
        self._send(told(kind, value, task))

    def _send(self, whole: bytes) -> None:
        if not self.lost and not self._unheard:
            self._backlog += whole
            self.flush()

    def flush(self) -> None:
        """Send what can be sent now."""
        try:
            while self._backlog:
                sent = self._socket.send(self._backlog)
                del self._backlog[:sent]
        except BlockingIOError:
            pass
        except OSError:
            # What it said last is still to be received, up to the end.
            self._unheard = True
            self._backlog.clear()

    def receive(self) -> list[Frame]:
        """What has come. Raises `BrokenStream`."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self._lose()
            return []
        return self._reader.feed(data)

    def end(self, within_s: float) -> None:
        """Send the rest, if the other side takes it in time, and close."""
        self.drain(within_s)
        self._socket.close()

    def drain(self, within_s: float) -> None:
        """Send the rest, if the other side takes it in time."""
        self._socket.settimeout(within_s)
        with contextlib.suppress(OSError):
            self._socket.sendall(self._backlog)

    def _lose(self) -> None:
        self.lost = True
        self._backlog.clear()
