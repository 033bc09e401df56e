"""`ly rerun`: the same job again, with changes."""

from typing import Any

import click

from launchyard.cli.choosing import chosen, jobs_or_group
from launchyard.cli.environments import ENVIRONMENT, add_environment
from launchyard.cli.job_options import BATCH, PLACE, SHAPE, job_options, options_of
from launchyard.cli.native.submit import say_advice
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.sentences import submitted
from launchyard.cli.output.text import clean
from launchyard.sdk.jobs import records
from launchyard.sdk.reruns import failed_ones


@options_of(SHAPE, ENVIRONMENT, BATCH, tuple(option for option in PLACE if option.name != "group"))
@click.command()
@jobs_or_group
@click.option("--failed", is_flag=True, help="Of arrays and groups only what failed.")
@json_option
@quiet_option
def rerun(
    jobs: tuple[str, ...], group: str | None, failed: bool, as_json: bool, quiet: bool, **values: Any
) -> None:
    """Submit jobs again as they were, but for the options given.

    They run in the directory they ran in, with the variables of this shell.
    """
    if jobs and group is not None:
        # Of jobs that are named it is a change like any other.
        values, group = {**values, "group": group}, None
    with client() as server:
        ids = chosen(server, jobs, group, failed_ones if failed else records)
        changes = job_options(values, local=server.transport.address.local)
        if values.get("chdir") is None:
            changes.pop("working_dir", None)
        bodies = [server.rerun_body(job_id, failed=failed, **changes) for job_id in ids]
        made = [server.submit_body(add_environment(server, body, values)) for body in bodies]
    if as_json:
        out_json([job.to_json() for job in made])
        return
    if not made and not quiet:
        out(f"Nothing in the group {clean(group or '')} failed.")
    for job in made:
        out(job.key if quiet else submitted(job))
        if not quiet:
            say_advice(job)
