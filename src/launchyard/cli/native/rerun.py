"""`ly rerun`: the same job again, with changes."""

from typing import Any

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.job_options import BATCH, PLACE, SHAPE, job_options, options_of
from launchyard.cli.native.submit import say_advice
from launchyard.cli.options import client, jobs_argument, json_option, quiet_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.sentences import submitted


@options_of(SHAPE, BATCH, PLACE)
@click.command()
@jobs_argument
@json_option
@quiet_option
def rerun(jobs: tuple[str, ...], as_json: bool, quiet: bool, **values: Any) -> None:
    """Submit jobs again as they were, but for the options given.

    They run in the directory they ran in, with the variables of this shell.
    """
    ids = parse_ids(jobs)
    with client() as server:
        changes = job_options(values, local=server.transport.address.local)
        if values.get("chdir") is None:
            changes.pop("working_dir", None)
        made = [server.submit_body(server.rerun_body(job_id, **changes)) for job_id in ids]
    if as_json:
        out_json([job.to_json() for job in made])
        return
    for job in made:
        out(job.key if quiet else submitted(job))
        if not quiet:
            say_advice(job)
