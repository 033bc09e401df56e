"""Ray's jobs API, ours and a real Ray head's beside it: the same requests to both, in one run.

Where no Ray is installed (see `ray_head`) the rows that compare say so and have no gate.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from websockets.sync.client import connect

from benchmarks import ray_head
from benchmarks.row import Row
from tests.system.archives import wheel
from tests.system.product import Json, Product, wait_for

ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}
CPUS = 16
AT_ONCE = 40
FILES, BYTES = 2000, 50 * 2**20
SENT = f"working_dir of {BYTES >> 20} MiB in {FILES:,} files"
NOW = "date +%s.%N"
NO_RAY = f"no Ray is installed here: run scripts/install-ray, or name it in {ray_head.VENV}"

_SEND = """
import json, sys, time
from ray.job_submission import JobSubmissionClient
client = JobSubmissionClient(sys.argv[1])
began = time.time()
name = client.submit_job(entrypoint="date +%s.%N", runtime_env={"working_dir": sys.argv[2]})
print(json.dumps([began, time.time(), name]))
"""
_SEND_OURS = """
import json, sys, time
import launchyard
client = launchyard.Client(sys.argv[1])
began = time.time()
client.submit("date +%s.%N", runtime_env={"working_dir": sys.argv[2]}, submission_id=sys.argv[3])
print(json.dumps([began, time.time(), sys.argv[3]]))
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A directory sent by a server's own client: seconds of the call, and until the job's first command."""

    call_s: float
    running_s: float

    @property
    def note(self) -> str:
        return f"the client's call took {self.call_s:.2f} s"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one server, in seconds."""

    at_once: float
    each: float
    line: float
    first: Sent
    second: Sent


