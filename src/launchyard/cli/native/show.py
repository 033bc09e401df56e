"""`ly show`: everything known of a job."""

import sys
from collections.abc import Iterable, Iterator

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.options import client, jobs_argument, json_option
from launchyard.cli.output.joblist import print_job
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.sweeps import print_sweep, rows_json, sweep_rows
from launchyard.model.errors import Invalid, NotFound
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job


def _named(server: Client, words: Iterable[str]) -> Iterator[Job]:
    """By our ids, else by those that their engines have for them."""
    for word in words:
        try:
            ids = parse_ids([word])
        except Invalid:
            if not (others := server.jobs(engine_id=word)):
                raise
            yield from others
            continue
        for job_id in ids:
            yield from _by_id(server, job_id)


def _by_id(server: Client, job_id: str) -> Iterator[Job]:
    try:
        yield server.job(job_id)
    except NotFound:
        if not (others := server.jobs(engine_id=job_id)):
            raise
        yield from others


@click.command()
@jobs_argument
@click.option("--script", is_flag=True, help="Print the script that was submitted, nothing else.")
@json_option
def show(jobs: tuple[str, ...], script: bool, as_json: bool) -> None:
    """One job in full; an id of Slurm's or another engine's names its job too."""
    with client() as server:
        if script:
            for job_id in parse_ids(jobs):
                sys.stdout.write(server.script(job_id))
            return
        found = [(job, sweep_rows(server, job)) for job in _named(server, jobs)]
    if as_json:
        out_json(
            [{**job.to_json(), "sweep": rows_json(rows)} if rows else job.to_json() for job, rows in found]
        )
        return
    for number, (job, rows) in enumerate(found):
        if number:
            out()
        print_job(job)
        if rows:
            print_sweep(job, rows)
