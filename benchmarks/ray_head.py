"""A real Ray head for comparison: its own temp directory and free ports, ended by the pids that are its own.

Ray lies in a virtual environment of its own, as scripts/install-ray makes it. `LAUNCHYARD_RAY_VENV` names it.
"""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.product import command_line, wait_for

VENV = "LAUNCHYARD_RAY_VENV"
PLACES = (Path.home() / ".cache/launchyard/ray-2.60.0", Path("/tmp/rayvenv"))
PORTS = [
    *("port", "dashboard-port", "ray-client-server-port", "node-manager-port", "object-manager-port"),
    *("dashboard-agent-listen-port", "dashboard-agent-grpc-port", "metrics-export-port"),
]
PATIENCE_S = 120


def programs() -> Path | None:
    """The directory of Ray's programs, where it is installed."""
    named = os.environ.get(VENV)
    for place in [Path(named)] if named else PLACES:
        if os.access(place / "bin" / "ray", os.X_OK):
            return place / "bin"
    return None


@contextmanager
def running(installed: Path, cpus: int) -> Iterator[str]:
    """The address of a head that has started."""
    # The paths of its sockets may have no more than 107 characters.
    with tempfile.TemporaryDirectory(prefix="lr-", dir="/tmp", ignore_cleanup_errors=True) as name:
        head, dashboard = _start(installed, Path(name), cpus)
        url = f"http://127.0.0.1:{dashboard}"
        try:
            wait_for(lambda: _answers(url) or None, PATIENCE_S, "Ray answers", 0.2)
            yield url
        finally:
            _end(head, name)


def _start(installed: Path, directory: Path, cpus: int) -> tuple[subprocess.Popen[bytes], int]:
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    command = [str(installed / "ray"), "start", "--head", "--block", "--disable-usage-stats"]
    command += [f"--{name}={port}" for name, port in ports.items()]
    command += [f"--temp-dir={directory / 'r'}", f"--num-cpus={cpus}", "--node-ip-address=127.0.0.1"]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "LAUNCHYARD_"))}
    quiet = {"RAY_AUTH_MODE": "disabled", "PATH": f"{installed}:{os.environ.get('PATH', '/usr/bin:/bin')}"}
    with (directory / "head.log").open("wb") as log:
        head = subprocess.Popen(
            command, env={**kept, **quiet}, cwd=directory, stdout=log, stderr=log, start_new_session=True
        )
    return head, ports["dashboard-port"]


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/jobs/", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(head: subprocess.Popen[bytes], directory: str) -> None:
    """All that it started has its directory in its command, or is in its session."""
    head.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        head.wait(timeout=20)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (left := _of(head.pid, directory)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    head.wait(timeout=20)


def _of(session: int, directory: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            with contextlib.suppress(OSError):
                if directory in command_line(pid) or os.getsid(pid) == session:
                    found.append(pid)
    return [pid for pid in found if _state(pid) not in ("Z", "")]


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""
