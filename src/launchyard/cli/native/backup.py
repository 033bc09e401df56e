"""`ly backup`: the whole queue into one file, while the server works."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from launchyard.cli.options import json_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.text import clean
from launchyard.model.errors import Invalid, LaunchyardError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=FILE)
@click.option("--state", metavar="DIR", help="The state directory of the server.")
@click.option("--config", metavar="FILE", help="The settings of the server (TOML).")
@json_option
def backup(file: Path, state: str | None, config: str | None, as_json: bool) -> int:
    """Copy all jobs, tokens and accounting into FILE, while the server works.

    The server's state must be yours to read: run it as the user who started the server.
    """
    if file.exists():
        raise Invalid(f"{file} is there already; name another file, or remove it")
    done = keep("backup", file, state, config)
    if as_json:
        out_json(done)
    else:
        out(f"{clean(done['file'])}: {done['bytes']:,} bytes. Back to it: ly restore {clean(str(file))}")
    return 0


def keep(act: str, file: Path, state: str | None, config: str | None) -> dict[str, Any]:
    """What the program that knows databases did. Raises its sentence."""
    state = state or click.get_current_context().find_root().params.get("state")
    command = [sys.executable, "-P", "-m", "launchyard.keeping", act, str(file)]
    command += ["--state", str(Path(state).expanduser().absolute())] if state else []
    command += ["--config", str(Path(config).absolute())] if config else []
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    said: dict[str, Any] = json.loads(done.stdout or b"{}")
    if done.returncode:
        kind = Invalid if said.get("invalid") else LaunchyardError
        raise kind(said.get("error") or f"the {act} did not come to its end (code {done.returncode})")
    return said
