"""`ly sweep`: one command with every combination of some parameters, as one array."""

import random
import shlex
import time
from itertools import islice
from typing import Any

import click

from launchyard.cli.environments import ENVIRONMENT, add_environment
from launchyard.cli.job_options import PLACE, SHAPE, JobCommand, job_options, options_of
from launchyard.cli.native.submit import after_submission, say_advice
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.sentences import asked, reason
from launchyard.cli.output.text import capitalised, clean
from launchyard.cli.output.units import at, clock, number, plural
from launchyard.model.array import Indexes, parse_indexes
from launchyard.model.errors import Invalid
from launchyard.model.sweep import Sweep, every, parse_sweep
from launchyard.model.walltime import humane
from launchyard.model.when import rfc3339
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job
from launchyard.sdk.sweep import sample, sweep_body

SHOWN = 3
"""How many commands `--dry-run` shows."""


def _without_p(option: click.Option) -> click.Option:
    """`-p` is for parameters here."""
    if option.name != "partition":
        return option
    return click.Option(["--partition"], metavar="NAME", help=option.help)


@options_of(tuple(map(_without_p, SHAPE)), ENVIRONMENT, PLACE)
@click.command(cls=JobCommand, context_settings={"allow_interspersed_args": False})
@click.argument("words", metavar="-- COMMAND...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-p", "--parameter", "parameters", metavar="NAME=VALUES", multiple=True, help="lr=0.1,0.01 or seed=1..10."
)
@click.option("--sample", "chosen", type=int, metavar="N", help="Only N combinations, by chance.")
@click.option("--throttle", type=click.IntRange(min=1), metavar="N", help="At most N at once.")
@click.option("-o", "--output", metavar="FILE", help="File for the output (%a: the task's index).")
@click.option("--hold", is_flag=True, default=None, help="Wait until released.")
@click.option("--dry-run", is_flag=True, help="Say what it would be; queue nothing.")
@click.option("--wait", is_flag=True, help="Wait until all have ended; exit code 0 when all completed.")
@json_option
@quiet_option
def sweep(
    words: tuple[str, ...],
    parameters: tuple[str, ...],
    chosen: int | None,
    throttle: int | None,
    dry_run: bool,
    wait: bool,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> int:
    """Run a command with every combination of parameters, as one array.

    {NAME} in the command stands for the parameter's value; the task has it as LAUNCHYARD_PARAM_NAME too.
    """
    if not words:
        raise Invalid("no command is given; write it after --, like: ly sweep -p lr=0.1,0.01 -- echo {lr}")
    asked_for = parse_sweep(parameters)
    with client() as server:
        _check_room(server, asked_for)
        indexes = every(asked_for) if chosen is None else sample(asked_for, chosen, random.SystemRandom())
        options = job_options(values, local=server.transport.address.local)
        options["array"] = f"{indexes}%{throttle}" if throttle else indexes
        body = add_environment(server, sweep_body(words, asked_for, options), values)
        if not dry_run:
            job = server.submit_body(body)
            if as_json and not wait:
                out_json(job.to_json())
                return 0
            return after_submission(server, job, wait=wait, follow=False, as_json=as_json, quiet=quiet)
        job = server.submit_body({**body, "dry_run": True})
        _foretell(server, job, asked_for, words, parse_indexes(indexes)[0], throttle, as_json=as_json)
    return 0


def _check_room(server: Client, sweep: Sweep) -> None:
    """The site's bound on arrays, which is the one of `sbatch` too."""
    most = int(server.transport.json("GET", "/v1/slurm")["max_array_size"])
    if sweep.count > most:
        raise Invalid(
            f"the sweep has {sweep.count} combinations, and an array here at most {most} tasks "
            f"([slurm] max_array_size); leave out values"
        )


def _foretell(
    server: Client,
    job: Job,
    sweep: Sweep,
    words: tuple[str, ...],
    indexes: Indexes,
    throttle: int | None,
    *,
    as_json: bool,
) -> None:
    """Count, first commands, core-hours at most and when it would have ended."""
    limit_s, count = job.time_limit_s, len(indexes)
    first = [shlex.join(sweep.command(words, index)) for index in islice(indexes, SHOWN)]
    cpus = (job.resources or {}).get("cpus") or 0
    core_hours = None if limit_s is None else count * cpus * limit_s / 3600
    room = min(count, throttle or count, _room(server, job))
    now = time.time()
    start = at((job.estimate or {}).get("start")) or now
    end = None if limit_s is None or not room else start + -(-count // room) * limit_s
    if as_json:
        told = {"tasks": count, "commands": first, "core_hours_max": core_hours, "at_once": room}
        out_json({**told, "ended_by": None if end is None else rfc3339(end), "job": job.to_json()})
        return
    hours = "" if core_hours is None else f": at most {number(round(core_hours, 2))} core-hours"
    out(f"{plural(count, 'task')}, each {asked(job)}{hours}.")
    for command in first:
        out(f"  {clean(command)}")
    if count > len(first):
        out(f"  and {count - len(first)} more")
    begins = capitalised(reason(job)) or (
        "Starts now" if start <= now else f"Starts about {clock(start, now)}"
    )
    if not room:
        out(f"{begins}.")
    elif end is None:
        out(f"{begins}; {room} at once when nothing else runs.")
    else:
        each = f"if each takes all of its {humane(limit_s)}"
        out(f"{begins}; {room} at once when nothing else runs, all done by {clock(end, now)} {each}.")
    say_advice(job)


def _room(server: Client, job: Job) -> int:
    """How many of its tasks fit beside each other on the nodes that are up."""
    resources = job.resources or {}
    wanted = [(resources.get(name) or 0, name) for name in ("cpus", "memory_mib", "gpus")]
    room = 0
    for node in server.nodes():
        if node.state != "UP":
            continue
        fits = [int((node.get(name) or 0) // amount) for amount, name in wanted if amount]
        room += min(fits, default=0)
    return room // max(1, resources.get("nodes") or 1)
