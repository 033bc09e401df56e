"""`ly` as a person starts it: a process of its own, with or without a terminal."""

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from typing import NamedTuple

from launchyard.cli.output.sentences import elapsed_s
from launchyard.model.walltime import humane
from tests.system.product import Product

LY = [sys.executable, "-m", "launchyard.cli"]
PATIENCE_S = 120.0


class Result(NamedTuple):
    """The exit code and what was printed."""

    code: int
    out: str
    err: str


def variables(state: Path | None) -> dict[str, str]:
    """Our environment, pointed at one server and at no other."""
    named = {"LAUNCHYARD_STATE": str(state)} if state is not None else {}
    ours = ("LAUNCHYARD_", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    bin_directory = str(Path(sys.executable).parent)
    return {**kept, "PATH": f"{bin_directory}:{os.environ['PATH']}", **named}


def ly(state: Path | None, *words: str, cwd: Path | None = None, token: str | None = None) -> Result:
    """Run to the end, without a terminal."""
    credential = {} if token is None else {"LAUNCHYARD_TOKEN": token}
    done = subprocess.run(
        [*LY, *words],
        env={**variables(state), **credential},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def ran(product: Product, job_id: int) -> str:
    """How long the job ran, as `ly` says it: what it takes here is not for a test to say."""
    seconds = elapsed_s(product.job(job_id))
    assert seconds is not None
    return humane(seconds)


class Terminal:
    """`ly` in a terminal of its own: what it shows, and keys for it."""

    def __init__(self, state: Path, *words: str, rows: int = 24, columns: int = 80) -> None:
        self.shown = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Before it looks at its window, the window has its size.
            _resize(0, rows, columns)
            os.execve(LY[0], [*LY, *words], variables(state))

    def resize(self, rows: int, columns: int) -> None:
        _resize(self.fd, rows, columns)

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    @property
    def raw(self) -> bool:
        """Whether keys go through as they are."""
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Read what is shown until the condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"never {what}; shown: {self.shown!r}"
            self._read(0.05)

    def shows(self, text: bytes) -> None:
        self.until(lambda: text in self.shown, f"{text!r}")

    def end(self) -> int:
        """Its exit code, once it ended."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self._read(0):
                    pass
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"it never ended; shown: {self.shown!r}")

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.shown += data
        return bool(data)


def _resize(fd: int, rows: int, columns: int) -> None:
    ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
