"""`ly up` and `ly down`: in the foreground, in the background, and jobs that outlive both."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.ly import Terminal, ly, ran
from tests.system.product import Product


def test_foreground_server_stops_on_interrupt_and_its_jobs_run_on(
    make_product: Callable[..., Product],
) -> None:
    product = make_product()
    terminal = Terminal(product.state, "up", "--config", str(product.config))
    terminal.shows(b"ready: 4 CPUs, 4 GiB. State ")
    go = product.state.parent / "go"
    ly(product.state, "submit", "--", "sh", "-c", f"while ! test -e {go}; do sleep 0.05; done")
    product.until(1, "RUNNING")

    terminal.type(b"\x03")

    assert terminal.end() == 0
    assert b"Server stopped; 1 job runs on and is picked up by the next `ly up`." in terminal.shown
    assert ly(product.state, "jobs").code == 1

    ready = ly(product.state, "up", "-d", "--config", str(product.config))
    daemon = json.loads((product.state / "daemon" / "daemon.json").read_text())["pid"]
    assert Path(f"/proc/{daemon}/fd/2").readlink() == Path("/dev/null"), "what it says there, nobody reads"
    assert "1 job ran on meanwhile: ly jobs" in ready.out
    go.touch()
    said = ly(product.state, "wait", "1").out
    assert said == f"Job 1 completed after {ran(product, 1)}, exit code 0.\n"
    assert ly(product.state, "down") == (0, "Server stopped; no job runs.\n", "")


def test_down_stops_what_up_started_and_cancels_when_told(make_product: Callable[..., Product]) -> None:
    product = make_product()
    ly(product.state, "up", "-d", "--config", str(product.config))
    ly(product.state, "submit", "--", "sleep", "600")
    ly(product.state, "submit", "--after", "afterok:1", "--", "true")

    result = ly(product.state, "down", "--cancel-jobs")

    assert result == (0, "Server stopped; no job runs.\n", "")
    assert "no Launchyard is running here" in ly(product.state, "jobs").err


def test_foreground_server_that_is_stopped_by_down_says_so(make_product: Callable[..., Product]) -> None:
    product = make_product()
    terminal = Terminal(product.state, "up", "--config", str(product.config))
    terminal.shows(b"ready")

    ly(product.state, "down")

    assert terminal.end() == 0
    assert b"Server stopped." in terminal.shown


@pytest.mark.parametrize(
    ("does", "told"),
    [
        (
            "sys.stderr.write('earlier\\nno room for more\\n'); sys.stderr.flush(); os._exit(3)",
            "(exit code 3), after it said: no room for more; its log is {log}",
        ),
        ("os.kill(os.getpid(), 9)", "(killed by SIGKILL) and said nothing; its log is {log}"),
        (
            "open(os.environ['ITS_LOG'], 'w').write('2026 INFO one\\n2026 ERROR two\\n'); os._exit(4)",
            "(exit code 4), after it said: 2026 ERROR two; its log is {log}",
        ),
    ],
    ids=["stderr", "killed", "log"],
)
def test_up_says_how_a_server_ended_that_could_not_say_it(
    does: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = tmp_path / "sitecustomize.py"
    begins.write_text(f"import os, sys\nif 'launchyard.daemon' in sys.orig_argv: {does}\n")
    log = tmp_path / "s" / "daemon" / "daemon.log"
    log.parent.mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("ITS_LOG", str(log))

    result = ly(None, "up", "-d", "--state", str(tmp_path / "s"))

    assert (result.code, result.out) == (1, "")
    assert result.err == f"ly: the server ended before it was ready {told.format(log=log)}\n"


def test_doctor_finds_a_started_server_sound(product: Product) -> None:
    findings = json.loads(ly(product.state, "doctor", "--json").out)

    names = {
        "server",
        "version",
        "health",
        "state",
        "clock",
        "configuration",
        "cluster",
        "code",
        "open files",
    }
    assert {finding["name"] for finding in findings} >= names
    assert [finding for finding in findings if finding["level"] == "FAIL"] == []
    assert {finding["level"] for finding in findings} <= {"OK", "WARN", "FAIL"}
    assert all(finding["advice"] for finding in findings if finding["level"] != "OK")


def test_doctor_says_what_would_keep_the_server_from_its_next_start(product: Product) -> None:
    good = product.config.read_text()
    product.config.write_text(f"{good}\nnonsense = 1\n")
    try:
        result = ly(product.state, "doctor")
    finally:
        product.config.write_text(good)

    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if line.startswith("FAIL")]
    assert "configuration" in line
    assert "nonsense" in line


def test_doctor_without_a_server_is_a_problem_with_its_remedy(tmp_path: Path) -> None:
    result = ly(tmp_path, "doctor")

    assert result.code == 1
    assert "no Launchyard is running here" in result.out
    assert "ly up" in result.out


def test_token_opens_the_server_from_afar_until_it_is_revoked(product: Product) -> None:
    secret = ly(product.state, "token", "create", "laptop", "-q").out.strip()
    words = ["--url", product.facts["url"], "jobs", "--json"]

    remote = ly(None, *words, token=secret)
    token_id = ly(product.state, "token", "list", "-q").out.strip()
    ly(product.state, "token", "revoke", token_id)
    refused = ly(None, *words, token=secret)

    assert (remote.code, remote.out) == (0, "[]\n")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("ly: the token is not known or was revoked")
