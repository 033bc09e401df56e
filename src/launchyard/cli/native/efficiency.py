"""`ly efficiency`: what jobs used of what they asked for, and what to ask for next time."""

import time

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.native.jobs import since_time
from launchyard.cli.options import client, json_option
from launchyard.cli.output.efficiency import print_efficiencies, print_efficiency
from launchyard.cli.output.screen import out, out_json
from launchyard.model.errors import Invalid
from launchyard.model.when import rfc3339
from launchyard.sdk.client import Client


@click.command()
@click.argument("jobs", metavar="[JOB...]", nargs=-1)
@click.option("--since", metavar="TIME", help="All jobs that ended since then (1h, 2d, 14:00, 2026-12-01).")
@click.option("-u", "--user", metavar="NAME", help="With --since: jobs of this user.")
@click.option("-n", "--name", metavar="NAME", help="With --since: jobs of this name.")
@json_option
def efficiency(
    jobs: tuple[str, ...], since: str | None, user: str | None, name: str | None, as_json: bool
) -> None:
    """What jobs used of what they asked for: CPU, memory and time.

    One job has a line for each, an array its tasks' median, lowest and highest; several jobs are a table.
    """
    if jobs and since is not None:
        raise Invalid("jobs and --since are both given; name jobs, or say since when")
    if not jobs and since is None:
        raise Invalid("no job is named; write ly efficiency 12, or ly efficiency --since 2d")
    if jobs and (user or name):
        raise Invalid(
            "--user and --name choose among the jobs of --since; leave them out when jobs are named"
        )
    with client() as server:
        if since is not None:
            _since(server, rfc3339(since_time(since, time.time())), user, name, as_json)
            return
        found = [server.efficiency(job) for job in parse_ids(jobs)]
    if as_json:
        out_json([one.to_json() for one in found])
    elif len(found) == 1 or any(one.tasks for one in found):
        for number, one in enumerate(found):
            if number:
                out()
            print_efficiency(one)
    else:
        print_efficiencies(found)


def _since(server: Client, since: str, user: str | None, name: str | None, as_json: bool) -> None:
    answer = server.efficiencies(since, user=user, name=name)
    if as_json:
        out_json(answer.to_json())
        return
    if not answer.jobs:
        out("No job has ended since then.")
        return
    print_efficiencies(answer.jobs, answer.total)
    if not answer.complete:
        out(f"Only the last {len(answer.jobs)} jobs are in it; take a later --since for the others.")
