"""A Ray head of our own on this machine, where nobody has one yet: `start = true`, `ly up --engine ray`.

It lets in only who has its token: Ray listens on the machine's address whatever it is told. It ends with the
daemon; launchers and jobs do not, and are found again under the next one.
"""

import contextlib
import hashlib
import hmac
import json
import os
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from launchyard.agent import seed
from launchyard.launcher import processes
from launchyard.model.errors import Unavailable

HOST = "127.0.0.1"
END_MS = 20_000
QUICKLY = {"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
"""What runs there ends by itself: Ray need not wait for it before it ends."""


class Head:
    """`start` answers its address; one that a killed daemon left is used again."""

    def __init__(self, python: str, directory: Path, key: bytes) -> None:
        self._python = python
        self._directory = directory
        self._record = directory / "head.json"
        self._token = hmac.new(key, b"ray-token", hashlib.sha256).hexdigest()
        mark = hashlib.sha256(b"head" + key).hexdigest()[:8]
        self._temporary = Path(f"/tmp/ly-{os.getuid()}-{mark}")  # noqa: S108 - Ray needs a short path

    @property
    def variables(self) -> dict[str, str]:
        """What lets a program in."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self._token}

    def start(self) -> str:
        """Return at once: whoever joins it waits until it answers. Raises `Unavailable`."""
        left = self._left()
        if left is not None:
            return str(left["address"])
        self._make_directory()
        address = f"{HOST}:{_free_port()}"
        passed = ("PATH", "HOME", "LANG", seed.NAMED)
        needed = {name: os.environ[name] for name in passed if name in os.environ}
        with (self._directory / "head.log").open("ab") as log:
            process = subprocess.Popen(
                self._command(address),
                env={**needed, **self.variables, **QUICKLY, "RAY_USAGE_STATS_ENABLED": "0"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        began = processes.start_time(process.pid)
        self._record.write_text(json.dumps({"pid": process.pid, "start": began, "address": address}))
        return address

    def stop(self) -> None:
        """End it with all that it started, and see it gone."""
        left = self._left()
        if left is None:
            return
        _, children = processes.family()
        # Those that outlive it, and that a later look would not find any more.
        below = [(pid, processes.start_time(pid)) for pid in processes.below(left["pid"], children)]
        watched = processes.watch(left["pid"], left["start"])
        if processes.signal_exactly(left["pid"], left["start"], signal.SIGTERM) and watched is not None:
            poll = select.poll()
            poll.register(watched, select.POLLIN)
            poll.poll(END_MS)
        if watched is not None:
            os.close(watched)
        for pid, start in [(left["pid"], left["start"]), *below]:
            if start is not None:
                processes.signal_exactly(pid, start, signal.SIGKILL)
        self._record.unlink(missing_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _left(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return None
        return found if processes.alive(found["pid"], found["start"]) else None

    def _make_directory(self) -> None:
        with contextlib.suppress(FileExistsError):
            self._temporary.mkdir(mode=0o700)
        found = self._temporary.lstat()
        if self._temporary.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise Unavailable(f"{self._temporary} is in the way of Ray; remove it")

    def _command(self, address: str) -> list[str]:
        port = address.rpartition(":")[2]
        return [
            *(self._python, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            # Ray opens its own directory to everybody; the one above it stays closed.
            *(f"--node-ip-address={HOST}", f"--port={port}", f"--temp-dir={self._temporary / 'r'}"),
            *("--include-dashboard=false", "--dashboard-agent-listen-port=0"),
            *("--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats"),
        ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
