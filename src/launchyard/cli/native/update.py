"""`ly update`: change what a waiting job asks for, or shorten a running one."""

from typing import Any, cast

import click

from launchyard.cli.native.act import each
from launchyard.cli.options import client, jobs_argument, json_option, quiet_option
from launchyard.cli.output.sentences import asked
from launchyard.model.errors import Invalid
from launchyard.sdk.submission import JobOptions


@click.command()
@jobs_argument
@click.option("-n", "--name", metavar="NAME", help="What to call it.")
@click.option("-c", "--cpus", type=float, metavar="N", help="CPUs.")
@click.option("--mem", "memory", metavar="SIZE", help="Memory in all (8G).")
@click.option("--gpus", metavar="[TYPE:]N", help="GPUs.")
@click.option("--nodes", metavar="N[-M]", help="Nodes to spread it over.")
@click.option("--constraint", metavar="FEATURES", help='Nodes that have these ("": any).')
@click.option("--nodelist", metavar="NODES", help='These nodes ("": any).')
@click.option("--exclude", metavar="NODES", help='None of these nodes ("": any).')
@click.option("licences", "--licences", "--licenses", metavar="NAME[:N]", help='Licences ("": none).')
@click.option("--reservation", metavar="NAME", help='On nodes reserved under this name ("": on others).')
@click.option("-t", "--time", "time_limit", metavar="TIME", help="Time limit (of a running job: only less).")
@click.option("-p", "--partition", metavar="NAME", help="Which nodes.")
@click.option("--nice", type=int, metavar="N", help="Later by this much.")
@click.option("--begin", metavar="TIME", help="Not before.")
@click.option("--deadline", metavar="TIME", help='Not when it could not end by then ("": any time).')
@click.option("--after", metavar="WHAT", help='Wait for others ("": for none).')
@click.option("--account", metavar="NAME", help="Who pays.")
@click.option("--qos", metavar="NAME", help="How urgent.")
@click.option("--throttle", type=int, metavar="N", help="Array tasks at work at once.")
@json_option
@quiet_option
def update(jobs: tuple[str, ...], throttle: int | None, as_json: bool, quiet: bool, **changes: Any) -> int:
    """Change what jobs ask for."""
    if throttle is None and all(value is None for value in changes.values()):
        raise Invalid("nothing is to be changed; name an option, for example: ly update 12 -t 1h")
    options = cast(JobOptions, changes)
    with client() as server:
        return each(
            jobs,
            lambda job: server.update(job, array_throttle=throttle, **options),
            lambda job: f"asks for {asked(job)}",
            as_json,
            quiet,
        )
