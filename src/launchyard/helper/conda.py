"""Environments of conda, by whichever of its programs the job would find.

A description is built once and kept; a name or a path is used as it is. Such environments cannot be moved, so
the job's own directory has a link to it.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from typing import IO, Any

from launchyard.helper.shelf import SetupFailed

PROGRAMS = ("mamba", "micromamba", "conda")
_TAIL = 2_000


class Conda:
    """One job's. `environ` are the variables that the job will have."""

    def __init__(
        self, environ: Mapping[str, str], root: str, say: Callable[[str], None], log: IO[str]
    ) -> None:
        self._environ = {"HOME": os.environ.get("HOME", "/"), **environ}
        self._root = root
        self._say = say
        self._log = log
        self._program = _program(self._environ)

    def existing(self, name: str) -> str:
        """The directory of an environment that is there."""
        if name.startswith("/"):
            found = name
        else:
            known = json.loads(self._run(["env", "list", "--json"])).get("envs", [])
            found = next((path for path in known if os.path.basename(path) == name), "")
        if not found or not os.path.isdir(os.path.join(found, "bin")):
            raise SetupFailed(f"there is no conda environment {name}; `conda env list` shows what there is")
        return found

    def key(self, description: Mapping[str, Any]) -> str:
        text = json.dumps([description, self._program, os.stat(self._program).st_mtime_ns], sort_keys=True)
        return f"conda-{hashlib.sha256(text.encode()).hexdigest()[:40]}"

    def build(self, description: Mapping[str, Any], target: str) -> None:
        """A new environment in the empty directory `target`."""
        self._say("making a conda environment")
        os.rmdir(target)
        with tempfile.NamedTemporaryFile("w", suffix=".yml", dir=self._root) as file:
            # JSON is YAML.
            json.dump(description, file)
            file.flush()
            create = ["env", "create"] if not self._program.endswith("micromamba") else ["create", "-y"]
            self._run([*create, "-p", target, "-f", file.name])

    def _run(self, words: list[str]) -> str:
        self._log.write(f"$ {os.path.basename(self._program)} {' '.join(words)}\n")
        done = subprocess.run(
            [self._program, *words],
            env=self._environ,
            cwd=self._root,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
        )
        if words[-1] != "--json":
            self._log.write(done.stdout)
        self._log.write(done.stderr)
        if done.returncode:
            raise SetupFailed(f"making a conda environment failed:\n{(done.stderr or done.stdout)[-_TAIL:]}")
        return done.stdout


def _program(environ: Mapping[str, str]) -> str:
    named = environ.get("CONDA_EXE")
    if named is not None and os.access(named, os.X_OK):
        return named
    for name in PROGRAMS:
        found = shutil.which(name, path=environ.get("PATH"))
        if found is not None:
            return found
    raise SetupFailed(
        "conda is not there, nor mamba or micromamba; ask for pip or uv, or install one of them"
    )
