"""The drop-in directory: one small file for each of Slurm's commands, made for one installation and state.

Each file names the interpreter, the package and the state directory, so that nothing else need be set: put
the directory first in PATH and the commands are ours.
"""

import os
import sys
from pathlib import Path

from launchyard.slurm.commands import COMMANDS


def directory_of(state: Path) -> Path:
    """Where it is in a state directory."""
    return state / "slurm"


def write(state: Path) -> Path:
    """Make the directory what it should be; what is already right is left alone. Raises `OSError`."""
    directory = directory_of(state)
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name in COMMANDS:
        _write_if_other(directory / name, text(name, state))
    return directory


def text(name: str, state: Path) -> str:
    """One command: isolated from the user's own Python, and without site-packages, which take their time."""
    parent = Path(__file__).resolve().parents[1]
    return (
        f"#!{sys.executable} -IS\n"
        "import os, sys\n"
        f"sys.path.append({str(parent)!r})\n"
        'if "LAUNCHYARD_URL" not in os.environ:\n'
        f'    os.environ.setdefault("LAUNCHYARD_STATE", {str(state)!r})\n'
        "from launchyard.cli.slurm.main import main\n"
        f"sys.exit(main({name!r}))\n"
    )


def _write_if_other(path: Path, wanted: str) -> None:
    try:
        if path.read_text() == wanted:
            return
    except OSError:
        pass
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(wanted)
    fresh.chmod(0o755)
    fresh.replace(path)
