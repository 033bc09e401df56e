"""`ly demo`: real jobs of every kind, watched from submission to result."""

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from launchyard.cli.native.logs import copy
from launchyard.cli.native.submit import request_body
from launchyard.cli.native.submit import submit as submit_command
from launchyard.cli.native.why import explain
from launchyard.cli.options import client, json_option
from launchyard.cli.output.joblist import print_jobs, print_results
from launchyard.cli.output.screen import STRONG, out, out_json, out_stream, paint, problem
from launchyard.cli.output.sentences import submitted
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job

SCRIPTS = Path(__file__).parent.parent / "demo"
PYTHON = "python"
LIMIT_S = 180.0
QUEUE_EVERY_S = 2.0
EXPECTED: Mapping[str, str] = {
    "primes": "COMPLETED",
    "greet": "COMPLETED",
    "squares": "COMPLETED",
    "sum": "COMPLETED",
    "allocate": "COMPLETED",
    "too-long": "TIMEOUT",
    "too-big": "OUT_OF_MEMORY",
    "broken": "FAILED",
}
STEPS: tuple[tuple[str, str], ...] = (
    ("a batch script, with the directives of Slurm and our own", "primes.sh"),
    (
        "a command, with a directory and a variable",
        "-n greet --mem 50M -C data --export ALL,WHO=Ada -- sh -c 'echo \"hello $WHO, here is $(pwd)\"'",
    ),
    ("an array of 20 tasks", "square.sh"),
    ("a job that waits for the whole array", "--after afterok:{squares} sum.sh"),
    ("a job that uses 150 MiB", "-n allocate --mem 300M -- python allocate.py 150"),
    ("one that runs over its time limit", "-n too-long --mem 50M -t 3s -- sleep 60"),
    ("one that needs more memory than it asked for", "-n too-big --mem 64M -- python allocate.py 400"),
    ("and one that fails", "-n broken --mem 50M -- sh -c 'echo \"no such model: resnet-9000\" >&2; exit 3'"),
)


@click.command()
@json_option
def demo(as_json: bool) -> int:
    """Submit a few real jobs and watch them."""
    with client() as server, demo_directory():
        jobs = submit_all(server, say=not as_json)
        if not as_json:
            watch(server, jobs)
        ended = server.wait_all([job.id for job in jobs], timeout_s=LIMIT_S)
    if as_json:
        out_json([job.to_json() for job in ended])
    else:
        out()
        out("What became of them:")
        print_results(ended)
    return verdict(ended)


@contextlib.contextmanager
def demo_directory() -> Iterator[None]:
    """We go to a directory of its own that holds the scripts, and it is removed at the end."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="launchyard-demo-") as path:
        for script in SCRIPTS.iterdir():
            if script.is_file():
                shutil.copy(script, path)
        Path(path, "data").mkdir()
        os.chdir(path)
        try:
            yield
        finally:
            os.chdir(before)


def submit_all(server: Client, *, say: bool) -> list[Job]:
    """Each step is submitted exactly as `ly submit` would, and shown so."""
    ids: dict[str, str] = {}
    jobs: list[Job] = []
    for what, line in STEPS:
        text = line.format_map(ids) if "{" in line else line
        job = server.submit_body(body_of(server, shlex.split(text)))
        ids[str(job.name)] = job.key
        jobs.append(job)
        if say:
            out(f"# {what}")
            out(paint(f"$ ly submit {text}", STRONG))
            out(submitted(job))
    return jobs


def body_of(server: Client, words: Sequence[str]) -> dict[str, object]:
    """The body that `ly submit` with these words sends; `python` is the one that runs us."""
    ours = [sys.executable if word == PYTHON else word for word in words]
    context = submit_command.make_context("submit", ours)
    values = dict(context.params)
    return request_body(server, values.pop("words"), values, dashed=context.meta["dashed"])


def watch(server: Client, jobs: Sequence[Job]) -> None:
    """One log as it is written, why one waits, and the queue while it moves."""
    command(f"ly logs -f {jobs[0].key}")
    copy(server.logs(jobs[0].id, follow=True), out_stream())
    waiting = next((job for job in map(Job.refresh, jobs) if job.state == "PENDING"), None)
    if waiting is not None:
        command(f"ly why {waiting.key}")
        explain(server, waiting, server.why(waiting.id))
    shown_at, last = 0.0, ""
    for _ in server.watch([job.id for job in jobs], timeout_s=LIMIT_S, poll_s=QUEUE_EVERY_S):
        live = [job for job in map(Job.refresh, reversed(jobs)) if not job.ended]
        states = " ".join(f"{job.state}{job.to_json().get('array')}" for job in live)
        if live and states != last and time.monotonic() - shown_at >= QUEUE_EVERY_S:
            shown_at, last = time.monotonic(), states
            command("ly jobs")
            print_jobs(live)
            sys.stdout.flush()


def command(line: str) -> None:
    out()
    out(paint(f"$ {line}", STRONG))


def verdict(jobs: Sequence[Job]) -> int:
    """0 when every job ended as it was meant to; else which did not."""
    wrong = [job for job in jobs if job.state != EXPECTED[str(job.name)]]
    for job in wrong:
        problem(f"job {job.key} ({job.name}) should have been {EXPECTED[str(job.name)]}, not {job.state}")
    return 1 if wrong else 0
