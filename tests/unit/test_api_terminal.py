"""Terminals over WebSocket, by a client that is not ours."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect

from launchyard.model.array import Array, Indexes
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.model.submission import Caller
from tests.api_bench import ADA, ME, Bench, FakeTerminal, eventually, job_of, running


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    server.reset()
    return server


def dial(bench: Bench, path: str, user: str = "ada", **headers: str) -> ClientConnection:
    sent = {**headers}
    if user:
        sent.setdefault("Authorization", f"Bearer {bench.secrets[user]}")
    return connect(f"ws://127.0.0.1:{bench.port}{path}", additional_headers=sent, open_timeout=60)


def job(**more: Any) -> Job:
    return job_of(ADA, 5, terminal=True, state=JobState.RUNNING, **more)


def terminal_of(bench: Bench) -> FakeTerminal:
    eventually(lambda: bool(bench.terminals.opened))
    return bench.terminals.opened[0][2]


def test_bytes_go_both_ways_and_the_end_is_told(bench: Bench) -> None:
    bench.put(job())
    with dial(bench, "/v1/jobs/5/terminal") as socket:
        socket.send(b"hello")
        assert socket.recv(30) == b"HELLO"
        socket.send(b"exit")
        assert json.loads(socket.recv(30)) == {"exit_code": 3, "signal": None}
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1000
    eventually(lambda: terminal_of(bench).closed)


def test_text_messages_are_orders(bench: Bench) -> None:
    bench.put(job())
    with dial(bench, "/v1/jobs/5/terminal") as socket:
        socket.send(json.dumps({"rows": 50, "cols": 132}))
        socket.send(json.dumps({"signal": "INT"}))
        eventually(lambda: terminal_of(bench).orders == [("resize", 50, 132), ("signal", 2)])


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ("{", "not JSON"),
        ('{"rows": 0, "cols": 5}', "not possible"),
        ('{"rows": 10}', "cols is missing"),
        ('{"signal": "FOO"}', "there is no signal"),
        ('{"rows": 10, "cols": 5, "exec": "id"}', "unknown key 'exec'"),
    ],
)
def test_a_wrong_order_is_one_sentence_and_the_end(bench: Bench, order: str, sentence: str) -> None:
    bench.put(job())
    with dial(bench, "/v1/jobs/5/terminal") as socket:
        socket.send(order)
        assert sentence in json.loads(socket.recv(30))["error"]
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1008
    eventually(lambda: terminal_of(bench).closed)


def test_a_waiting_job_is_attached_when_it_starts(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, terminal=True))
    with dial(bench, "/v1/jobs/5/terminal") as socket:
        socket.send(json.dumps({"rows": 50, "cols": 132}))
        with pytest.raises(TimeoutError):
            socket.recv(0.1)
        assert not bench.terminals.opened
        bench.put(job())
        socket.send(b"now")
        assert socket.recv(30) == b"NOW"
    assert terminal_of(bench).orders == [("resize", 50, 132)]


def test_a_job_that_ends_before_it_starts_is_told(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, terminal=True))
    with dial(bench, "/v1/jobs/5/terminal") as socket:
        bench.put(job_of(ADA, 5, terminal=True, state=JobState.CANCELLED))
        assert "ended before" in json.loads(socket.recv(30))["error"]


def test_a_client_that_leaves_while_it_waits_is_forgotten(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, terminal=True))
    with dial(bench, "/v1/jobs/5/terminal"):
        eventually(lambda: len(bench.on_loop(lambda: list(bench.controller.told))) == 2)
    eventually(lambda: len(bench.on_loop(lambda: list(bench.controller.told))) == 1)


def test_a_client_that_leaves_lets_go_of_the_terminal(bench: Bench) -> None:
    bench.put(job())
    with dial(bench, "/v1/jobs/5/terminal"):
        terminal = terminal_of(bench)
    eventually(lambda: terminal.closed)


def test_a_shell_runs_its_command_in_a_running_job(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, state=JobState.RUNNING))
    with dial(bench, "/v1/jobs/5/shell?command=ls&command=-l") as socket:
        socket.send(b"exit")
        assert json.loads(socket.recv(30))["exit_code"] == 3
    assert bench.terminals.opened[0][:2] == (5, ("ls", "-l"))


def refusal(bench: Bench, path: str, user: str = "ada", **headers: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as raised:
        dial(bench, path, user, **headers)
    response = raised.value.response
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, json.loads(response.body or b"")["detail"]


def test_a_handshake_is_checked_like_any_request(bench: Bench) -> None:
    """Threat 4: cross-site WebSocket hijack (CVE-2024-28179): credential, origin and host."""
    bench.put(job())
    path = "/v1/jobs/5/terminal"
    assert refusal(bench, path, "")[0] == 401
    assert refusal(bench, path, Origin="https://evil.example")[0] == 403
    assert refusal(bench, path, Origin="null")[0] == 403
    assert refusal(bench, path, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert refusal(bench, path, "bob") == (404, "no job 5, or it is not yours")
    assert not bench.terminals.opened
    with dial(bench, path, Origin=f"http://127.0.0.1:{bench.port}"):
        pass


def test_what_has_no_terminal_says_so(bench: Bench) -> None:
    array = Array(waiting=Indexes(((0, 9, 1),)), size=10, first=0, last=9)
    bench.put(job_of(ADA, 5, state=JobState.RUNNING))
    bench.put(job_of(ADA, 6, terminal=True, state=JobState.COMPLETED))
    bench.put(job_of(ADA, 7, array=array))
    assert refusal(bench, "/v1/jobs/5/terminal")[1].startswith("job 5 has no terminal")
    assert refusal(bench, "/v1/jobs/6/terminal") == (
        409,
        "job 6 has ended (COMPLETED); `ly logs 6` has its output",
    )
    assert refusal(bench, "/v1/jobs/7_3/terminal")[0] == 409
    assert refusal(bench, "/v1/jobs/7/shell")[0] == 409
    assert refusal(bench, "/v1/jobs/x/terminal")[0] == 400
    assert refusal(bench, "/v1/jobs/99/terminal")[0] == 404


def test_a_revoked_token_loses_its_terminal(bench: Bench) -> None:
    """Threat 30: also WebSockets."""
    made = bench.ask("POST", "/v1/tokens", {}, user="ada").json
    bench.put(job())
    with dial(bench, "/v1/jobs/5/terminal", "", Authorization=f"Bearer {made['token']}") as socket:
        terminal = terminal_of(bench)
        bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="ada")
        with pytest.raises(ConnectionClosed):
            socket.recv(30)
        assert socket.close_code == 1001
    eventually(lambda: terminal.closed)


def test_the_unix_socket_has_terminals_too(bench: Bench) -> None:
    me = Caller(user="me", uid=ME)
    bench.put(job_of(me, 5, terminal=True, state=JobState.RUNNING))
    with unix_connect(str(bench.unix), "ws://localhost/v1/jobs/5/terminal") as socket:
        socket.send(b"x")
        assert socket.recv(30) == b"X"
