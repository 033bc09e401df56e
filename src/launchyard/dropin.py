"""The drop-in directory: one small file for each of Slurm's commands, made for one installation and state.

Each file names the interpreter, the package and the state directory, so that nothing else need be set: put
the directory first in PATH and the commands are ours.
"""

import compileall
import os
import sys
from pathlib import Path

from launchyard.slurm.commands import COMMANDS

IMPORTED = ("cli/slurm", "launcher", "model", "raycluster", "runner", "sdk", "slurm")
"""What the commands are made of, and what runs inside jobs."""


def directory_of(state: Path) -> Path:
    """Where it is in a state directory."""
    return state / "slurm"


def write(state: Path) -> Path:
    """Make the directory what it should be; what is already right is left alone. Raises `OSError`."""
    directory = directory_of(state)
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name in COMMANDS:
        _write_if_other(directory / name, text(name, state))
    link_manual(directory, Path(sys.prefix))
    if not sys.dont_write_bytecode:
        compile_commands(Path(__file__).parent)
    return directory


def text(name: str, state: Path) -> str:
    """One command: isolated from the user's own Python, and without site-packages, which take their time."""
    parent = Path(__file__).resolve().parents[1]
    return (
        f"#!{sys.executable} -IS\n"
        "import gc, os, sys\n"
        "gc.set_threshold(100_000)  # next to nothing becomes garbage in so short a life\n"
        f"sys.path.append({str(parent)!r})\n"
        'if "LAUNCHYARD_URL" not in os.environ:\n'
        f'    os.environ.setdefault("LAUNCHYARD_STATE", {str(state)!r})\n'
        "from launchyard.cli.slurm.main import leave\n"
        f"leave({name!r})\n"
    )


def link_manual(directory: Path, prefix: Path) -> None:
    """`man sbatch` looks beside the sbatch that PATH finds: our pages come first where our commands do."""
    pages, link = prefix / "share" / "launchyard" / "man", directory / "share" / "man"
    if not pages.is_dir() or (link.is_symlink() and link.readlink() == pages):
        return
    link.parent.mkdir(mode=0o755, exist_ok=True)
    fresh = link.with_name(f".man.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(pages)
    fresh.replace(link)


def compile_commands(package: Path) -> None:
    """Compiled once, here: users cannot write it, and each of their commands would compile it all anew."""
    for directory in (package, package / "cli"):
        compileall.compile_dir(directory, maxlevels=0, quiet=2)
    for name in IMPORTED:
        compileall.compile_dir(package / name, quiet=2)


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
