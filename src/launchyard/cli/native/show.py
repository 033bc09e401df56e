"""`ly show`: everything known of a job."""

import sys

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.options import client, jobs_argument, json_option
from launchyard.cli.output.joblist import print_job
from launchyard.cli.output.screen import out, out_json


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
        found = [server.job(job_id) for job_id in ids]
    if as_json:
        out_json([job.to_json() for job in found])
        return
    for number, job in enumerate(found):
        if number:
            out()
        print_job(job)
