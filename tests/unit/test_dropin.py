"""The drop-in directory: files that start quickly, whoever calls them."""

import subprocess
import sys
from pathlib import Path

import pytest

from launchyard import dropin
from launchyard.slurm.commands import COMMANDS

SLOW = ("click", "dataclasses", "http", "msgspec", "pathlib", "ssl", "subprocess", "urllib.parse")
"""Modules that take a good part of the 40 ms in which a command has to start."""
REGULAR = ("enum", "functools", "json", "re", "socket", "typing")
"""Others that do, together; `launchyard.model.light` and `lightjson` have what is needed of them."""
FEWER = """
import importlib, sys
sys.path.append({source!r})
for name in {names!r}:
    importlib.import_module("launchyard.cli.slurm." + name)
    print(name, *(slow for slow in {slow!r} if slow in sys.modules))
"""


def test_every_command_is_a_file_that_needs_nothing_of_the_environment(tmp_path: Path) -> None:
    directory = dropin.write(tmp_path / "state")

    done = subprocess.run([directory / "squeue", "-V"], capture_output=True, text=True, env={}, check=False)

    assert sorted(path.name for path in directory.iterdir() if path.is_file()) == sorted(COMMANDS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "slurm 23.11.4\n", "")


@pytest.mark.parametrize(
    ("redirected", "ends"),
    [(">&-", (0, "")), ("2>&-", (0, "slurm 23.11.4\n")), (">/dev/full", (1, "")), ("| true", (0, ""))],
)
def test_output_that_goes_nowhere_is_no_traceback(
    tmp_path: Path, redirected: str, ends: tuple[int, str]
) -> None:
    squeue = dropin.write(tmp_path / "state") / "squeue"

    done = subprocess.run(
        ["sh", "-c", f"{squeue} -V {redirected}"], capture_output=True, text=True, env={}, check=False
    )

    assert (done.returncode, done.stdout) == ends
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("names", "slow"),
    [
        (("sbatch", "squeue", "scancel", "sinfo", "sacct", "scontrol"), (*SLOW, *REGULAR)),
        (("sstat", "sacctmgr", "sprio", "sshare", "sreport", "sdiag", "seff"), (*SLOW, *REGULAR)),
        (("srun", "salloc"), SLOW),
    ],
    ids=lambda value: value[0],
)
def test_commands_import_nothing_that_takes_long(names: tuple[str, ...], slow: tuple[str, ...]) -> None:
    source = str(Path(dropin.__file__).parents[1])
    program = FEWER.format(source=source, names=names, slow=slow)

    done = subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:-1] == list(names)


def test_commands_are_compiled_for_users_who_cannot_write_them(tmp_path: Path) -> None:
    package = tmp_path / "launchyard"
    for name in ("__init__.py", "cli/__init__.py", "cli/slurm/batch/script.py", "sdk/wrong.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("" if name != "sdk/wrong.py" else "def (")

    dropin.compile_commands(package)

    compiled = sorted(path.relative_to(package).parent.parent for path in package.rglob("*.pyc"))
    assert [str(path) for path in compiled] == [".", "cli", "cli/slurm/batch"]


def test_man_finds_the_pages_of_our_commands_beside_them(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for prefix in (old, new):
        (prefix / "share/launchyard/man/man1").mkdir(parents=True)
    directory = tmp_path / "slurm"
    directory.mkdir()

    for prefix in (old, new, new):
        dropin.link_manual(directory, prefix)

    assert (directory / "share/man").resolve() == new / "share/launchyard/man"
    dropin.link_manual(directory, tmp_path / "without")
    assert (directory / "share/man").resolve() == new / "share/launchyard/man"
