"""`ly simulate --history`: what a server's ended jobs are made to, and who is left out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.cli.accounting import trace_text
from launchyard.cli.main import main as ly
from launchyard.model.errors import Invalid
from launchyard.sim.trace import parse_trace
from tests.unit.canned_server import CannedServer, canned_server, job_json

NODES = {"nodes": [{"name": "a", "cpus": 3}, {"name": "b", "cpus": 1}]}


def ended(
    job_id: int, submitted: str, started: str | None, until: str | None, **changes: Any
) -> dict[str, Any]:
    times = {"submitted_at": submitted, "started_at": started, "ended_at": until}
    day = {name: None if at is None else f"2026-11-21T{at}Z" for name, at in times.items()}
    cpus = changes.pop("cpus", 1)
    resources = {"cpus": cpus, "memory_mib": 1, "gpus": 0, "nodes": 1}
    return job_json(job_id, state=changes.pop("state", "COMPLETED"), resources=resources, **day, **changes)


JOBS = [
    ended(9, "10:05:00", None, "10:06:00", state="CANCELLED"),
    ended(8, "10:00:20", "10:00:30", None, state="RUNNING"),
    ended(7, "10:00:00", "10:00:00", "10:00:10", state="LOST"),
    ended(6, "10:00:00", "10:00:00", "10:00:10", cpus=0),
    ended(5, "10:00:00", "10:00:00", "10:00:10", cpus=64),
    ended(4, "10:00:05", "10:00:05", "10:00:05.2", cpus=0.5, user="li", array={"job_id": 3, "index": 1}),
    ended(3, "10:00:05", "10:00:05", "10:00:06", array={"job_id": 3, "index": None, "size": 1}),
    ended(2, "10:00:02", "10:00:40", "10:01:00", time_limit_s=None),
    ended(1, "10:00:00", "10:00:00", "10:00:40", cpus=4, state="FAILED"),
]


def test_jobs_become_lines_with_a_thousand_processors_a_cpu() -> None:
    text, left_out = trace_text(JOBS, 4)
    found = parse_trace(text.encode().splitlines(), "history")
    assert [(job.id, job.submit, job.run_s, job.processors, job.requested_s) for job in found.jobs] == [
        (1, 0, 40, 4000, 7200),
        (2, 2, 20, 1000, 7 * 86_400),
        (4, 5, 1, 500, 7200),
    ]
    assert (found.processors, found.scale, found.dropped) == (4000, 1000, 0)
    assert [found.users[job.user] for job in found.jobs] == ["ada", "ada", "li"]
    assert dict(left_out) == {
        "never started": 1,
        "not ended": 1,
        "with an unknown end": 1,
        "without a CPU": 1,
        "larger than the cluster is now": 1,
    }


def test_without_an_ended_job_there_is_nothing_to_replay() -> None:
    with pytest.raises(Invalid, match="no ended job to replay: 1 never started, 1 not ended"):
        trace_text(JOBS[:2], 4)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedServer]:
    monkeypatch.setenv("LAUNCHYARD_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("LAUNCHYARD_URL", raising=False)
    with canned_server(tmp_path / "state") as canned:
        canned.answers[("GET", "/v1/jobs")] = {"jobs": JOBS, "next": None}
        canned.answers[("GET", "/v1/nodes")] = NODES
        yield canned


def test_ly_replays_the_history_and_says_who_is_left_out(
    server: CannedServer, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    assert ly(["simulate", "--history", "--policy", "easy", "--json", "--report", str(report)]) == 0
    said = capfd.readouterr()
    told = json.loads(said.out)
    assert (told["jobs"], told["max_wait_s"], told["makespan_s"]) == (3, 38, 60)
    assert said.err == (
        "Left out: 1 never started, 1 not ended, 1 with an unknown end, 1 without a CPU, "
        "1 larger than the cluster is now.\n"
    )
    assert ">Jobs of this cluster</h1>" in report.read_text()
    assert ">li</text>" in report.read_text()
    assert "on 4 CPUs" in report.read_text()


def test_since_is_asked_of_the_server(server: CannedServer, capfd: pytest.CaptureFixture[str]) -> None:
    assert ly(["simulate", "--history", "--since", "2026-11-01"]) == 0
    assert "since=2026-1" in server.lines()[0]
    assert capfd.readouterr().out.startswith("POLICY   JOBS")
