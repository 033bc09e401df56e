"""The product as a user has it, run by a test: its own state directory, free ports, stopped by pid.

Everything goes through the front door (HTTP on the unix socket, the daemon's command line); what a fault test
needs from behind (pids of daemon, keeper and launcher) is read from /proc.
"""

import contextlib
import http.client
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.system.kept import keep_packages_in

ENDED = {
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "TIMEOUT",
    "OUT_OF_MEMORY",
    "NODE_FAIL",
    "PREEMPTED",
    "DEADLINE",
    "LOST",
}
PATIENCE_S = 120.0
SILENCE_S = 25.0
"""A third of that after which the server closes a connection."""
_LISTENS = "0A"
"""In /proc/net/tcp."""

Json = dict[str, Any]
T = TypeVar("T")


class Refused(Exception):
    """The server said no; `status` and `problem` are what it said."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem}")
        self.status, self.problem = status, problem


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float = 60) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Client:
    """One connection, reopened when it breaks; no retries: a fault test wants to see every failure.

    After a while of silence it is another one: long before the server closes it, maybe as a request is sent.
    """

    _answered_at = math.inf

    def __init__(self, path: Path, timeout: float = 60) -> None:
        self._connection: http.client.HTTPConnection = UnixConnection(path, timeout)

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        sent = (
            {"Content-Type": "application/json", **(headers or {})}
            if data is not None
            else dict(headers or {})
        )
        if time.monotonic() - self._answered_at > SILENCE_S:
            self._connection.close()
        try:
            self._connection.request(method, path, data, sent)
            response = self._connection.getresponse()
            text = response.read()
            self._answered_at = time.monotonic()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        if response.status >= 400:
            problem = json.loads(text) if text.startswith(b"{") else {"detail": text.decode()}
            raise Refused(response.status, problem)
        kind = response.headers.get("content-type", "")
        return json.loads(text) if "json" in kind else text

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where the jobs of all products run: `clusters` is added to each configuration that names none.

    `clear` ends what jobs of a product that is destroyed are left there.
    """

    engine: str = "local"
    clusters: str = ""
    clusters_of_others: str = ""
    """The same for a server that does not stay root, where that is told otherwise."""
    nodes: int = 0
    start_s: float = 0.0
    ray_address: str = "none"
    """Of the Ray cluster that jobs find themselves in."""
    clear: Callable[[], None] = lambda: None
    environments: Callable[[Path], Path] = lambda state: state / "environments"
    """Where those of jobs are made, of a product with this state directory that has started."""
    on_nodes: Callable[[], list[Path]] = list
    """What nodes elsewhere have in the place of a product's state directory."""


GROUND = Ground()
"""See `tests.system.beneath`."""


class Asking:
    """What somebody asks a product, by connections of their own."""

    def client(self, timeout: float = 60) -> Client:
        """Another connection."""
        raise NotImplementedError

    def call(self, method: str, path: str, body: object = None) -> Any:
        client = self.client()
        try:
            return client.call(method, path, body)
        finally:
            client.close()

    def submit(self, command: str | Sequence[str], **fields: object) -> int:
        answer = self.call("POST", "/v1/jobs", {"command": command, **fields})
        return int(answer["id"])

    def job(self, job_id: int | str) -> Json:
        found: Json = self.call("GET", f"/v1/jobs/{job_id}")
        return found

    def log(self, job_id: int | str, stream: str = "stdout") -> bytes:
        found: bytes = self.call("GET", f"/v1/jobs/{job_id}/logs?stream={stream}")
        return found

    def until(self, job_id: int | str, *states: str, within_s: float = PATIENCE_S) -> Json:
        """Wait until the job is in one of the states (any end, when none is named)."""
        wanted = set(states) or ENDED

        def there() -> Json | None:
            job = self.job(job_id)
            return job if job["state"] in wanted else None

        return wait_for(there, within_s, f"job {job_id} in {sorted(wanted)}")

    def cannot(self, lack: str) -> str | None:
        """The sentence with which the default cluster refuses what it lacks; None: it can do that."""
        sentence: str | None = self.call("GET", "/v1/status")["clusters"][0]["cannot"].get(lack)
        return sentence

    def all_jobs(self) -> list[Json]:
        """Every job and task that it knows."""
        jobs: list[Json] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/v1/jobs?limit=1000{cursor}")
            jobs += page["jobs"]
            if not page.get("next"):
                return jobs
            cursor = f"&cursor={page['next']}"


