"""Options and arguments that many commands share, defined once."""

from collections.abc import Callable
from typing import TypeVar

import click

from launchyard.sdk.client import Client

F = TypeVar("F", bound=Callable[..., object])


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def quiet_option(command: F) -> F:
    return click.option("-q", "--quiet", is_flag=True, help="Print ids alone.")(command)


def jobs_argument(command: F) -> F:
    """`JOB...`: ids, ranges and tasks (`12 14-16 20_3`)."""
    return click.argument("jobs", metavar="JOB...", nargs=-1, required=True)(command)


def client() -> Client:
    """The server that `--url`, `--state` or the environment names, else the one of this machine."""
    chosen = click.get_current_context().find_root().params
    return Client(chosen.get("url"), state=chosen.get("state"))
