"""Reading a script to submit: what is wrong with it is said here, before anything is queued."""

import stat
import sys
from pathlib import Path
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.slurm.directives import parse_directives
from launchyard.slurm.request import ineffective, job_options

SCRIPT_BYTES_MAX = 4 * 1024 * 1024
_RUNNERS = {".py": "python", ".sh": "bash", ".r": "Rscript", ".jl": "julia", ".pl": "perl", ".js": "node"}


def read_script(path: str) -> str:
    """The text of a script that can be run by its `#!` line (`-`: standard input). Raises `Invalid`."""
    data = sys.stdin.buffer.read(SCRIPT_BYTES_MAX + 1) if path == "-" else _read(path)
    if len(data) > SCRIPT_BYTES_MAX:
        raise Invalid(f"{path} is over 4 MiB; run it by a command: ly submit -- {_as_command(path)}")
    if data.startswith(b"\x7fELF") or b"\0" in data:
        raise Invalid(f"{path} is a program, not a script. Try: ly submit -- {_as_command(path)}")
    name = "standard input" if path == "-" else path
    first = data.split(b"\n", 1)[0]
    if not first.startswith(b"#!") or not first[2:].strip():
        raise Invalid(f"{name} has no #! line, so nothing says what runs it. Try: {_suggestion(path)}")
    if first.endswith(b"\r"):
        fix = f"sed -i 's/\\r$//' {path}"
        raise Invalid(f"{path} has Windows line ends, so its #! line names no program. Try: {fix}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 (byte {error.start + 1}); convert it with iconv") from None


def _read(path: str) -> bytes:
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise Invalid(f"{path} is not a file; name a script, or give a command after --")
        with open(path, "rb") as file:
            return file.read(SCRIPT_BYTES_MAX + 1)
    except FileNotFoundError:
        hint = f"a command goes after --: ly submit -- {path}"
        raise Invalid(f"there is no script {shown(path)}; {hint}") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from None


def _suggestion(path: str) -> str:
    if path == "-":
        return "begin it with a line #!/bin/bash"
    runner = _RUNNERS.get(Path(path).suffix.lower(), "bash")
    return f"ly submit -- {runner} {path}"


def _as_command(path: str) -> str:
    return path if "/" in path else f"./{path}"


def directives_of(script: str, path: str) -> tuple[dict[str, Any], str | None]:
    """What the `#SBATCH` and `#LY` lines ask for, and a sentence on what of it has no effect here."""
    try:
        directives = parse_directives(script)
        return job_options(directives), ineffective(directives)
    except Invalid as error:
        raise Invalid(f"{path} {error}") from None
