"""Which jobs a command is about: those named, or those of a group."""

import getpass
from collections.abc import Callable
from typing import TypeVar

import click

from launchyard.cli.ids import parse_ids
from launchyard.model.errors import Invalid, NotFound
from launchyard.model.number import shown
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job

F = TypeVar("F", bound=Callable[..., object])


def jobs_or_group(command: F) -> F:
    """`JOB...` or `--group NAME`; `chosen` says which they are."""
    option = click.option("--group", metavar="NAME", help="All of your jobs in this group.")
    return option(click.argument("jobs", metavar="[JOB...]", nargs=-1)(command))


def chosen(
    server: Client, jobs: tuple[str, ...], group: str | None, choice: Callable[[list[Job]], list[Job]]
) -> list[str]:
    """The ids of the jobs named, or those of the group that `choice` leaves. Raises `Invalid`."""
    if group is None:
        return parse_ids(jobs)
    if jobs:
        raise Invalid("jobs and --group are both named; leave one out")
    found = server.jobs(user=getpass.getuser(), group=group)
    if not found:
        raise NotFound(f"no job of yours is in the group {shown(group)}; `ly jobs --all --json` shows groups")
    return [str(job.id) for job in reversed(choice(found))]
