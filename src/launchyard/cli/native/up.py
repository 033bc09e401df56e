"""`ly up`: starts the daemon, says when it is ready, and stays with it (or leaves it, with `-d`)."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any

import click

from launchyard.cli.options import json_option
from launchyard.cli.output.screen import err, out, out_json, problem
from launchyard.cli.output.server import ready_lines, stopped_line
from launchyard.cli.output.text import clean
from launchyard.config import load
from launchyard.model.errors import LaunchyardError
from launchyard.sdk.client import Client
from launchyard.statedir import StateDir

READY_S = 60.0
STOP_S = 60.0
LINE_MAX = 500


@click.command()
@click.option("-d", "--detach", is_flag=True, help="Return when it is ready; `ly down` stops it.")
@click.option("--state", metavar="DIR", help="Where everything is kept.")
@click.option("--config", metavar="FILE", help="Settings (TOML).")
@click.option("--listen", metavar="HOST:PORT", help="Where browsers and remote clients connect.")
@click.option("--engine", metavar="NAME", help="What runs the jobs: local, ray or slurm.")
@json_option
def up(
    detach: bool,
    state: str | None,
    config: str | None,
    listen: str | None,
    engine: str | None,
    as_json: bool,
) -> int:
    """Start the server of this machine."""
    state = state or click.get_current_context().find_root().params.get("state")
    begun = time.time()
    with start(state, config, listen, engine, detach=detach) as (daemon, ready, said):
        facts = await_ready(daemon, ready)
        if "code" not in facts and "error" in facts:
            facts["error"] += last_words(state, config, begun, said)
        if "error" in facts:
            problem(facts["error"])
            return 2 if facts.get("code") == "invalid" else 1
        facts["open"] = None if "standby" in facts else login_link(facts)
        if as_json:
            out_json(facts)
        else:
            for line in ready_lines(facts):
                out(line)
        sys.stdout.flush()
        return 0 if detach else stay(daemon, facts)


@contextlib.contextmanager
def start(
    state: str | None, config: str | None, listen: str | None, engine: str | None = None, *, detach: bool
) -> Iterator[tuple["subprocess.Popen[bytes]", int, IO[bytes] | None]]:
    """The daemon, started in a session of its own so that our Ctrl-C is ours alone, and its ready pipe.

    Where it is left alone, what it says on stderr until it is ready is kept in a file without a name.
    """
    reader, writer = os.pipe()
    # -P: whatever lies in the current directory is not ours to import.
    words = [sys.executable, "-P", "-m", "launchyard.daemon", "--ready-fd", str(writer)]
    words += ["--state", str(Path(state).expanduser().absolute())] if state else []
    words += ["--config", str(Path(config).absolute())] if config else []
    words += ["--listen", listen] if listen else []
    words += ["--engine", engine] if engine else []
    with contextlib.ExitStack() as stack:
        said = stack.enter_context(tempfile.TemporaryFile()) if detach else None
        stack.callback(os.close, reader)
        daemon = subprocess.Popen(
            words,
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if detach else None,
            stderr=said,
            start_new_session=True,
        )
        os.close(writer)
        yield daemon, reader, said


def await_ready(daemon: "subprocess.Popen[bytes]", reader: int) -> dict[str, Any]:
    """The daemon's one line: what it is, or why it is not."""
    give_up_at = time.monotonic() + READY_S
    line = b""
    while not line.endswith(b"\n"):
        left_s = give_up_at - time.monotonic()
        if left_s <= 0 or not select.select([reader], [], [], left_s)[0]:
            daemon.terminate()
            return {"error": f"the server was not ready after {READY_S:g} s; it was stopped"}
        data = os.read(reader, 65536)
        if not data:
            return {"error": f"the server ended before it was ready ({how_ended(daemon.wait())})"}
        line += data
    facts: dict[str, Any] = json.loads(line)
    return facts


def how_ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def last_words(state: str | None, config: str | None, begun: float, said: IO[bytes] | None) -> str:
    """What a server that could not say why it ends left behind: its last line, and where to read on."""
    path = log_of(state, config)
    line = last_line(path.read_bytes()) if path and path.exists() and path.stat().st_mtime >= begun else ""
    if said is not None and not line:
        said.seek(0)
        line = last_line(said.read())
    told = f", after it said: {line}" if line else " and said nothing"
    return f"{told}; its log is {path}" if path else told


def log_of(state: str | None, config: str | None) -> Path | None:
    """None where nothing says which state directory it has."""
    try:
        path = Path(config) if config else None
        settings = None if state else load(path, root=os.geteuid() == 0, environ=os.environ)
    except (LaunchyardError, OSError):
        return None
    return StateDir(settings.state if settings else Path(state or "").expanduser().absolute()).log


def last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return clean(lines[-1].strip())[:LINE_MAX] if lines else ""


def stay(daemon: "subprocess.Popen[bytes]", facts: dict[str, Any]) -> int:
    """Until the daemon ends, or we are told to end it."""
    told: list[int] = []

    def tell(number: int, _: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, tell)
    while not told:
        try:
            code = daemon.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            continue
        if code == 0:
            err("  Server stopped.")
            return 0
        problem(f"the server ended by itself (exit code {code}); start it again: ly up")
        return 1
    running = running_jobs(facts)
    daemon.terminate()
    try:
        daemon.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        problem(f"the server (pid {daemon.pid}) has not stopped after {STOP_S:g} s")
        return 1
    err("  " + stopped_line(running))
    return 0


def login_link(facts: dict[str, Any]) -> str | None:
    """Where a browser logs in as whoever started the server."""
    try:
        with Client(state=facts["state"], timeout_s=5, patience_s=0) as server:
            return str(server.login_link().url)
    except LaunchyardError:
        return None


def running_jobs(facts: dict[str, Any]) -> int:
    """How many jobs run at this moment; they do not end with the server."""
    try:
        with Client(state=facts["state"], timeout_s=2, patience_s=0) as server:
            counts = server.status().jobs or {}
    except LaunchyardError:
        return 0
    return sum(counts.get(state) or 0 for state in ("STARTING", "RUNNING", "SUSPENDED", "COMPLETING"))
