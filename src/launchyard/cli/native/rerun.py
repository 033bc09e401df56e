"""`ly rerun`: the same job again, with changes."""

from typing import Any, cast

import click

from launchyard.cli.choosing import chosen, jobs_or_group
from launchyard.cli.environments import ENVIRONMENT, add_environment
from launchyard.cli.job_options import BATCH, PLACE, SHAPE, job_options, options_of
from launchyard.cli.native.submit import say_advice
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.sentences import submitted
from launchyard.cli.output.sessions import started
from launchyard.cli.output.text import clean
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import records
from launchyard.sdk.records import Record
from launchyard.sdk.reruns import failed_ones
from launchyard.sdk.sessions import Sessions
from launchyard.sdk.submission import JobOptions

SESSION_OPTIONS = (
    *("name", "cpus", "memory", "gpus", "nodes", "time_limit", "partition", "account", "qos", "working_dir"),
    *("constraint", "nodelist", "exclude", "reservation"),
)
"""What may be otherwise of a session; all else is the app's."""


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
        sessions = [job_id for job_id in ids if server.job(job_id).kind == "session"]
        relaunched = [_relaunched(server, job_id, changes) for job_id in sessions]
        ids = [job_id for job_id in ids if job_id not in sessions]
        bodies = [server.rerun_body(job_id, failed=failed, **changes) for job_id in ids]
        made = [server.submit_body(add_environment(server, body, values)) for body in bodies]
    if as_json:
        out_json([one.to_json() for one in (*relaunched, *made)])
        return
    for one in relaunched:
        out(str(one.id) if quiet else started(one.to_json()))
    if not made and not relaunched and not quiet:
        out(f"Nothing in the group {clean(group or '')} failed.")
    for job in made:
        out(job.key if quiet else submitted(job))
        if not quiet:
            say_advice(job)


def _relaunched(server: Client, job_id: int | str, changes: JobOptions) -> Record:
    """A session comes again as one, with the variables of a login."""
    named = {name: value for name, value in changes.items() if name in SESSION_OPTIONS}
    return Sessions(server).relaunch(int(job_id), **cast(JobOptions, named))
