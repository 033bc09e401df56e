"""Which jobs a command is about: those named, or those of a group."""

import functools
import getpass
from collections.abc import Callable
from typing import Any, TypeVar, cast

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


def jobs_or_all(meant: str) -> Callable[[F], F]:
    """`JOB...` or `--all`, the flag `every`; one of both is given."""

    def options(command: F) -> F:
        @functools.wraps(command)
        def checked(**given: Any) -> object:
            if bool(given["jobs"]) == given["every"]:
                raise Invalid("name jobs, such as 12, 14-16 or 20_3, or say --all, not both")
            return command(**given)

        option = click.option("--all", "every", is_flag=True, help=meant)
        return cast(F, option(click.argument("jobs", metavar="[JOB...]", nargs=-1)(checked)))

    return options


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
