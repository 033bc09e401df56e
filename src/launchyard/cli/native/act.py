"""`ly cancel`, `hold`, `release`, `requeue`, `top`, `suspend` and `resume`: one thing done to each job."""

from collections.abc import Callable

import click

from launchyard.cli.choosing import chosen, jobs_or_all, jobs_or_group
from launchyard.cli.every import is_held, to_every, waits
from launchyard.cli.ids import parse_ids
from launchyard.cli.options import client, jobs_argument, json_option, quiet_option
from launchyard.cli.output.screen import out, out_json, problem
from launchyard.cli.output.sentences import reason
from launchyard.cli.output.text import clean
from launchyard.model.errors import Infeasible, Invalid, LaunchyardError
from launchyard.sdk.errors import ConnectionLost, NotRunning
from launchyard.sdk.jobs import LIVE_STATES, Job, live_records


@click.command()
@jobs_or_group
@click.option("--all", "every", is_flag=True, help="All of your jobs that wait or run.")
@click.option("-s", "--signal", metavar="NAME", help="Only send this signal (TERM, USR1, 10).")
@json_option
@quiet_option
def cancel(
    jobs: tuple[str, ...], group: str | None, every: bool, signal: str | None, as_json: bool, quiet: bool
) -> int:
    """Stop jobs, or take them out of the queue."""
    if every and (jobs or group is not None or signal is not None):
        raise Invalid("--all cancels all of your jobs; leave out what names some of them, and --signal")
    with client() as server:
        if every:
            return to_every(server, "cancel", lambda row: True, _so_many_cancelled, as_json, quiet)
        if group is not None:
            jobs = tuple(chosen(server, jobs, group, live_records))
            if not jobs:
                return _none_lives(group, as_json, quiet)
        if signal is not None:
            return each(
                jobs, lambda job: server.signal(job, signal), lambda job: f"was sent {signal}", as_json, quiet
            )
        return each(jobs, server.cancel, _cancelled, as_json, quiet)


@click.command()
@jobs_or_all("All of your jobs that wait.")
@json_option
@quiet_option
def hold(jobs: tuple[str, ...], every: bool, as_json: bool, quiet: bool) -> int:
    """Keep waiting jobs from starting."""
    with client() as server:
        if every:
            return to_every(server, "hold", waits, lambda _, count: f"{_are(count)} held", as_json, quiet)
        return each(jobs, server.hold, lambda job: f"is held   ly release {job.key}", as_json, quiet)


@click.command()
@jobs_or_all("All of your jobs that are held.")
@json_option
@quiet_option
def release(jobs: tuple[str, ...], every: bool, as_json: bool, quiet: bool) -> int:
    """Let held jobs start."""
    with client() as server:
        if every:
            return to_every(
                server,
                "release",
                is_held,
                lambda _, count: f"{_are(count)} not held any more",
                as_json,
                quiet,
            )
        return each(jobs, server.release, _waits, as_json, quiet)


@click.command()
@jobs_argument
@json_option
@quiet_option
def requeue(jobs: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Stop jobs and queue them again."""
    with client() as server:
        return each(jobs, server.requeue, _requeued, as_json, quiet)


@click.command()
@jobs_argument
@json_option
@quiet_option
def top(jobs: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Put waiting jobs before your others, in the order given."""
    ids = tuple(reversed(parse_ids(jobs)))
    with client() as server:
        return each(ids, server.top, lambda job: f"goes before your others: it {_waits(job)}", as_json, quiet)


@click.command()
@jobs_argument
@json_option
@quiet_option
def suspend(jobs: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Let running jobs stand still; they keep what they hold."""
    with client() as server:
        return each(jobs, server.suspend, lambda job: f"is suspended   ly resume {job.key}", as_json, quiet)


@click.command()
@jobs_argument
@json_option
@quiet_option
def resume(jobs: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Let suspended jobs go on."""
    with client() as server:
        return each(jobs, server.resume, lambda job: "goes on", as_json, quiet)


def each(
    texts: tuple[str, ...],
    act: Callable[[str], Job],
    say: Callable[[Job], str],
    as_json: bool,
    quiet: bool,
) -> int:
    """Do it to each job, whatever becomes of the others; 1 when any of them refused."""
    done, failed = [], 0
    for job_id in parse_ids(texts):
        try:
            job = act(job_id)
        except (NotRunning, ConnectionLost, Invalid, Infeasible):
            # The server is gone, or what is asked makes no sense for any job.
            raise
        except LaunchyardError as error:
            failed += 1
            problem(str(error))
            continue
        done.append(job)
        if not as_json:
            out(job.key if quiet else f"Job {job.key} {say(job)}.")
    if as_json:
        out_json([job.to_json() for job in done])
    return 1 if failed else 0


def _none_lives(group: str, as_json: bool, quiet: bool) -> int:
    if as_json:
        out_json([])
    elif not quiet:
        out(f"No job of the group {clean(group)} waits or runs.")
    return 0


def _cancelled(job: Job) -> str:
    return "is cancelled" if job.ended else "is being stopped"


def _so_many_cancelled(state: str, count: int) -> str:
    return f"{_are(count)} {'being stopped' if state in LIVE_STATES else 'cancelled'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _requeued(job: Job) -> str:
    return (reason(job) or "waits") if job.state == "PENDING" else "is being stopped and queued again"


def _waits(job: Job) -> str:
    return reason(job) or {"PENDING": "waits", "STARTING": "starts"}.get(job.state, "runs")
