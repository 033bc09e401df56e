"""A person's terminal joined with one of the server's: what comes together at either end is not lost."""

import base64
import hashlib
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launchyard.sdk.websocket import BINARY, CLOSE, masked
from tests.pieces import first_bytes, first_line

PATIENCE_S = 60.0
ATTACH = """
import sys
from launchyard.cli.terminal import Screen, attach
from launchyard.sdk.address import Address
from launchyard.sdk.transport import Transport
from launchyard.sdk.websocket import open_websocket
screen = Screen(open_websocket(Transport(Address(socket=sys.argv[1]), timeout_s=60), "/x"))
print(attach(screen).value)
"""


class Joined:
    """The server's end, and the person's."""

    def __init__(self, server: socket.socket, terminal: int) -> None:
        self.server = server
        self._terminal = terminal
        self._shown = b""

    def see(self, words: bytes) -> None:
        until = time.monotonic() + PATIENCE_S
        while words not in self._shown:
            assert select.select([self._terminal], [], [], until - time.monotonic())[0], self._shown
            self._shown += os.read(self._terminal, 4096)

    def type(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def frame(self) -> tuple[int, bytes]:
        """The next short one of the client's."""
        head = first_bytes(self.server, 2)
        mask, length = first_bytes(self.server, 4), head[1] & 0x7F
        return head[0] & 0x0F, masked(first_bytes(self.server, length), mask)


@contextmanager
def joined(directory: Path, first: bytes) -> Iterator[Joined]:
    """`first` is shown together with the server's agreement."""
    path = directory / "s"
    ours, theirs = pty.openpty()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(PATIENCE_S)
        command = [sys.executable, "-c", ATTACH, str(path)]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, start_new_session=True) as person:
            os.close(theirs)
            server, _ = listener.accept()
            try:
                server.settimeout(PATIENCE_S)
                server.sendall(agreement(server) + bytes([0x80 | BINARY, len(first)]) + first)
                yield Joined(server, ours)
            finally:
                person.kill()
                server.close()
    os.close(ours)


def agreement(server: socket.socket) -> bytes:
    key = b""
    while (line := first_line(server)) != b"\r\n":
        found = re.match(rb"(?i)sec-websocket-key: (.*)\r\n", line)
        key = found[1] if found else key
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    accepted = base64.b64encode(digest)
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accepted
    )


def test_a_prompt_that_came_with_the_agreement_is_shown_at_once(tmp_path: Path) -> None:
    """The shell waits for the person then, and nothing more comes."""
    with joined(tmp_path, b"$ ") as both:
        both.see(b"$ ")


def test_what_was_typed_before_the_person_left_is_sent(tmp_path: Path) -> None:
    with joined(tmp_path, b"$ ") as both:
        both.see(b"$ ")
        assert both.frame()[0] != BINARY, "the window's size comes first"
        both.type(b"make\r\x1clost")
        sent = b""
        while (frame := both.frame())[0] != CLOSE:
            assert frame[0] == BINARY
            sent += frame[1]
        assert sent == b"make\r"
        both.see(b"detached")
