"""`ly slurm-path`: where Slurm's commands are."""

from pathlib import Path

import click

from launchyard import dropin
from launchyard.cli.output.screen import out
from launchyard.model.errors import Infeasible
from launchyard.sdk.address import find, state_directories


@click.command()
def slurm_path() -> int:
    """Print the directory with sbatch, squeue and the others: `export PATH="$(ly slurm-path):$PATH"`."""
    root = click.get_current_context().find_root().params
    address = find(url=root.get("url"), state=root.get("state"))
    if address.socket is not None:
        directory = dropin.directory_of(Path(address.socket).resolve().parent.parent)
    else:
        directory = dropin.directory_of(Path(state_directories(None)[0]))
    if not directory.is_dir():
        directory = _written(directory.parent)
    out(str(directory))
    return 0


def _written(state: Path) -> Path:
    try:
        return dropin.write(state)
    except OSError as error:
        raise Infeasible(f"cannot make {dropin.directory_of(state)}: {error.strerror}") from None
