"""The network between a server and its PostgreSQL, which a test may cut, at a COMMIT if it likes."""

import contextlib
import socket
from enum import Enum
from threading import Thread
from time import monotonic, sleep


class Cut(Enum):
    """When everything is cut: before the next COMMIT gets there, or after it was answered there.

    STALL: that COMMIT never gets there, and nobody is told.
    """

    NEVER = "never"
    BEFORE_COMMIT = "before"
    AFTER_COMMIT = "after"
    STALL = "stall"


class Cable:
    """Relays connections to `port`; `cut` is what happens at the next COMMIT, `broken` refuses all."""

    def __init__(self, port: int) -> None:
        self.cut = Cut.NEVER
        self.broken = False
        self.cuts = 0
        self._answered = False
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    def sever(self) -> None:
        """Now."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.sever()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.broken:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [client, server]
                Thread(target=self._forward, args=(client, server), daemon=True).start()
                Thread(target=self._back, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                if self.cut is not Cut.NEVER and b"COMMIT" in data:
                    self._at_commit(server, data)
                    return
                server.sendall(data)
        self._end(client, server)

    def _at_commit(self, server: socket.socket, data: bytes) -> None:
        self.cuts += 1
        if self.cut is Cut.STALL:
            self.cut = Cut.NEVER
            return
        after, self.cut, self.broken = self.cut is Cut.AFTER_COMMIT, Cut.NEVER, True
        if after:
            # Its answer is dropped by `_back`, which sees that all is broken.
            server.sendall(data)
            deadline = monotonic() + 10
            while not self._answered and monotonic() < deadline:
                sleep(0.005)
        self.sever()

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                if self.broken:
                    self._answered = True
                    return
                client.sendall(data)
        self._end(client, server)

    def _end(self, *ends: socket.socket) -> None:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
