"""Terminals of jobs: the user's process holds the master side, so a job outlives the daemon.

What a job prints goes to its log in the spool (which the launcher makes before the job runs) and, while a
client is attached, to the daemon. The latest part is kept for clients that attach later.
"""

import base64
import contextlib
import fcntl
import os
import pty
import struct
import termios
import threading

from launchyard.helper.logs import Answer, Part
from launchyard.launcher.messages import Message

RECENT_BYTES = 128 * 1024


class _Terminal:
    def __init__(self, id: str, log: str | None) -> None:
        self.id = id
        self.master, self.slave = pty.openpty()
        self.path = os.ttyname(self.slave)
        self.log = log
        self.recent = b""
        self.attached = False
        self.lock = threading.Lock()


class Terminals:
    """Each has a thread that carries what is printed."""

    def __init__(self, part: Part, answer: Answer) -> None:
        self._part = part
        self._answer = answer
        self._terminals: dict[str, _Terminal] = {}
        self._threads: list[threading.Thread] = []

    @property
    def open_count(self) -> int:
        return len(self._terminals)

    def open(self, order: Message) -> None:
        """Make one; the answer names its path."""
        terminal = _Terminal(order["id"], order.get("log"))
        self._terminals[terminal.id] = terminal
        _resize(terminal, order["rows"], order["cols"])
        thread = threading.Thread(target=self._carry, args=(terminal,), daemon=True)
        thread.start()
        self._threads.append(thread)
        self._answer({"t": "terminal", "id": terminal.id, "path": terminal.path})

    def attach(self, order: Message) -> None:
        """From now on send what is printed, the latest part first. The job holds its side by now."""
        terminal = self._terminals.get(order["id"])
        if terminal is None:
            self._answer({"t": "done", "id": order["id"]})
            return
        with terminal.lock:
            terminal.attached = True
            if terminal.recent:
                self._part(terminal.id, terminal.recent, 0, 0)

    def detach(self, order: Message) -> None:
        terminal = self._terminals.get(order["id"])
        if terminal is not None:
            terminal.attached = False

    def input(self, order: Message) -> None:
        terminal = self._terminals.get(order["id"])
        data = base64.b64decode(order["data"])
        while terminal is not None and data:
            with contextlib.suppress(OSError):
                data = data[os.write(terminal.master, data) :]
                continue
            return

    def resize(self, order: Message) -> None:
        terminal = self._terminals.get(order["id"])
        if terminal is not None:
            _resize(terminal, order["rows"], order["cols"])

    def close(self, order: Message) -> None:
        """Its job has ended: what is left is carried, then the terminal is gone."""
        terminal = self._terminals.get(order["id"])
        if terminal is not None:
            _let_go(terminal)

    def wait(self) -> None:
        """The daemon is gone: until every terminal has been let go of by its job."""
        for terminal in list(self._terminals.values()):
            _let_go(terminal)
        for thread in self._threads:
            thread.join()

    def _carry(self, terminal: _Terminal) -> None:
        log = -1
        while True:
            try:
                data = os.read(terminal.master, 65536)
            except OSError:
                # EIO: the last process that had it is gone.
                break
            if not data:
                break
            with terminal.lock:
                if terminal.log is not None and log < 0:
                    log = _open_log(terminal.log)
                _write(log, data)
                terminal.recent = (terminal.recent + data)[-RECENT_BYTES:]
                if terminal.attached:
                    self._part(terminal.id, data, 0, 0)
        self._terminals.pop(terminal.id, None)
        os.close(terminal.master)
        self._answer({"t": "done", "id": terminal.id})


def _let_go(terminal: _Terminal) -> None:
    """Close our own hold on the job's side, which kept its end from showing before the job had opened it."""
    with terminal.lock:
        if terminal.slave >= 0:
            os.close(terminal.slave)
            terminal.slave = -1


def _open_log(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return -1


def _write(fd: int, data: bytes) -> None:
    while fd >= 0 and data:
        try:
            data = data[os.write(fd, data) :]
        except OSError:
            return


def _resize(terminal: _Terminal, rows: int, cols: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
