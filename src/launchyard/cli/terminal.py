"""This terminal, connected to one on the server: raw mode, window size, and always put back as it was."""

import contextlib
import json
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from enum import Enum
from types import FrameType
from typing import Any

from launchyard.sdk.websocket import WebSocket

OURS = 125
"""The exit code when the failure is ours and not that of what ran."""
DETACH = b"\x1c"
"""Ctrl-\\ : leave it running."""
READ_BYTES = 64 * 1024


class Outcome(Enum):
    """Why the connection is over. `REFUSED`: the server had nothing to connect to."""

    ENDED = "ended"
    DETACHED = "detached"
    LOST = "lost"
    REFUSED = "refused"


class Screen:
    """What a WebSocket shows: bytes go out as they come, and the server's last words are kept."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.shown_bytes = 0
        self.last_words: dict[str, Any] = {}

    def receive(self) -> None:
        for message in self.socket.receive():
            if isinstance(message, bytes):
                _write(message)
                self.shown_bytes += len(message)
            else:
                self.last_words = json.loads(message)

    @property
    def outcome(self) -> Outcome:
        code = self.socket.close_code
        if code == 1008:
            return Outcome.REFUSED
        return Outcome.ENDED if code == 1000 else Outcome.LOST

    @property
    def exit_code(self) -> int:
        """That of what ran in the terminal: its own, or 128 + n of the signal n."""
        signal_number = self.last_words.get("signal")
        return 128 + int(signal_number) if signal_number else int(self.last_words.get("exit_code") or 0)


def have_terminal() -> bool:
    """Whether a person sits at both ends: what we read and what we write are terminals."""
    return os.isatty(0) and os.isatty(1)


@contextlib.contextmanager
def raw_mode(fd: int) -> Iterator[None]:
    """Every key goes through as it is; put back at the end, also on SIGTERM and SIGHUP."""
    before = termios.tcgetattr(fd)
    handlers = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        # What was typed ahead is for the command, so it is not thrown away.
        tty.setraw(fd, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _size_changes() -> Iterator[int]:
    """A descriptor that becomes readable when the window changes its size."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    handler = signal.signal(signal.SIGWINCH, lambda *_: None)
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGWINCH, handler)
        os.close(reader)
        os.close(writer)


def attach(screen: Screen, *, detachable: bool = True) -> Outcome:
    """Carry keys and output until the other side ends, the person detaches, or the connection is lost."""
    socket = screen.socket
    with raw_mode(0), _size_changes() as changes:
        send_size(socket)
        watched = [0, changes]
        connection = socket.fileno()
        while socket.close_code is None:
            ready, _, _ = select.select([*watched, connection], [], [], 0 if socket.came else None)
            if changes in ready:
                os.read(changes, READ_BYTES)
                send_size(socket)
            if 0 in ready:
                keys = os.read(0, READ_BYTES)
                if not keys:
                    watched.remove(0)
                elif detachable and DETACH in keys:
                    if before := keys.partition(DETACH)[0]:
                        socket.send_bytes(before)
                    socket.close()
                    return Outcome.DETACHED
                else:
                    socket.send_bytes(keys)
            if connection in ready or socket.came:
                screen.receive()
    return screen.outcome


def watch(screen: Screen) -> Outcome:
    """Without a terminal of our own: the output as it is, and no input."""
    while screen.socket.close_code is None:
        screen.receive()
    return screen.outcome


def _write(data: bytes) -> None:
    sys.stdout.flush()
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def window() -> tuple[int, int]:
    """Rows and columns of this terminal; of one that does not say, the usual ones."""
    size = os.get_terminal_size(0)
    return size.lines or 24, size.columns or 80


def send_size(socket: WebSocket) -> None:
    rows, columns = window()
    socket.send_text(json.dumps({"rows": rows, "cols": columns}))
