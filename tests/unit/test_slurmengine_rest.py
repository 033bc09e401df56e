"""The states of jobs by slurmrestd: what it answers is read as squeue's lines are, and its token kept."""

import asyncio
import base64
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from launchyard.engine.slurm.rest import Rest, read_token, rows_of, user_of
from launchyard.model.errors import Unavailable

OLD = {
    **{"job_id": 73008, "job_state": "RUNNING", "state_reason": "None", "user_id": 1001, "nodes": "n[1-2]"},
    **{"start_time": 1795327852, "submit_time": 1795327850, "end_time": 0, "cpus": 2, "time_limit": 60},
    **{"partition": "debug", "account": "physics", "qos": "normal", "memory_per_node": 50},
    **{
        "memory_per_cpu": None,
        "tres_per_node": "gres:gpu:1",
        "node_count": 2,
        "array_job_id": 0,
        "array_task_id": None,
    },
    **{"array_task_string": "", "current_working_directory": "/tmp", "name": "wrap"},
    "comment": "x launchyard:ab12",
}
NEW = {
    **OLD,
    **{"job_state": ["COMPLETED", "COMPLETING"], "cpus": {"set": True, "infinite": False, "number": 2}},
    **{"time_limit": {"set": True, "infinite": True, "number": 0}, "array_task_string": "1-3"},
    "array_job_id": {"set": True, "infinite": False, "number": 73000},
}
TOKEN = "h." + base64.urlsafe_b64encode(b'{"sun":"ada","exp":1}').decode().rstrip("=") + ".s"


class Site:
    """A slurmrestd of the tests' own."""

    def __init__(self) -> None:
        self.version = "v0.0.38"
        self.status = 200
        self.answer: Any = {"errors": [], "jobs": [OLD]}
        self.asked: list[tuple[str, str | None, str | None]] = []

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        name, token = request.headers.get("X-SLURM-USER-NAME"), request.headers.get("X-SLURM-USER-TOKEN")
        self.asked.append((request.path, name, token))
        known = request.path == f"/slurm/{self.version}/jobs"
        request.send_response(self.status if known else 404)
        request.end_headers()
        request.wfile.write(json.dumps(self.answer).encode())


@pytest.fixture
def site() -> Iterator[tuple[Site, str]]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.handle(self)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"SLURM_JWT={TOKEN}\n")
    path.chmod(0o600)
    return path


def test_rows_are_as_those_of_squeue() -> None:
    (row,) = rows_of({"jobs": [OLD, {"job_id": "x"}, 7]})
    assert (row.slurm_id, row.state, row.uid, row.nodes, row.cpus) == (
        73008,
        "RUNNING",
        1001,
        ("n1", "n2"),
        2,
    )
    assert (row.start_at, row.end_at, row.time_limit_s, row.gpus) == (1795327852.0, None, 3600, 1)
    assert (row.memory_mib, row.array, row.launch) == (100, None, "ab12")
    (all_told,) = rows_of({"jobs": [{**OLD, "tres_alloc_str": "cpu=2,mem=300M,node=2,gres/gpu=4"}]})
    assert (all_told.memory_mib, all_told.gpus) == (300, 2)
    (a_cpu,) = rows_of({"jobs": [{**OLD, "memory_per_node": None, "memory_per_cpu": 70}]})
    assert a_cpu.memory_mib == 140
    (new,) = rows_of({"jobs": [NEW]})
    assert (new.state, new.cpus, new.time_limit_s, new.array) == ("COMPLETING", 2, None, 73000)


def test_newest_version_that_it_has_is_asked_as_whom_the_token_is_of(
    site: tuple[Site, str], token: Path
) -> None:
    made, address = site
    rest = Rest(address, str(token))
    first, again = asyncio.run(rest.jobs(None)), asyncio.run(rest.jobs(1001))
    assert first[0] is again[0]
    assert asyncio.run(rest.jobs(7)) == []
    paths = [path for path, _, _ in made.asked]
    assert paths == [f"/slurm/v0.0.{number}/jobs" for number in (40, 39, 38, 38, 38)]
    assert {(name, sent) for _, name, sent in made.asked} == {("ada", TOKEN)}


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (401, {}, "status 401"),
        (
            200,
            {"errors": [{"description": "Unable to contact slurm controller"}], "jobs": []},
            "Unable to contact",
        ),
        (200, {"errors": []}, "without a list"),
        (404, {}, "none of the versions"),
    ],
)
def test_answer_that_is_none_is_told_in_a_sentence(
    site: tuple[Site, str], token: Path, status: int, answer: Any, why: str
) -> None:
    made, address = site
    made.status, made.answer = status, answer
    with pytest.raises(Unavailable, match=why) as told:
        asyncio.run(Rest(address, str(token)).jobs(None))
    assert TOKEN not in str(told.value)


def test_nobody_answers(token: Path, tmp_path: Path) -> None:
    for address in ("http://127.0.0.1:1", f"unix:{tmp_path}/none.sock"):
        with pytest.raises(Unavailable, match="does not answer"):
            asyncio.run(Rest(address, str(token)).jobs(None))


def test_token_that_others_may_read_or_that_is_none_is_not_used(tmp_path: Path, token: Path) -> None:
    """Threats 15 and 28."""
    assert (read_token(str(token)), user_of(TOKEN)) == (TOKEN, "ada")
    token.chmod(0o640)
    with pytest.raises(Unavailable, match="others may read"):
        read_token(str(token))
    for text in ("", "two words", "a\r\nX-SLURM-USER-NAME: root"):
        path = tmp_path / "bad"
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(Unavailable, match="holds no token"):
            read_token(str(path))
    with pytest.raises(Unavailable, match="cannot be read"):
        read_token(str(tmp_path / "missing"))
    assert user_of("opaque") == user_of(f"a.{os.urandom(4).hex()}.b")