class Product(Asking):
    """A daemon on `state`; `start`, `kill` and `start` again as often as a test likes."""

    def __init__(self, state: Path, config: str = "", *, source: Path | None = None) -> None:
        self.state = state
        self.config = state.parent / f"{state.name}.toml"
        self.ground = Ground() if "[[clusters]]" in config else GROUND
        self.configure(config or DEFAULT_CONFIG)
        self.source = source
        self.module = "launchyard.daemon"
        self.process: subprocess.Popen[bytes] | None = None
        self.facts: Json = {}

    def configure(self, config: str) -> None:
        """Its configuration from the next start on."""
        stays = 'daemon_user = "root"' in config
        clusters = (not stays and self.ground.clusters_of_others) or self.ground.clusters
        self.config.write_text(config + clusters)
        self.config.chmod(0o600)

    # -- the daemon

    def start(self, *, fault: str = "", launcher_fault: str = "", timeout_s: float = PATIENCE_S) -> Json:
        """Start and wait until it is ready. Raises `Refused` when it says why it will not.

        `fault` and `launcher_fault` name points of `launchyard.faults` at which that process is killed.
        """
        reading, writing = os.pipe()
        command = [sys.executable, "-m", self.module, "--state", str(self.state)]
        command += ["--config", str(self.config), "--ready-fd", str(writing)]
        environment = dict(os.environ)
        if fault:
            environment["LAUNCHYARD_FAULT"] = fault
        if launcher_fault:
            environment["LAUNCHYARD_LAUNCHER_FAULT"] = launcher_fault
        if self.source is not None:
            environment["PYTHONPATH"] = str(self.source)
        log = (self.state.parent / f"{self.state.name}.out").open("ab")
        self.process = subprocess.Popen(command, pass_fds=[writing], env=environment, stdout=log, stderr=log)
        os.close(writing)
        with open(reading, "rb") as pipe:
            line = _line_within(pipe.fileno(), max(timeout_s, self.ground.start_s))
        self.facts = json.loads(line) if line else {}
        if not line or "error" in self.facts:
            code = self.process.wait(timeout=PATIENCE_S)
            raise Refused(code, self.facts)
        if self.ground.nodes:
            wait_for(lambda: self._up() >= self.ground.nodes, PATIENCE_S, "all nodes of the cluster serve")
            keep_packages_in(self.environments)
        return self.facts

    @property
    def environments(self) -> Path:
        """Of jobs; where another engine has them, once it has started."""
        return self.ground.environments(self.state)

    def _up(self) -> int:
        return sum(node["state"] == "UP" for node in self.call("GET", "/v1/nodes")["nodes"])

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """kill -9 of the daemon."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """SIGTERM and wait; the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(timeout=PATIENCE_S)
        self.process = None
        return code

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    # -- the processes behind it

    def keepers(self) -> list[int]:
        """The pids of the keeper and of the launcher of this state directory."""
        return [pid for pid, _ in self._pair()]

    def launchers(self) -> list[int]:
        """The second of them alone."""
        return [pid for pid, line in self._pair() if "--keeper-fd" in line]

    def _pair(self) -> list[tuple[int, str]]:
        """With the command line of each, read once: in the midst of an exec it is empty.

        A job's process has its launcher's command line until its exec; it is none of them.
        """
        lines = dict(_command_lines())
        mine = {
            pid: line
            for pid, line in lines.items()
            if "launchyard.launcher.keeper" in line and str(self.state) in line
        }
        parents = {pid: parent_of(pid) for pid in mine}
        return [(pid, line) for pid, line in mine.items() if parents[pid] and line != lines.get(parents[pid])]

    def destroy(self) -> None:
        """End everything that was started on this state directory, jobs too."""
        self.kill()
        try:
            self._end_all()
        finally:
            self.ground.clear()

    def _end_all(self) -> None:
        deadline, gone = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < deadline:
            ours = [pid for pid, line in _command_lines() if "launchyard" in line and str(self.state) in line]
            mine = ours + job_pids(self.state)
            # Looked for again: what is in its exec, as who takes another's place, has no command line then.
            gone = 0 if mine else gone + 1
            if gone == 2:
                return
            for pid in mine:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def kill_all(self, *roles: str) -> None:
        """kill -9 of the `daemon`, the `keeper` and the `launcher`, as named, at once."""
        pair = self._pair()
        keeper = [pid for pid, line in pair if "--keeper-fd" not in line]
        launcher = [pid for pid, line in pair if "--keeper-fd" in line]
        wanted = {"daemon": [self.pid] if self.process else [], "keeper": keeper, "launcher": launcher}
        for role in roles:
            for pid in wanted[role]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if "daemon" in roles:
            self.kill()

    # -- asking it

    @property
    def socket_path(self) -> Path:
        return self.state / "run" / "api.sock"

    def client(self, timeout: float = 60) -> Client:
        return Client(self.socket_path, timeout)


DEFAULT_CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
[[nodes]]
name = "node"
cpus = 4
memory = "4GiB"
"""


def wait_for(condition: Callable[[], T | None], within_s: float, what: str, every_s: float = 0.02) -> T:
    """Ask until the answer is not None or False; a clear failure after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < deadline, f"after {within_s:g} s still not: {what}"
        time.sleep(every_s)


def job_pids(state: Path) -> list[int]:
    """Every process that carries the mark of a launch of this state directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            if b"LAUNCHYARD_LAUNCH_ID=" in environment and os.fsencode(f"TMPDIR={state}/tmp") in environment:
                found.append(int(entry.name))
    return found


def listening_port(pid: int) -> int:
    """The one TCP port at which this process listens."""
    held = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            held.add(str(fd.readlink()))
    # A row may be in the list twice while others come and go.
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (port,) = {row[1] for row in rows if row[3] == _LISTENS and f"socket:[{row[9]}]" in held}
    return int(port.rpartition(":")[2], 16)


def _line_within(fd: int, timeout_s: float) -> bytes:
    data = b""
    deadline = time.monotonic() + timeout_s
    while not data.endswith(b"\n"):
        ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, "the daemon said nothing in time"
        part = os.read(fd, 65536)
        if not part:
            break
        data += part
    return data


def command_line(pid: int) -> str:
    """The words of a process's command, empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def parent_of(pid: int) -> int:
    """0 of a process that is gone."""
    with contextlib.suppress(OSError):
        # After the name, which may have spaces in it: the state, then the parent.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command_lines() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name), command_line(int(entry.name))


def let_others_in(path: Path) -> None:
    """Every user may reach what is below `path`, which pytest keeps for us alone."""
    top = Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()).resolve()
    for directory in (path, *path.parents):
        if directory == top or top not in directory.parents:
            return
        directory.chmod(0o755)
