"""Asking the app whether it is there: first that it listens, then that it answers."""

import base64
import os
import socket
from typing import NamedTuple

from launchyard.attendant.order import Order
from launchyard.attendant.telling import begin_of, status_of

ANSWER_S = 5.0
RFB = b"RFB "
"""What a VNC server begins with."""
BROKEN = 500
"""From this status on an answer is none yet: an app that is still starting says so by 503."""


class Found(NamedTuple):
    """What one look at the app showed; `said` is its answer in words, for the sentence if it stays so."""

    listens: bool
    answers: bool
    said: str = ""


class Probe:
    """`port` is where an app listens that knows no unix sockets; it may name another in the file `port`."""

    def __init__(self, order: Order, secret: str, port: int | None) -> None:
        self._order = order
        self._secret = secret
        self._port = port
        self._socket = os.path.join(order.directory, "app.sock")
        self._port_file = os.path.join(order.directory, "port")
        self._secret_file = os.path.join(order.directory, "secret")

    @property
    def port(self) -> int | None:
        """As the app said, or as it was told."""
        try:
            with open(self._port_file) as file:
                return int(file.read(16))
        except (OSError, ValueError):
            return self._port

    @property
    def secret(self) -> str:
        """The one made for the app, or the one that it says it asks for, in the file `secret`."""
        try:
            with open(self._secret_file) as file:
                return file.read(4096).strip() or self._secret
        except (OSError, UnicodeDecodeError):
            return self._secret

    def look(self) -> Found:
        """Ask once."""
        if self._order.speaks == "terminal":
            return Found(True, True)
        try:
            connection = self._connect()
        except (OSError, OverflowError):
            return Found(False, False)
        with connection:
            try:
                return self._ask(connection)
            except TimeoutError:
                return Found(True, False, f"it did not answer within {ANSWER_S:g} s")
            except OSError as error:
                return Found(True, False, error.strerror or str(error))

    def _connect(self) -> socket.socket:
        of_port = self._order.tcp
        connection = socket.socket(socket.AF_INET if of_port else socket.AF_UNIX)
        connection.settimeout(ANSWER_S)
        try:
            connection.connect(("127.0.0.1", self.port or 0) if of_port else self._socket)
        except BaseException:
            connection.close()
            raise
        return connection

    def _ask(self, connection: socket.socket) -> Found:
        if self._order.speaks == "rfb":
            greeting = begin_of(connection, lambda said: len(said) >= len(RFB))
            return Found(True, greeting.startswith(RFB), "it does not speak VNC")
        connection.sendall(self._request())
        status = status_of(connection)
        if status is None:
            return Found(True, False, "it does not speak HTTP")
        return Found(True, status < BROKEN, f"it answered with status {status}")

    def _request(self) -> bytes:
        order = self._order
        path = order.ready if order.strip_prefix else f"{order.prefix}{order.ready}"
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", "Accept: */*"]
        lines += [f"{name}: {filled(value, self.secret)}" for name, value in order.headers.items()]
        return "\r\n".join((*lines, "", "")).encode()


def filled(template: str, secret: str) -> str:
    """A header with the session's own secret in it."""
    basic = base64.b64encode(f":{secret}".encode()).decode()
    return template.replace("{secret}", secret).replace("{basic}", basic)
