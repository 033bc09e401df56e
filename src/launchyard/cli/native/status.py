"""`ly status`: how the server is."""

import click

from launchyard.cli.options import client, json_option
from launchyard.cli.output.screen import out_json
from launchyard.cli.output.server import print_status


@click.command()
@json_option
def status(as_json: bool) -> int:
    """How the server is, how it enforces limits, what waits and runs. Exit code 1 when it is degraded."""
    with client() as server:
        facts = server.status()
    if as_json:
        out_json(facts.to_json())
    else:
        print_status(facts.to_json())
    return 1 if facts.degraded else 0
