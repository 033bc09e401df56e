"""The API of the real daemon: real jobs, real logs, real terminals; by root also two users."""

import http.client
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import unix_connect

from tests.system.product import Product

NOBODY = 65_534


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """One daemon for all tests here; other users may reach its socket."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        one = Product(Path(directory) / "s")
        one.start()
        yield one
        one.destroy()


def test_a_command_runs_and_its_output_comes_back(product: Product) -> None:
    job = product.submit("echo out; echo err >&2; exit 3", name="first")
    ended = product.until(job)
    assert (ended["state"], ended["exit_code"]) == ("FAILED", 3)
    assert sorted(product.log(job).split()) == [b"err", b"out"]
    assert Path(ended["log_path"]).read_bytes() == product.log(job)


def test_a_script_comes_back_as_it_was(product: Product) -> None:
    text = "#!/bin/sh\necho $1\n"
    body = {"script": text, "arguments": ["hello"]}
    job = product.call("POST", "/v1/jobs", body)["id"]
    assert product.until(job)["state"] == "COMPLETED"
    assert product.log(job) == b"hello\n"
    assert product.call("GET", f"/v1/jobs/{job}/script") == text.encode()


def opened(product: Product, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(product.socket_path))
    connection.request("GET", path)
    return connection.getresponse()


def test_a_followed_log_comes_line_by_line_and_ends_with_the_job(product: Product, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = product.submit(f"echo one; while [ ! -e {gate} ]; do sleep 0.05; done; echo two; printf end")
    log = opened(product, f"/v1/jobs/{job}/logs?follow=1")
    assert log.readline() == b"one\n"
    gate.touch()
    assert log.read() == b"two\nend"
    assert product.until(job)["state"] == "COMPLETED"


@pytest.mark.parametrize(("order", "printed"), [("release", b"one\nend"), ("cancel", b"")])
def test_a_log_is_followed_from_before_its_job_has_started(
    product: Product, order: str, printed: bytes
) -> None:
    """The answer goes on until the job has ended, however long it waits first."""
    job = product.submit("echo one; printf end", hold=True)
    log = opened(product, f"/v1/jobs/{job}/logs?follow=1")
    product.call("POST", f"/v1/jobs/{job}/{order}")
    assert log.read() == printed
    product.until(job)


def test_events_tell_of_every_move(product: Product) -> None:
    events = opened(product, "/v1/events")
    job = product.submit("true")
    states: list[str] = []
    while "COMPLETED" not in states:
        line = events.readline()
        if line.startswith(b"data: "):
            told = json.loads(line[6:])
            states += [told["state"]] if told["job_id"] == job else []
    assert states[0] == "PENDING"
    assert "RUNNING" in states
    events.close()


def test_a_terminal_job_is_attached(product: Product) -> None:
    job = product.submit(["/bin/sh", "-c", "read x; echo got $x; stty size; exit 4"], terminal=True)
    path = f"ws://localhost/v1/jobs/{job}/terminal"
    with unix_connect(str(product.socket_path), path, open_timeout=60) as terminal:
        terminal.send(json.dumps({"rows": 33, "cols": 101}))
        terminal.send(b"hello\n")
        shown = b""
        for message in terminal:
            shown += message if isinstance(message, bytes) else b""
    assert b"got hello" in shown
    assert b"33 101" in shown
    assert product.until(job)["exit_code"] == 4


COMMAND = "command=sh&command=-c&command=echo+in+%24LAUNCHYARD_JOB_ID%3B+exit+5"


def test_a_shell_opens_beside_a_running_job(product: Product) -> None:
    job = product.submit("exec sleep 600")
    product.until(job, "RUNNING")
    path = f"ws://localhost/v1/jobs/{job}/shell?{COMMAND}"
    with unix_connect(str(product.socket_path), path, open_timeout=60) as shell:
        messages = list(shell)
    shown = b"".join(one for one in messages if isinstance(one, bytes))
    assert f"in {job}".encode() in shown
    assert json.loads(str(messages[-1]))["exit_code"] == 5
    product.call("POST", f"/v1/jobs/{job}/cancel")
    assert product.until(job)["state"] == "CANCELLED"


def test_a_token_works_by_tcp_and_survives_a_restart_until_it_is_revoked(product: Product) -> None:
    """Threats 30 and 31, over a restart."""
    made = product.call("POST", "/v1/tokens", {"name": "laptop"})

    def status() -> int:
        host, _, port = str(product.facts["url"]).removeprefix("http://").rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {made['token']}"})
        return connection.getresponse().status

    assert status() == 200
    product.kill()
    product.start()
    assert status() == 200
    product.call("DELETE", f"/v1/tokens/{made['id']}")
    assert status() == 401
    product.kill()
    product.start()
    assert status() == 401
    files = [path for path in (product.state / "daemon").iterdir() if path.is_file()]
    assert files
    assert not any(made["token"].encode() in path.read_bytes() for path in files)


ASK = """
import http.client, json, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
body = sys.argv[4] if len(sys.argv) > 4 else None
connection.request(sys.argv[2], sys.argv[3], body, {"Content-Type": "application/json"} if body else {})
answer = connection.getresponse()
print(answer.status)
sys.stdout.flush()
sys.stdout.buffer.write(answer.read())
"""


def ask_as(product: Product, uid: int, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    command = [sys.executable, "-I", "-S", "-c", ASK, str(product.socket_path), method, path]
    command += [json.dumps(body)] if body is not None else []
    done = subprocess.run(
        command, user=uid, group=uid, extra_groups=[], capture_output=True, check=True, cwd="/"
    )
    status, _, answer = done.stdout.partition(b"\n")
    return int(status), answer


@pytest.mark.root
def test_another_user_sees_nothing_of_a_job(product: Product) -> None:
    """Threats 10 and 33, through the whole product: by the kernel's word, whatever is claimed."""
    job = product.submit("echo secret; sleep 600", name="mine")
    product.until(job, "RUNNING")
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/logs", None),
        ("GET", "/why", None),
        ("POST", "/cancel", None),
        ("POST", "/signal", {"signal": "KILL"}),
        ("POST", "/update", {"nice": 1}),
    ):
        status, answer = ask_as(product, NOBODY, method, f"/v1/jobs/{job}{path}", body)
        missing = ask_as(product, NOBODY, method, f"/v1/jobs/{job + 1000}{path}", body)
        assert (status, answer.replace(b"job %d" % job, b"")) == (
            404,
            missing[1].replace(b"job %d" % (job + 1000), b""),
        )
    assert json.loads(ask_as(product, NOBODY, "GET", "/v1/jobs")[1])["jobs"] == []
    refused, _ = ask_as(product, NOBODY, "POST", "/v1/jobs", {"command": "id", "uid": 0})
    assert refused == 400
    assert product.job(job)["state"] == "RUNNING"
    product.call("POST", f"/v1/jobs/{job}/cancel")
    product.until(job)
