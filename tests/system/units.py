"""Units of systemd without systemd: what it would start, wait for and send, done by hand."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.system.product import PATIENCE_S, command_line


class Unit:
    """What systemd reads of one."""

    def __init__(self, path: Path) -> None:
        self.values: dict[str, str] = {}
        for line in path.read_text().splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.values[name] = value

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """`Type=notify` is there once it says so, `Type=forking` once its command has returned."""
        ready = folder / "notify.sock"
        ready.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(ready))
            ready.chmod(0o777)
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NOTIFY_SOCKET": str(ready)}
            with (folder / "unit.out").open("ab") as log:
                process = subprocess.Popen(
                    self.values["ExecStart"].split(), env=environment, cwd="/", stdout=log, stderr=log
                )
            if self.values["Type"] == "forking":
                assert process.wait(PATIENCE_S) == 0, (folder / "unit.out").read_text()
            else:
                said = _said(manager, process)
                assert said.startswith(b"READY=1\n"), (said, (folder / "unit.out").read_text())
        return process

    @property
    def pid(self) -> int:
        """Of the PID file, read as systemd reads it: digits and the end of the line."""
        text = Path(self.values["PIDFile"]).read_text()
        assert text.rstrip("\n").isdigit(), text
        return int(text)

    def reload(self, pid: int) -> None:
        words = self.values["ExecReload"].replace("$MAINPID", str(pid)).split()
        subprocess.run(words, check=True, timeout=PATIENCE_S)


def _said(manager: socket.socket, process: subprocess.Popen[bytes]) -> bytes:
    """The first that it says; nothing when it ends before or says nothing in time."""
    manager.settimeout(0.1)
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            return manager.recv(4096)
    return b""


@contextlib.contextmanager
def passable_folder() -> Iterator[Path]:
    """A directory that every user may pass; pytest takes that right from its own with each run."""
    with tempfile.TemporaryDirectory(prefix="ly-service-", ignore_cleanup_errors=True) as made:
        path = Path(made)
        path.chmod(0o755)
        yield path
        end_all_that_name(path)


def end_all_that_name(path: Path) -> None:
    """Ours that were started on a path: it stands among their words. Each may leave an heir, so until none is
    left, and still none a little later: in the midst of an exec a process has no words."""
    deadline, quiet = time.monotonic() + 60, 0
    while quiet < 3:
        pids = _that_name(path)
        assert time.monotonic() < deadline, f"processes of {path} go on: {pids}"
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        quiet = 0 if pids else quiet + 1
        time.sleep(0.05)


def _that_name(path: Path) -> list[int]:
    pids = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
    return [pid for pid in pids if str(path) in command_line(pid) and pid != os.getpid()]
