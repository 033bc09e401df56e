"""`ly simulate`: a recorded workload, or what this cluster did, under other policies."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from launchyard.cli.accounting import left_out_sentence, trace_text
from launchyard.cli.native.jobs import since_time
from launchyard.cli.options import client, json_option
from launchyard.cli.output.screen import err, out, out_json, problem
from launchyard.cli.output.simulation import print_measures
from launchyard.model.when import rfc3339

POLICIES = (
    "fcfs, easy, conservative, easy-sjbf, easy++, easy-clairvoyant, sjbf-clairvoyant, multifactor, default"
)


@click.command()
@click.argument("trace", metavar="[TRACE.swf[.gz]]", required=False)
@click.option("--policy", "policies", metavar="NAME", multiple=True, help=f"{POLICIES}; several compare.")
@click.option(
    "--passes",
    type=click.Choice(["per-event", "per-second"]),
    help="Plan after each event (as papers do), or once a second.",
)
@click.option("--processors", type=click.IntRange(min=1), metavar="N", help="Instead of what the trace says.")
@click.option("--history", is_flag=True, help="Replay the ended jobs of this server instead of a trace.")
@click.option("--since", metavar="TIME", help="With --history: jobs since then (2d, 2026-12-01).")
@click.option("--report", metavar="FILE.html", help="Write tables and plots into this file.")
@json_option
def simulate(
    trace: str | None,
    policies: tuple[str, ...],
    passes: str | None,
    processors: int | None,
    history: bool,
    since: str | None,
    report: str | None,
    as_json: bool,
) -> int:
    """What recorded work would have waited under other policies."""
    if history == (trace is not None):
        raise click.UsageError("`ly simulate` needs a trace, or --history, and not both")
    if since is not None and not history:
        raise click.UsageError("--since goes with --history")
    words = [f"--policy={name}" for name in policies]
    words += [f"--passes={passes}"] if passes else []
    words += [f"--processors={processors}"] if processors else []
    words += [f"--report={report}"] if report else []
    with _history(since) if history else contextlib.nullcontext((trace or "", "")) as (path, title):
        code, results = _replay([*words, *([f"--title={title}"] if title else []), "--", path])
    if code:
        return code
    if as_json:
        out_json(results)
    else:
        print_measures(results if isinstance(results, list) else [results])
        if report:
            out(f"Report: {report}")
    return 0


def _replay(words: list[str]) -> tuple[int, Any]:
    """Exit code and figures of the simulator, which is a program of its own and says itself what is wrong."""
    command = [sys.executable, "-P", "-m", "launchyard.sim", *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode < 0:
        problem(f"the simulation was ended by signal {-done.returncode}")
        return 1, None
    return done.returncode, None if done.returncode else json.loads(done.stdout)


@contextlib.contextmanager
def _history(since: str | None) -> Iterator[tuple[str, str]]:
    """A trace of this server's ended jobs, for as long as it is needed, and what to call it."""
    moment = None if since is None else since_time(since, time.time())
    with client() as server:
        jobs = server.jobs(since=None if moment is None else rfc3339(moment))
        cpus = sum(node.cpus or 0 for node in server.nodes())
    text, left_out = trace_text([job.to_json() for job in jobs], cpus)
    if left_out:
        err(left_out_sentence(left_out))
    title = "Jobs of this cluster" + ("" if moment is None else f" since {rfc3339(moment)}")
    with tempfile.TemporaryDirectory(prefix="ly-simulate-") as directory:
        path = Path(directory, "history.swf")
        path.write_text(text)
        yield str(path), title
