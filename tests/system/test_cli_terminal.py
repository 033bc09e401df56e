"""`ly run` and `ly shell` in a real terminal, against the real server."""

import signal
from pathlib import Path

import pytest

from tests.system.ly import Terminal, ly, ran
from tests.system.product import Product


def test_run_is_attached_and_ends_with_the_commands_code(product: Product) -> None:
    line = "tty >/dev/null && stty size; read word; echo got $word; exit 5"
    terminal = Terminal(product.state, "run", "--", "sh", "-c", line, rows=30, columns=100)
    terminal.shows(b"30 100")

    terminal.type(b"abc\r")

    assert terminal.end() == 5
    assert b"got abc" in terminal.shown
    assert f"failed after {ran(product, 1)}, exit code 5   ly why 1".encode() in terminal.shown


def test_window_size_follows_the_window(product: Product) -> None:
    line = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done"
    terminal = Terminal(product.state, "run", "--", "sh", "-c", line)
    terminal.shows(b"ready")
    terminal.until(lambda: terminal.raw, "in raw mode")

    terminal.resize(41, 123)

    assert terminal.end() == 0
    assert b"41 123" in terminal.shown


def test_interrupt_goes_to_the_command(product: Product) -> None:
    line = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done"
    terminal = Terminal(product.state, "run", "--", "sh", "-c", line)
    terminal.shows(b"ready")
    terminal.until(lambda: terminal.raw, "in raw mode")

    terminal.type(b"\x03")

    assert terminal.end() == 7
    assert b"caught" in terminal.shown


def test_detaching_leaves_the_job_and_the_terminal_as_it_was(product: Product) -> None:
    terminal = Terminal(product.state, "run", "--", "sh", "-c", "echo ready; sleep 600")
    terminal.shows(b"ready")
    terminal.until(lambda: terminal.raw, "in raw mode")

    terminal.type(b"\x1c")
    terminal.shows(b"runs on   ly logs -f 1")

    assert not terminal.raw
    assert terminal.end() == 0
    assert product.job(1)["state"] == "RUNNING"


def test_killed_ly_gives_the_terminal_back(product: Product) -> None:
    terminal = Terminal(product.state, "run", "--", "sh", "-c", "echo ready; sleep 600")
    terminal.shows(b"ready")
    terminal.until(lambda: terminal.raw, "in raw mode")

    terminal.signal(signal.SIGTERM)
    terminal.until(lambda: not terminal.raw, "back from raw mode")

    assert terminal.end() == 128 + signal.SIGTERM


def test_waiting_run_says_why_and_is_cancelled_by_interrupt(product: Product) -> None:
    product.submit(["sleep", "600"], resources={"cpus": 4})
    terminal = Terminal(product.state, "run", "--", "true", columns=120)
    terminal.shows(b"job 2 waits for 1 CPU")
    terminal.shows(b"(Ctrl-C cancels; Ctrl-\\ leaves it queued)")

    terminal.type(b"\x03")

    assert terminal.end() == 130
    assert product.job(2)["state"] == "CANCELLED"


def test_typed_ahead_reaches_the_command(product: Product) -> None:
    blocker = product.submit(["sleep", "600"], resources={"cpus": 4})
    terminal = Terminal(product.state, "run", "--", "sh", "-c", "read word; echo got $word")
    terminal.shows(b"waits for")

    terminal.type(b"early\r")
    product.call("POST", f"/v1/jobs/{blocker}/cancel")

    assert terminal.end() == 0
    assert b"got early" in terminal.shown


def test_shell_opens_inside_the_running_job(product: Product) -> None:
    job = product.submit(["sleep", "600"])
    product.until(job, "RUNNING")
    terminal = Terminal(product.state, "shell", str(job), "--", "sh")
    terminal.until(lambda: terminal.raw, "in raw mode")

    terminal.type(b"echo job=$LAUNCHYARD_JOB_ID\r")
    terminal.shows(f"job={job}".encode())
    terminal.type(b"exit 3\r")

    assert terminal.end() == 3
    assert product.job(job)["state"] == "RUNNING"


@pytest.mark.parametrize(
    ("words", "code", "out"), [(["echo", "hi"], 0, "hi\r\n"), (["sh", "-c", "exit 9"], 9, "")]
)
def test_shell_runs_a_command_without_a_terminal(
    product: Product, words: list[str], code: int, out: str
) -> None:
    job = product.submit(["sleep", "600"])
    product.until(job, "RUNNING")

    result = ly(product.state, "shell", str(job), "--", *words)

    assert (result.code, result.out) == (code, out)


def test_run_without_a_terminal_gives_exact_bytes(product: Product) -> None:
    result = ly(product.state, "run", "--", "sh", "-c", r"printf 'a\nb\n'; exit 4")

    assert (result.code, result.out) == (4, "a\nb\n")
    assert result.err == f"job 1 failed after {ran(product, 1)}, exit code 4   ly why 1\n"


def test_run_lives_through_a_restart_of_the_server(product: Product, tmp_path: Path) -> None:
    line = f"echo ready; while ! test -e {tmp_path}/go; do sleep 0.05; done; echo went on; exit 6"
    terminal = Terminal(product.state, "run", "--", "sh", "-c", line)
    terminal.shows(b"ready")
    terminal.until(lambda: terminal.raw, "in raw mode")

    product.stop()
    product.start()
    (tmp_path / "go").touch()

    assert terminal.end() == 6
    assert terminal.shown.count(b"ready") == 1
    assert terminal.shown.count(b"went on") == 1