class Server:
    """Whoever speaks the Ray Jobs API."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self.token = url, token
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session = requests.Session()
        self._session.headers.update(self.headers)

    def post(self, entrypoint: str, **more: object) -> str:
        body = json.dumps({"entrypoint": entrypoint, **more})
        answer = self._session.post(f"{self.url}/api/jobs/", data=body, timeout=120)
        assert answer.status_code == 200, answer.text
        name: str = answer.json()["submission_id"]
        return name

    def status(self, name: str) -> str:
        return str(self._session.get(f"{self.url}/api/jobs/{name}", timeout=120).json()["status"])

    def until(self, name: str) -> None:
        def ended() -> Json | None:
            job: Json = self._session.get(f"{self.url}/api/jobs/{name}", timeout=120).json()
            return job if job["status"] in ENDED else None

        job = wait_for(ended, 300, f"{name} has ended", 0.002)
        assert job["status"] == "SUCCEEDED", job["message"]

    def run(self, entrypoint: str, **more: object) -> float:
        """Seconds from the POST until it has ended."""
        began = time.perf_counter()
        self.until(self.post(entrypoint, **more))
        return time.perf_counter() - began

    def log(self, name: str) -> str:
        text: str = self._session.get(f"{self.url}/api/jobs/{name}/logs", timeout=120).json()["logs"]
        return text


Send = Callable[[Server, Path, str], tuple[float, float, str]]
"""Sends a directory as the working_dir of a job that tells the time: when it began and ended, and the id."""


def rows(product: Product, directory: Path) -> list[Row]:
    """What is asked of us, beside what Ray does."""
    token = product.call("POST", "/v1/tokens", {"name": "bench"})["token"]
    server = Server(str(product.facts["url"]), token)
    ours = _figures(server, directory / "ours", _send_ours)
    warm = _warm(server, directory)
    installed = ray_head.programs()
    if installed is None:
        return [
            *(replace(row, gate=None, note=NO_RAY) for row in _compared(ours, None)),
            *_bounded(ours, warm),
        ]
    with ray_head.running(installed, CPUS) as url:
        theirs = _figures(Server(url), directory / "ray", _sender(installed))
    return [*_compared(ours, theirs), *_bounded(ours, warm), *_rays_own(theirs)]


def _compared(ours: Figures, theirs: Figures | None) -> list[Row]:
    def row(work: str, ask: Callable[[Figures], float], scale: float, unit: str, gate: float) -> Row:
        ray = None if theirs is None else ask(theirs)
        return Row(
            work=f"Ray jobs: {work}",
            value=ask(ours) * scale,
            unit=unit,
            against="a Ray head",
            ratio=None if ray is None else ray / ask(ours),
            gate=gate,
            note="" if ray is None else f"Ray {ray * scale:,.4g} {unit}",
        )

    return [
        row(f"{AT_ONCE} `true` posted at once, all ended", lambda one: one.at_once, 1, "s", 40),
        row("POST to ended", lambda one: one.each, 1000, "ms p50", 15),
        row("log line to client", lambda one: one.line, 1000, "ms p50", 20),
    ]


def _bounded(ours: Figures, warm: float) -> list[Row]:
    def row(work: str, value: float, most: float, note: str = "") -> Row:
        return Row(
            work=work,
            value=value,
            unit="s",
            against=f"{most:g} s",
            ratio=value / most,
            gate=1,
            lower_is_better=True,
            note=note,
        )

    return [
        row(f"{SENT}, submitted to running", ours.first.running_s, 5, ours.first.note),
        row(f"{SENT}, again", ours.second.running_s, 0.7, ours.second.note),
        row("a warm `pip` environment adds", warm, 0.6),
    ]


def _rays_own(theirs: Figures) -> list[Row]:
    return [
        Row(work=f"Ray's own: {SENT}", value=theirs.first.running_s, unit="s", note=theirs.first.note),
        Row(
            work="Ray's own: the same again", value=theirs.second.running_s, unit="s", note=theirs.second.note
        ),
    ]


def _figures(server: Server, directory: Path, send: Send) -> Figures:
    # First, so that it is not changed just before it is sent.
    tree = _tree(directory / "tree")
    server.run("true")
    each = statistics.median(server.run("true") for _ in range(10))
    return Figures(
        at_once=_at_once(server),
        each=each,
        line=_line(server),
        first=_working_dir(server, tree, send, "first"),
        second=_working_dir(server, tree, send, "second"),
    )


def _warm(server: Server, directory: Path) -> float:
    """What an environment that was made before adds; from a wheel, so that no index is asked."""
    environment = {"pip": [str(wheel(directory, "warmed", "1.0", "def main(): print('warm')"))]}
    server.run("warmed-says", runtime_env=environment)
    with_it, without = [], []
    for _ in range(10):
        with_it.append(server.run("true", runtime_env=environment))
        without.append(server.run("true"))
    return max(0.0, statistics.median(with_it) - statistics.median(without))


def _at_once(server: Server) -> float:
    """Each by a connection of its own, as separate clients."""
    names: list[str] = []

    def client() -> None:
        names.append(Server(server.url, server.token).post("true"))

    threads = [threading.Thread(target=client) for _ in range(AT_ONCE)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == AT_ONCE
    for name in names:
        server.until(name)
    return time.perf_counter() - began


def _line(server: Server, lines: int = 60) -> float:
    """Each line is the time at which it was written."""
    name = server.post(f"sleep 1; for n in $(seq {lines}); do {NOW}; sleep 0.1; done")
    wait_for(lambda: server.status(name) != "PENDING" or None, 300, f"{name} has started")
    late = _tailed(server, name)
    assert len(late) == lines, f"{len(late)} lines of {lines} came"
    return statistics.median(late)


def _tailed(server: Server, name: str) -> list[float]:
    late: list[float] = []
    rest = ""
    url = f"{server.url.replace('http', 'ws', 1)}/api/jobs/{name}/logs/tail"
    # Without compression, as Ray's own client asks: with it Ray says goodbye before the first line.
    with connect(url, additional_headers=server.headers, max_size=None, compression=None) as tail:
        for message in tail:
            now = time.time()
            *whole, rest = (rest + str(message)).split("\n")
            late += [now - float(line) for line in whole if _is_time(line)]
    return late


def _is_time(line: str) -> bool:
    return line.replace(".", "", 1).isdigit()


def _tree(directory: Path) -> Path:
    """Content that does not compress, so that every byte of it is sent."""
    for n in range(FILES):
        path = directory / f"d{n % 40}" / f"f{n}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(BYTES // FILES))
    return directory


def _working_dir(server: Server, tree: Path, send: Send, name: str) -> Sent:
    began, sent, name = send(server, tree, f"bench-{name}")
    server.until(name)
    ran = max(float(line) for line in server.log(name).split("\n") if _is_time(line))
    return Sent(sent - began, ran - began)


def _send_ours(server: Server, tree: Path, name: str) -> tuple[float, float, str]:
    command = [sys.executable, "-c", _SEND_OURS, server.url, str(tree), name]
    return _told(command, {"LAUNCHYARD_TOKEN": server.token})


def _sender(installed: Path) -> Send:
    def send(server: Server, tree: Path, name: str) -> tuple[float, float, str]:
        return _told([str(installed / "python"), "-c", _SEND, server.url, str(tree)], {})

    return send


def _told(command: Sequence[str], variables: Mapping[str, str]) -> tuple[float, float, str]:
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    began, sent, name = json.loads(done.stdout.splitlines()[-1])
    return began, sent, name
