"""What a remedy is made for: a job, what its cluster has, and the words that its log gave."""

import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from launchyard.model.job import Job, JobKind
from launchyard.policy.admission import Cluster

SHELL_C = ("/bin/sh", "-c")
"""How a command that was given as one text is run."""
SHELLS = frozenset(["sh", "bash", "dash", "zsh", "ksh", "-bash"])
"""Names with which a shell, and no script, begins its messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The most that one job of this kind can ask for; None: not known, or no limit."""

    memory_mib: int | None = None
    gpus: int | None = None
    time_limit_s: int | None = None


def room_of(job: Job, cluster: Cluster) -> Room:
    """What the nodes of the job's partition have, all of them together where it asks for several."""
    partition = cluster.partitions.get(job.partition)
    nodes = cluster.capacity.of_partition(job.partition).values()
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


def path_of(case: Case) -> str:
    """The file that the log names, as it names it."""
    for name in ("path", "file", "name", "table"):
        if case.words.get(name):
            return case.words[name]
    return ""


def absolute(case: Case) -> str:
    """Where that file is, or nothing."""
    path = path_of(case)
    return from_directory(case, path) if path else ""


def from_directory(case: Case, path: str) -> str:
    """Where a path of the job leads."""
    return posixpath.normpath(posixpath.join(case.job.working_dir, path))


def quoted(case: Case, path: str) -> str:
    """The same, as a word of a command."""
    return shlex.quote(from_directory(case, path))


def workdir(case: Case) -> str:
    """The job's directory, as a word of a command."""
    return shlex.quote(case.job.working_dir)


def script_of(case: Case) -> str:
    """The script that a message names; a batch script's copy in our spool is named as its owner knows it."""
    named = case.words.get("script", "")
    if posixpath.basename(named) in SHELLS:
        return ""
    return "" if case.job.kind is JobKind.BATCH and "/spool/" in named else named
