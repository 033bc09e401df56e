"""Telling the server what became of the app, over its unix socket: who we are the kernel says."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from launchyard.attendant.order import HEARD_SIGNAL, TOLD, Order

ANSWER_S = 10.0
PAUSES_S = (0.1, 5.0)
SAID_MAX = 4096


class Telling(Protocol):
    """Whoever tells the server."""

    def tell(self, what: str, within_s: float, **facts: Any) -> bool:
        """False: nobody took it in time, or the server does not want to hear it."""


def teller_of(order: Order) -> Telling:
    """By the server's socket, or by a file where that is not reached."""
    if order.api:
        return Teller(order.api, order.session_id, order.launch_id)
    return Noter(order.directory, order.launch_id)


class Noter:
    """Writes down what is to be told, in a file that the server follows."""

    def __init__(self, directory: str, launch_id: str) -> None:
        self._path = os.path.join(directory, TOLD)
        self._launch_id = launch_id
        self._heard = False
        signal.signal(HEARD_SIGNAL, self._hear)

    def tell(self, what: str, within_s: float, **facts: Any) -> bool:
        """True: it is written down, and within that time the server said that it has read it."""
        line = json.dumps({"launch_id": self._launch_id, "what": what, **facts}) + "\n"
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            with open(fd, "w") as file:
                file.write(line)
        except OSError:
            return False
        until = time.monotonic() + within_s
        while not self._heard and time.monotonic() < until:
            time.sleep(PAUSES_S[0])
        return self._heard or not within_s

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._heard = True


class Teller:
    """Tells one thing at a time. The server may be away for a while: then it is told again."""

    def __init__(self, api: str, session_id: int, launch_id: str) -> None:
        self._api = api
        self._path = f"/v1/sessions/{session_id}/told"
        self._launch_id = launch_id

    def tell(self, what: str, within_s: float, **facts: Any) -> bool:
        """As `Telling` says."""
        body = json.dumps({"launch_id": self._launch_id, "what": what, **facts}).encode()
        until, pause_s = time.monotonic() + within_s, PAUSES_S[0]
        while True:
            status = self._once(body)
            if status is not None and status < 500:
                return status < 300
            if time.monotonic() + pause_s > until:
                return False
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSES_S[1])

    def _once(self, body: bytes) -> int | None:
        """The answer's status; None: nobody answers."""
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_S)
                connection.connect(self._api)
                connection.sendall(head.encode() + body)
                return status_of(connection)
        except OSError:
            return None


def status_of(connection: socket.socket) -> int | None:
    """The status of the HTTP answer that comes; None: something else came, or nothing."""
    begun = begin_of(connection, lambda said: b"\n" in said)
    words = begun.split(b"\n", 1)[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return None
    return int(words[1])


def begin_of(connection: socket.socket, enough: Callable[[bytes], bool]) -> bytes:
    """What is said first, in whatever pieces it comes, until it is enough, far too much, or over."""
    begun = b""
    while not enough(begun) and len(begun) < SAID_MAX:
        data = connection.recv(SAID_MAX)
        if not data:
            break
        begun += data
    return begun
