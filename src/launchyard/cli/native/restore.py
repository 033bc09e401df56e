"""`ly restore`: back to a backup, while no server works."""

from pathlib import Path

import click

from launchyard.cli.native.backup import FILE, keep
from launchyard.cli.options import json_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import plural


@click.command()
@click.argument("file", type=FILE)
@click.option("--state", metavar="DIR", help="The state directory of the server.")
@click.option("--config", metavar="FILE", help="The settings of the server (TOML).")
@json_option
def restore(file: Path, state: str | None, config: str | None, as_json: bool) -> int:
    """Go back to FILE of `ly backup`, into the database of the settings; stop the server first.

    Job ids go on above all that were ever used. Jobs that waited are held, since they may have run
    after the backup was made.
    """
    done = keep("restore", file, state, config)
    if as_json:
        out_json(done)
        return 0
    out(f"Restored: {plural(done['live'], 'live job')}. The next job is {done['next_job_id']}.")
    if done["held"]:
        held = plural(done["held"], "job")
        out(f"  {held} waited and may have run since, so they are held: ly jobs, then ly release JOB")
    if done["aside"]:
        out(f"  What was there before is in {clean(done['aside'])}")
    out("  Tokens that were revoked after the backup are valid again: ly token list")
    return 0
