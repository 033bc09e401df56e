"""What is missing or wrong around a program, and the command that mends it or shows it."""

import difflib
import posixpath
import re
import shlex
import sys

from launchyard.model.job import Job, JobKind
from launchyard.policy.case import (
    SHELL_C,
    Case,
    absolute,
    key_of,
    path_of,
    quoted,
    rerun,
    script_of,
    workdir,
)

_PACKAGES = {
    "attr": "attrs",
    "Bio": "biopython",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "GitPython",
    "google.protobuf": "protobuf",
    "jwt": "PyJWT",
    "Levenshtein": "levenshtein",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "pkg_resources": "setuptools",
    "pytorch_lightning": "pytorch-lightning",
    "rdkit": "rdkit",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow_hub": "tensorflow-hub",
    "usb": "pyusb",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Python modules whose package has another name."""
_OWN = frozenset(
    [
        "src",
        "lib",
        "utils",
        "util",
        "helpers",
        "common",
        "config",
        "configs",
        "model",
        "models",
        "data",
        "dataset",
        "datasets",
    ]
)
"""Names that people give to modules of their own, beside the script."""
_NAME = re.compile(r"^[A-Za-z]\w{0,80}$")


def pip_install(case: Case) -> str | None:
    """The package of a module; for one of the program's own, where it is."""
    name = case.words.get("name") or case.words.get("module") or ""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    if top in _OWN:
        return f"PYTHONPATH={shlex.quote(case.job.working_dir)} {rerun(case.job)}"
    package = _PACKAGES.get(name) or _PACKAGES.get(top, top)
    return f"pip install {package}" if _NAME.match(top) else None


def pip_upgrade(case: Case) -> str | None:
    """The same, for a module that is there and too old."""
    made = pip_install(case)
    return None if made is None else made.replace("pip install ", "pip install --upgrade ")


# ---- files and commands


def parent(case: Case) -> str:
    """The directory of the file that the log names."""
    return shlex.quote(posixpath.dirname(absolute(case)) or "/")


def look(case: Case) -> str:
    """What is there, in the place of a file that is not."""
    return f"ls -la {parent(case)}" if path_of(case) else f"ls -la {shlex.quote(case.job.working_dir)}"


def path_or_directory(case: Case) -> str:
    """Of a file that cannot be written its directory, which is there."""
    return parent(case) if path_of(case) else shlex.quote(case.job.working_dir)


_INSTEAD = {"python": "python3", "pip": "pip3", "python2": "python3", "nodejs": "node"}


def which(case: Case) -> str | None:
    """The command that was meant, or where it may be."""
    name = case.words.get("name") or case.words.get("program") or ""
    command = case.job.command
    if name in _INSTEAD and command[:1] == (name,) and case.job.kind is JobKind.COMMAND:
        return f"ly submit -C {workdir(case)} -- {shlex.join((_INSTEAD[name], *command[1:]))}"
    if "/" in name:
        return f"ls -l {quoted(case, name)}"
    return f"type -a {shlex.quote(name)}" if name else None


def library(case: Case) -> str:
    """The name without its version, to look for others of it."""
    name = case.words.get("name", "")
    return shlex.quote(name.partition(".so")[0] or name)


# ---- scripts

_BY_SUFFIX = {".py": "python3", ".sh": "bash", ".R": "Rscript", ".jl": "julia", ".pl": "perl", ".js": "node"}
_INTERPRETERS = ("python3", "python", "bash", "sh", "zsh", "perl", "Rscript", "julia", "node", "ruby")


def _resubmit(case: Case, change: str) -> str:
    """A batch script again, changed on the way; its own file may be anywhere."""
    return f"ly show --script {key_of(case.job)} | {change} | ly submit -C {workdir(case)} -"


def login_shell(case: Case) -> str:
    job = case.job
    if job.kind is JobKind.BATCH:
        return _resubmit(case, "sed '1s|.*|#!/bin/bash -l|'")
    text = job.command[2] if job.command[:2] == SHELL_C and len(job.command) == 3 else shlex.join(job.command)
    return f"ly submit -C {workdir(case)} -- bash -lc {shlex.quote(text)}"


def trace(case: Case) -> str | None:
    """Python says where it was when it crashes; another program has its debugger."""
    said = " ".join((*case.job.command, case.words.get("line", ""))).lower()
    python = "python" in said or ".py" in said or case.job.kind is JobKind.BATCH
    return f"PYTHONFAULTHANDLER=1 {rerun(case.job)}" if python else None


def more_files(case: Case) -> str:
    """With as many open files as the hard limit lets it have."""
    raised = 'ulimit -n "$(ulimit -Hn)"'
    if case.job.kind is JobKind.BATCH:
        return _resubmit(case, f"sed '1a {raised}'")
    text = f"{raised}; exec {shlex.join(case.job.command)}"
    return f"ly submit -C {workdir(case)} -- sh -c {shlex.quote(text)}"


def unix_lines(case: Case) -> str | None:
    """The script without the line ends of Windows."""
    script = script_of(case) or _command_file(case.job)
    if script:
        return f"sed -i 's/\\r$//' {quoted(case, script)}"
    return _resubmit(case, "tr -d '\\r'") if case.job.kind is JobKind.BATCH else None


def other_interpreter(case: Case) -> str | None:
    """The `#!` line with the nearest interpreter that people have."""
    wanted = posixpath.basename(case.words.get("interpreter", "").split(" ")[0])
    script = script_of(case)
    near = difflib.get_close_matches(wanted, _INTERPRETERS, n=1, cutoff=0.6)
    name = near[0] if near else _BY_SUFFIX.get(posixpath.splitext(script)[1])
    if name is None:
        return f"head -n1 {quoted(case, script)}" if script else None
    change = f"'1s|.*|#!/usr/bin/env {'python3' if name == 'python' else name}|'"
    if script:
        return f"sed -i {change} {quoted(case, script)}"
    return _resubmit(case, f"sed {change}") if case.job.kind is JobKind.BATCH else None


def check_script(case: Case) -> str | None:
    """Read by the shell and not run."""
    script = script_of(case)
    if script:
        return f"bash -n {quoted(case, script)}"
    return f"ly show --script {key_of(case.job)} | bash -n" if case.job.kind is JobKind.BATCH else None


def check_python(case: Case) -> str | None:
    """The same by Python."""
    path = case.words.get("source", "")
    if not path.endswith(".py"):
        return None
    return f"python3 -m py_compile {quoted(case, path)}"


def _command_file(job: Job) -> str:
    """The script that a command runs by its path."""
    first = job.command[0] if job.command else ""
    return first if "/" in first and job.command[:2] != SHELL_C else ""
