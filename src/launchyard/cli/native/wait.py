"""`ly wait`: until jobs have ended; what has ended is said as it happens."""

import sys

import click

from launchyard.cli.choosing import chosen, jobs_or_group
from launchyard.cli.native.why import told_of
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import Line, is_terminal, out, out_json
from launchyard.cli.output.sentences import ended, waits_shortly
from launchyard.cli.output.text import capitalised
from launchyard.cli.output.units import plural
from launchyard.model.walltime import humane, parse_walltime
from launchyard.sdk.client import Client
from launchyard.sdk.errors import TimedOut
from launchyard.sdk.jobs import Job, latest

ASKED_MAX = 20
"""Of more jobs than this the server is not asked one by one why they failed."""


@click.command()
@jobs_or_group
@click.option("-t", "--timeout", metavar="TIME", help="Give up after this time (30s, 2h); the jobs go on.")
@json_option
@quiet_option
def wait(jobs: tuple[str, ...], group: str | None, timeout: str | None, as_json: bool, quiet: bool) -> int:
    """Wait until jobs have ended. Exit code 0 when all completed, else 1.

    What was run again counts no more in a group.
    """
    timeout_s = None if timeout is None else parse_walltime(timeout)
    with client() as server:
        ids = chosen(server, jobs, group, latest)
        done = wait_for(server, ids, timeout_s=timeout_s, say=not (as_json or quiet))
    if as_json:
        out_json([job.to_json() for job in done])
    elif quiet:
        for job in done:
            out(job.key)
    return 0 if all(job.succeeded for job in done) else 1


def wait_for(server: Client, ids: list[str], *, timeout_s: float | None, say: bool) -> list[Job]:
    """The jobs once all ended, in the order named; each end is said when it comes."""
    known: dict[str | int, Job] = {}
    line = Line()
    few = len(ids) <= ASKED_MAX
    for moved in server.watch(ids, timeout_s=timeout_s):
        line.clear()
        for key, job in moved.items():
            known[key] = job
            if job.ended and say:
                out(capitalised(ended(job, told_of(server, job) if few else None)) + ".")
        left = [job for job in known.values() if not job.ended]
        if left and say and is_terminal(sys.stderr):
            line.show(_left(left))
    line.clear()
    left = [job for job in known.values() if not job.ended]
    if left:
        raise TimedOut(f"{_left(left)} after {humane(timeout_s)}; nothing was stopped")
    return [known[key] for key in ids]


def _left(left: list[Job]) -> str:
    if len(left) == 1:
        job = left[0]
        return f"job {job.key} {waits_shortly(job) if job.state == 'PENDING' else 'runs'}"
    running = sum(job.state != "PENDING" for job in left)
    return f"{plural(len(left), 'job')} have not ended, {running} of them run"
