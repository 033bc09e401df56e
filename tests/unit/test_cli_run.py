"""`ly run` as a program of its own: exit codes, bytes, signals, and what it says of a failure."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.canned_server import CannedServer, Turns, canned_server, events, job_json, parts

LY = [sys.executable, "-m", "launchyard.cli"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CannedServer]:
    with canned_server(tmp_path / "state") as canned:
        canned.answers["GET", "/v1/events"] = events(b"id: r-1\n\n")
        canned.answers["POST", "/v1/jobs"] = job_json(18)
        yield canned


def start_ly(server: CannedServer, *words: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "LAUNCHYARD_STATE": str(server.state)}
    environment.pop("LAUNCHYARD_URL", None)
    return subprocess.Popen(
        [*LY, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_ly(server: CannedServer, *words: str) -> tuple[int, bytes, str]:
    process = start_ly(server, *words)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


def job_that_ended(**changes: Any) -> dict[str, Any]:
    times = {"started_at": "2026-11-21T10:00:10Z", "ended_at": "2026-11-21T10:00:22Z"}
    return job_json(18, **{**times, **changes})


def test_run_gives_the_commands_output_and_code_and_says_nothing_itself(server: CannedServer) -> None:
    server.answers["GET", "/v1/jobs/18"] = job_that_ended(state="COMPLETED", exit_code=0)
    server.answers["GET", "/v1/jobs/18/logs"] = parts(b"a\xff\0", b"b\n")

    assert run_ly(server, "run", "--", "python", "train.py") == (0, b"a\xff\0b\n", "")
    assert server.asked[0].body["command"] == ["python", "train.py"]


@pytest.mark.parametrize(
    ("end", "code", "sentence"),
    [
        (
            {"state": "FAILED", "exit_code": 3, "cause": "No module named 'torch'"},
            3,
            "job 18 failed after 12 s, exit code 3: No module named 'torch'   ly why 18\n",
        ),
        (
            {"state": "FAILED", "signal": 11, "cause": None},
            139,
            "job 18 failed after 12 s, signal SIGSEGV   ly why 18\n",
        ),
        (
            {"state": "OUT_OF_MEMORY", "signal": 9, "cause": "peak 1.0 of 1.0 GiB"},
            137,
            "job 18 ran out of memory after 12 s: peak 1.0 of 1.0 GiB   ly why 18\n",
        ),
        (
            {"state": "OUT_OF_MEMORY", "exit_code": 0, "cause": "a child was killed"},
            1,
            "job 18 ran out of memory after 12 s: a child was killed   ly why 18\n",
        ),
        (
            {"state": "LOST", "cause": "its end was not seen"},
            125,
            "job 18 was lost after 12 s: its end was not seen   ly why 18\n",
        ),
    ],
)
def test_run_ends_with_the_jobs_code_and_one_line_on_why(
    server: CannedServer, end: dict[str, Any], code: int, sentence: str
) -> None:
    server.answers["GET", "/v1/jobs/18"] = job_that_ended(**end)
    server.answers["GET", "/v1/jobs/18/logs"] = b""

    assert run_ly(server, "run", "--", "x") == (code, b"", sentence)


def test_run_says_what_the_log_tells(server: CannedServer) -> None:
    server.answers["GET", "/v1/jobs/18"] = job_that_ended(state="FAILED", exit_code=1, cause="exit code 1")
    server.answers["GET", "/v1/jobs/18/logs"] = b"Traceback\n"
    server.answers["GET", "/v1/jobs/18/why"] = {"code": "missing-module", "reason": "No module named 'torch'"}

    code, _, err = run_ly(server, "run", "--", "python", "train.py")

    assert (code, err) == (
        1,
        "job 18 failed after 12 s, exit code 1: No module named 'torch'   ly why 18\n",
    )


def test_run_says_why_it_waits(server: CannedServer) -> None:
    server.answers["GET", "/v1/jobs/18"] = Turns(
        *[job_json(18)] * 4, job_that_ended(state="COMPLETED", exit_code=0)
    )
    server.answers["GET", "/v1/jobs/18/why"] = {"reason": "waits for 1 more CPU", "estimate": None}
    server.answers["GET", "/v1/jobs/18/logs"] = b""

    assert run_ly(server, "run", "--", "x") == (0, b"", "job 18 waits for 1 more CPU\n")


def test_interrupt_cancels_the_job(server: CannedServer) -> None:
    server.answers["GET", "/v1/jobs/18"] = job_json(18)
    server.answers["GET", "/v1/jobs/18/why"] = {"reason": "waits for 1 more CPU", "estimate": None}
    server.answers["POST", "/v1/jobs/18/cancel"] = job_json(18, state="CANCELLED")
    process = start_ly(server, "run", "--", "x")
    assert process.stderr is not None
    assert process.stderr.readline() == b"job 18 waits for 1 more CPU\n"

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, b"job 18 is cancelled\n")


def test_quit_leaves_the_job_queued(server: CannedServer) -> None:
    server.answers["GET", "/v1/jobs/18"] = job_json(18)
    server.answers["GET", "/v1/jobs/18/why"] = {"reason": "waits for 1 more CPU", "estimate": None}
    process = start_ly(server, "run", "--", "x")
    assert process.stderr is not None
    process.stderr.readline()

    process.send_signal(signal.SIGQUIT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, b"job 18 goes on without you   ly logs -f 18\n")
    assert "POST /v1/jobs/18/cancel" not in server.lines()


def test_failure_of_ours_is_125_and_wrong_use_2(server: CannedServer) -> None:
    del server.answers["POST", "/v1/jobs"]

    assert run_ly(server, "run", "--", "x")[0] == 125
    assert run_ly(server, "run", "--mem", "4", "--", "x") == (
        2,
        b"",
        'ly: "4": 4 MiB? write 4M or 4G\n',
    )


def test_output_that_nobody_reads_any_more_ends_quietly(server: CannedServer) -> None:
    server.answers["GET", "/v1/jobs"] = {"jobs": [job_json(n) for n in range(3000, 0, -1)], "next": None}
    process = start_ly(server, "jobs", "--user", "all")
    assert process.stdout is not None
    assert process.stderr is not None

    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()

    assert (process.wait(timeout=60), err) == (141, b"")


def test_jobs_starts_fast_enough_for_a_prompt(server: CannedServer) -> None:
    """No absolute time: what `ly jobs` imports is what makes it slow, so that is what is bounded."""
    probe = (
        "import sys; from launchyard.cli.main import main; main(['jobs']);"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    environment = {**os.environ, "LAUNCHYARD_STATE": str(server.state)}
    server.answers["GET", "/v1/jobs"] = {"jobs": [], "next": None}

    process = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, check=True)

    loaded = process.stderr.decode()
    for heavy in ("asyncio", "http", "ssl", "rich", "msgspec", "subprocess", "tempfile", "logging"):
        assert f"'{heavy}'" not in loaded


def test_output_that_cannot_be_written_is_one_sentence() -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "launchyard.cli", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == (
        b"ly: cannot write the output: No space left on device; what was asked for may have been done\n"
    )
