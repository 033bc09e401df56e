"""`ly show`: everything known of a job."""

import sys

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.options import client, jobs_argument, json_option
from launchyard.cli.output.joblist import print_job
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.sweeps import print_sweep, rows_json, sweep_rows


@click.command()
@jobs_argument
@click.option("--script", is_flag=True, help="Print the script that was submitted, nothing else.")
@json_option
def show(jobs: tuple[str, ...], script: bool, as_json: bool) -> None:
    """One job in full."""
    with client() as server:
        ids = parse_ids(jobs)
        if script:
            for job_id in ids:
                sys.stdout.write(server.script(job_id))
            return
        found = [(job, sweep_rows(server, job)) for job in map(server.job, ids)]
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
