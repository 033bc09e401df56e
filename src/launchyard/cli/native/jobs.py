"""`ly jobs`: what waits and runs."""

import getpass
import math
import time
from collections.abc import Iterable, Iterator

import click

from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.joblist import print_jobs
from launchyard.cli.output.screen import out, out_json_list
from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.model.walltime import parse_walltime
from launchyard.model.when import parse_begin, rfc3339
from launchyard.sdk.jobs import LIVE_STATES, Job, record_id, records
from launchyard.sdk.submission import local_zone

SINCE = "write for example 2h, 14:00 or 2026-12-01"


@click.command()
@click.option("-a", "--all", "everything", is_flag=True, help="Ended jobs too.")
@click.option("--since", metavar="TIME", help="Jobs since then, ended ones too (1h, 2d, 14:00, 2026-12-01).")
@click.option("-u", "--user", metavar="NAME", help="Jobs of another user (all: of everybody).")
@click.option("--array", type=int, metavar="ID", help="The tasks of this array.")
@click.option("-n", "--name", metavar="NAME", help="Jobs of this name.")
@click.option("--group", metavar="NAME", help="Jobs of this group.")
@click.option("--cluster", metavar="NAME", help="Jobs on this cluster.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many, the newest.")
@json_option
@quiet_option
def jobs(
    everything: bool,
    since: str | None,
    user: str | None,
    array: int | None,
    name: str | None,
    group: str | None,
    cluster: str | None,
    limit: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """The jobs that wait and run; yours unless told otherwise."""
    ended_too = everything or since is not None or array is not None
    with client() as server:
        listed = server.iter_jobs(
            state=None if ended_too else sorted(LIVE_STATES),
            user=None if user == "all" else (user or getpass.getuser()),
            name=name,
            group=group,
            cluster=cluster,
            array=array,
            since=None if since is None else rfc3339(since_time(since, time.time())),
            limit=limit,
        )
        if as_json:
            out_json_list(job.to_json() for job in listed)
            return
        if array is not None:
            chosen = listed
        elif limit or name or group or cluster or ended_too:
            chosen = folded(listed)
        else:
            # Whose task lives lives too.
            chosen = (job for job in listed if record_id(job) == job.id)
        if quiet:
            for job in chosen:
                out(job.key)
        elif not print_jobs(chosen, users=user is not None):
            out("No jobs." if ended_too else "No jobs wait or run. Ended ones: ly jobs --all")


def folded(listed: Iterable[Job]) -> Iterator[Job]:
    """Without the tasks of arrays that are themselves in the list.

    An array comes after its tasks, since the newest job is first: what follows a task waits for that place.
    """
    kept: list[Job] = []
    place = math.inf
    for job in listed:
        kept.append(job)
        place = min(place, record_id(job))
        if job.id <= place:
            yield from records(kept)
            kept, place = [], math.inf
    yield from records(kept)


def since_time(text: str, now: float) -> float:
    """`2h` is two hours ago, `14:00` the last two o'clock; else a date. Raises `Invalid`."""
    if text[:1].isdigit() and text[-1:] in ("s", "m", "h", "d"):
        return now - (parse_walltime(text) or 0)
    try:
        moment = parse_begin(text, now, local_zone())
    except Invalid:
        raise Invalid(f"--since {shown(text)} is not understood; {SINCE}") from None
    if moment > now and ":" in text and "-" not in text:
        # A time of the day alone means tomorrow's for a job to begin, but the past one here.
        moment -= 86_400
    if moment > now:
        raise Invalid(f"--since {shown(text)} is in the future; {SINCE}")
    return moment
