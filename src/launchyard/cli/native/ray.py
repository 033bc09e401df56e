"""`ly ray`: what Ray's own commands need to use this server."""

import shlex

import click

from launchyard.cli.groups import NearestGroup
from launchyard.cli.options import client, json_option
from launchyard.cli.output.screen import out, out_json
from launchyard.sdk.rayaccess import access

NAMES = ("RAY_API_SERVER_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH")


@click.group(cls=NearestGroup)
def ray() -> None:
    """Use Ray's own commands and classes with this server."""


@ray.command()
@click.option("--unset", is_flag=True, help="Print how to take the variables away again.")
@json_option
def env(unset: bool, as_json: bool) -> None:
    """Print variables for `ray job` and JobSubmissionClient: eval "$(ly ray env)".

    The token is in a file that only you can read. RAY_ADDRESS is left alone: with it `ray.init()` in the same
    shell would look for a cluster here.
    """
    if unset:
        out(f"unset {' '.join(NAMES)}")
        return
    with client() as server:
        found = access(server)
    variables = dict(zip(NAMES, (found.url, "token", str(found.token_path)), strict=True))
    if as_json:
        out_json(variables)
        return
    for name, value in variables.items():
        out(f"export {name}={shlex.quote(value)}")
