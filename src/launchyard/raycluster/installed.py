"""Which Ray the job has: the one that its own Python imports."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

NO_RAY = "the job asked for Ray, and its environment has no ray; add it: --pip 'ray[default]'"
_ASK = (
    "import importlib.metadata as m, importlib.util as u, sys; "
    "print(m.version('ray'), '%d.%d' % sys.version_info[:2], int(u.find_spec('grpc') is not None))"
)
_PATIENCE_S = 60


class NotStarted(Exception):
    """There is no cluster; one sentence says why."""


class Installed(NamedTuple):
    """A Python with Ray. `client`: it can serve `ray://`."""

    python: str
    ray: str
    version: str
    """The Python's own, as in `3.11`."""
    client: bool

    def start(self, *words: str) -> list[str]:
        """The command `ray start`, without relying on a script of that name."""
        return [self.python, "-m", "ray.scripts.scripts", "start", *words]


def find(command: Sequence[str]) -> Installed:
    """The Ray of the Python that the command is likely to run. Raises `NotStarted`."""
    for python in _pythons(command):
        asked = subprocess.run(
            [python, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        said = asked.stdout.split()
        if asked.returncode == 0 and len(said) == 3:
            return Installed(python, said[0], said[1], said[2] == "1")
    raise NotStarted(NO_RAY)


def _pythons(command: Sequence[str]) -> list[str]:
    """The command's own first, then those of the PATH, then the one that the program `ray` runs with."""
    names = ["python", "python3"]
    if command and os.path.basename(command[0]).startswith("python"):
        names.insert(0, command[0])
    found = [path for name in names if (path := shutil.which(name)) is not None]
    if (program := shutil.which("ray")) is not None:
        found += _interpreter(program)
    return list(dict.fromkeys(found))


def _interpreter(program: str) -> list[str]:
    try:
        with open(program, "rb") as file:
            first = file.readline(512)
    except OSError:
        return []
    words = os.fsdecode(first.removeprefix(b"#!")).split() if first.startswith(b"#!") else []
    return words[:1] if words and os.path.isabs(words[0]) and "python" in words[0] else []
