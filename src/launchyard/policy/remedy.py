"""What would help: one command for a cause, made of the job, of what the cluster has, and of the log's words.

Words from a log are quoted for the shell wherever they stand in a command.
"""

import difflib
import posixpath
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from launchyard.model.growth import next_memory_mib, next_time_limit_s
from launchyard.model.growth import short_memory as short_memory
from launchyard.model.job import Job, JobKind
from launchyard.model.walltime import format_walltime
from launchyard.policy.admission import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The most that one job of this kind can ask for; None: not known, or no limit."""

    memory_mib: int | None = None
    gpus: int | None = None
    time_limit_s: int | None = None


def room_of(job: Job, cluster: Cluster) -> Room:
    """What the nodes of the job's partition have, all of them together where it asks for several."""
    partition = cluster.partitions.get(job.partition)
    names = partition.nodes if partition is not None else ()
    nodes = [node for node in cluster.nodes if not names or node.name in names]
    count = max(1, job.request.nodes)
    return Room(
        memory_mib=max((node.memory_mib for node in nodes), default=0) * count,
        gpus=max((node.gpus for node in nodes), default=0) * count,
        time_limit_s=partition.time_limit_max_s if partition is not None else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a command is made for. `words` are the pattern's groups, as the log has them."""

    job: Job
    room: Room
    words: Mapping[str, str]


def key_of(job: Job) -> str:
    """What names it to people: `12`, or `12_3` for task 3 of array 12."""
    return str(job.id) if job.task is None else f"{job.task.job_id}_{job.task.index}"


def rerun(job: Job) -> str:
    """Submits it again; a task as an array of itself, so that it has its index again."""
    key = key_of(job)
    return f"ly rerun {key}" if job.task is None else f"ly rerun {key} --array {job.task.index}"


def command_for(template: str, case: Case) -> str:
    """The template with the case's values; the log, where the log gave too little to make it of."""
    values = {name: shlex.quote(_found(case, name, word)) for name, word in case.words.items() if word}
    try:
        for name in _FIELDS.findall(template):
            if name in MADE:
                made = MADE[name](case)
                if made is None:
                    return _log(case)
                values[name] = made
            else:
                values.setdefault(name, "")
        return " ".join(template.format_map(values).split(" ")).strip()
    except (KeyError, ValueError):
        return _log(case)


_FIELDS = re.compile(r"\{(\w+)\}")


def _found(case: Case, name: str, word: str) -> str:
    """A word as a command has it: a path from the job's directory is one from everywhere."""
    is_path = name in ("path", "file", "script") or (name == "program" and "/" in word)
    return _from_directory(case, word) if is_path and not word.startswith("~") else word


# ---- more of what it asked for


def more_memory(case: Case) -> str | None:
    amount = memory_wanted(case)
    return None if amount is None else f"{rerun(case.job)} --mem {short_memory(amount)}"


def memory_wanted(case: Case) -> int | None:
    """MiB, from what it asked for, used at most and wanted on top; None when no node has more."""
    asked = case.job.request.memory_mib
    amount = next_memory_mib(asked, case.job.usage.memory_peak_mib, _mib(case.words.get("wanted", "")))
    if case.room.memory_mib is not None:
        amount = min(amount, case.room.memory_mib)
    return amount if amount > asked else None


_AMOUNT = re.compile(r"^(\d{1,12}(?:\.\d{1,6})?) ?([KMGTP]?)")
_MIB = {"": 1 / (1 << 20), "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "P": 1024.0**3}


def _mib(text: str) -> int:
    match = _AMOUNT.match(text)
    return 0 if match is None else min(int(float(match[1]) * _MIB[match[2]]) + 1, 1 << 40)


def longer(case: Case) -> str:
    """Twice the time; where the partition allows no more, a signal before the end, to save what there is."""
    limit_s = case.job.time_limit_s
    if limit_s is None:
        return rerun(case.job)
    wanted = next_time_limit_s(limit_s)
    longest = case.room.time_limit_s
    if longest is not None and wanted > longest:
        wanted = longest
    if wanted <= limit_s:
        return f"{rerun(case.job)} --warn-signal TERM@{min(120, max(1, limit_s // 10))}s"
    return f"{rerun(case.job)} -t {format_walltime(wanted)}"


def more_gpus(case: Case) -> str | None:
    asked = case.job.request.gpus
    wanted = max(1, asked * 2)
    if case.room.gpus is not None:
        wanted = min(wanted, case.room.gpus)
    if wanted > asked:
        return f"{rerun(case.job)} --gpus {wanted}"
    return f"PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True {rerun(case.job)}"


def _some_gpu(case: Case) -> str:
    if case.room.gpus == 0:
        return "ly nodes"
    if case.job.request.gpus:
        return "ly run --gpus 1 -- nvidia-smi"
    return f"{rerun(case.job)} --gpus 1"


def memory_may_be_short(job: Job) -> bool:
    """Whether it used so much of what it asked for that memory may be why it was killed."""
    peak = job.usage.memory_peak_mib
    return peak is None or peak * 2 >= job.request.memory_mib


def _after_kill(case: Case) -> str | None:
    return more_memory(case) if memory_may_be_short(case.job) else rerun(case.job)


def _java_memory(case: Case) -> str:
    amount = memory_wanted(case) or case.job.request.memory_mib
    return f"JAVA_TOOL_OPTIONS=-Xmx{amount * 3 // 4}m {rerun(case.job)} --mem {short_memory(amount)}"


def _node_memory(case: Case) -> str:
    amount = memory_wanted(case) or case.job.request.memory_mib
    option = f"--max-old-space-size={amount * 3 // 4}"
    return f"NODE_OPTIONS={option} {rerun(case.job)} --mem {short_memory(amount)}"


# ---- what is missing

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


def _pip_install(case: Case) -> str | None:
    name = case.words.get("name") or case.words.get("module") or ""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    if top in _OWN:
        return f"PYTHONPATH={shlex.quote(case.job.working_dir)} {rerun(case.job)}"
    package = _PACKAGES.get(name) or _PACKAGES.get(top, top)
    return f"pip install {package}" if _NAME.match(top) else None


def _pip_upgrade(case: Case) -> str | None:
    made = _pip_install(case)
    return None if made is None else made.replace("pip install ", "pip install --upgrade ")


def path_of(case: Case) -> str:
    """The file that the log names, as it names it."""
    for name in ("path", "file", "name", "table"):
        if case.words.get(name):
            return case.words[name]
    return ""


def absolute(case: Case) -> str:
    path = path_of(case)
    return _from_directory(case, path) if path else ""


def _from_directory(case: Case, path: str) -> str:
    """Where a path of the job leads."""
    return posixpath.normpath(posixpath.join(case.job.working_dir, path))


def _quoted(case: Case, path: str) -> str:
    return shlex.quote(_from_directory(case, path))


def _parent(case: Case) -> str:
    return shlex.quote(posixpath.dirname(absolute(case)) or "/")


def _look(case: Case) -> str:
    return f"ls -la {_parent(case)}" if path_of(case) else f"ls -la {shlex.quote(case.job.working_dir)}"


def _path_or_directory(case: Case) -> str:
    """Of a file that cannot be written its directory, which is there."""
    return _parent(case) if path_of(case) else shlex.quote(case.job.working_dir)


_INSTEAD = {"python": "python3", "pip": "pip3", "python2": "python3", "nodejs": "node"}


def _which(case: Case) -> str | None:
    name = case.words.get("name") or case.words.get("program") or ""
    command = case.job.command
    if name in _INSTEAD and command[:1] == (name,) and case.job.kind is JobKind.COMMAND:
        return f"ly submit -C {_workdir(case)} -- {shlex.join((_INSTEAD[name], *command[1:]))}"
    if "/" in name:
        return f"ls -l {_quoted(case, name)}"
    return f"type -a {shlex.quote(name)}" if name else None


def _library(case: Case) -> str:
    """The name without its version, to look for others of it."""
    name = case.words.get("name", "")
    return shlex.quote(name.partition(".so")[0] or name)


# ---- scripts

_SHELL_C = ("/bin/sh", "-c")
_SHELLS = frozenset(["sh", "bash", "dash", "zsh", "ksh", "-bash"])
_BY_SUFFIX = {".py": "python3", ".sh": "bash", ".R": "Rscript", ".jl": "julia", ".pl": "perl", ".js": "node"}
_INTERPRETERS = ("python3", "python", "bash", "sh", "zsh", "perl", "Rscript", "julia", "node", "ruby")


def script_of(case: Case) -> str:
    """The script that a message names; a batch script's copy in our spool is named as its owner knows it."""
    named = case.words.get("script", "")
    if posixpath.basename(named) in _SHELLS:
        return ""
    return "" if case.job.kind is JobKind.BATCH and "/spool/" in named else named


def _resubmit(case: Case, change: str) -> str:
    """A batch script again, changed on the way; its own file may be anywhere."""
    return f"ly show --script {key_of(case.job)} | {change} | ly submit -C {_workdir(case)} -"


def _workdir(case: Case) -> str:
    return shlex.quote(case.job.working_dir)


def _login_shell(case: Case) -> str:
    job = case.job
    if job.kind is JobKind.BATCH:
        return _resubmit(case, "sed '1s|.*|#!/bin/bash -l|'")
    text = (
        job.command[2] if job.command[:2] == _SHELL_C and len(job.command) == 3 else shlex.join(job.command)
    )
    return f"ly submit -C {_workdir(case)} -- bash -lc {shlex.quote(text)}"


def _trace(case: Case) -> str | None:
    """Python says where it was when it crashes; another program has its debugger."""
    said = " ".join((*case.job.command, case.words.get("line", ""))).lower()
    python = "python" in said or ".py" in said or case.job.kind is JobKind.BATCH
    return f"PYTHONFAULTHANDLER=1 {rerun(case.job)}" if python else None


def _more_files(case: Case) -> str:
    """With as many open files as the hard limit lets it have."""
    raised = 'ulimit -n "$(ulimit -Hn)"'
    if case.job.kind is JobKind.BATCH:
        return _resubmit(case, f"sed '1a {raised}'")
    text = f"{raised}; exec {shlex.join(case.job.command)}"
    return f"ly submit -C {_workdir(case)} -- sh -c {shlex.quote(text)}"


def _unix_lines(case: Case) -> str | None:
    script = script_of(case) or _command_file(case.job)
    if script:
        return f"sed -i 's/\\r$//' {_quoted(case, script)}"
    return _resubmit(case, "tr -d '\\r'") if case.job.kind is JobKind.BATCH else None


def _other_interpreter(case: Case) -> str | None:
    """The `#!` line with the nearest interpreter that people have."""
    wanted = posixpath.basename(case.words.get("interpreter", "").split(" ")[0])
    script = script_of(case)
    near = difflib.get_close_matches(wanted, _INTERPRETERS, n=1, cutoff=0.6)
    name = near[0] if near else _BY_SUFFIX.get(posixpath.splitext(script)[1])
    if name is None:
        return f"head -n1 {_quoted(case, script)}" if script else None
    change = f"'1s|.*|#!/usr/bin/env {'python3' if name == 'python' else name}|'"
    if script:
        return f"sed -i {change} {_quoted(case, script)}"
    return _resubmit(case, f"sed {change}") if case.job.kind is JobKind.BATCH else None


def _check_script(case: Case) -> str:
    script = script_of(case)
    if script:
        return f"bash -n {_quoted(case, script)}"
    return f"ly show --script {key_of(case.job)} | bash -n" if case.job.kind is JobKind.BATCH else _log(case)


def _check_python(case: Case) -> str:
    path = case.words.get("source", "")
    if not path.endswith(".py"):
        return _log(case)
    return f"python3 -m py_compile {_quoted(case, path)}"


def _command_file(job: Job) -> str:
    """The script that a command runs by its path."""
    first = job.command[0] if job.command else ""
    return first if "/" in first and job.command[:2] != _SHELL_C else ""


def _log(case: Case) -> str:
    return f"ly logs {key_of(case.job)}"


MADE: Mapping[str, Callable[[Case], str | None]] = {
    "id": lambda case: key_of(case.job),
    "rerun": lambda case: rerun(case.job),
    "directory": _workdir,
    "parent": _parent,
    "path_or_directory": _path_or_directory,
    "look": _look,
    "which": _which,
    "library": _library,
    "more_memory": more_memory,
    "after_kill": _after_kill,
    "java_memory": _java_memory,
    "node_memory": _node_memory,
    "more_gpus": more_gpus,
    "some_gpu": _some_gpu,
    "longer": longer,
    "pip_install": _pip_install,
    "pip_upgrade": _pip_upgrade,
    "login_shell": _login_shell,
    "unix_lines": _unix_lines,
    "more_files": _more_files,
    "trace": _trace,
    "other_interpreter": _other_interpreter,
    "check_script": _check_script,
    "check_python": _check_python,
}
"""What a template may name beside the groups of its pattern."""
