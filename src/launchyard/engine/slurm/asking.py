"""What is asked of Slurm's commands: arguments, each one word whatever is in it, and the script. Pure.

A job of Slurm's own commands is passed on in the options it was submitted with, those without effect here
too; any other is described by what it asks for.
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from launchyard.engine.protocol import Launch
from launchyard.engine.slurm.told import marked
from launchyard.model.errors import Invalid
from launchyard.model.job import Job
from launchyard.model.number import shown
from launchyard.model.resources import Request
from launchyard.model.walltime import slurm_walltime
from launchyard.slurm import kept
from launchyard.slurm.submitted import by_slurm

STUB = """\
#!/bin/sh
''':'
# To the shell this is a command that does nothing, to Python the begin of a text: one file is both.
export LC_ALL=C.UTF-8
for python in python3 /usr/bin/python3 /usr/local/bin/python3 /usr/libexec/platform-python; do
    if "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; then
        exec "$python" -I -S "$0" "$@"
    fi
done
echo 'launchyard: this job needs Python 3.6 or newer on the node that it runs on, as python3' >&2
exit 127
'''
"""
"""Before the runner: finds a Python, wherever a node has it, and gives it the same file."""

PACKAGE, PYTHON = "/launchyard-code", "launchyard-python"
"""What stands for where our code is on a node, and for what runs it, until the runner knows."""

_NOT_PASSED = frozenset(
    f"{kept.PREFIX}{name}"
    for name in (
        # Said otherwise, or done by us.
        *("comment", "export", "get-user-env", "input", "kill-on-invalid-dep", "mail-type", "mail-user"),
        *("partition", "propagate"),
    )
)
_FACTS = frozenset((kept.COMMAND, kept.SUBMIT_LINE, kept.SUBMIT_HOST, kept.SUBMIT_DIR, kept.SESSION))
_FLAGS = frozenset(
    f"{kept.PREFIX}{name}"
    for name in ("contiguous", "overcommit", "oversubscribe", "reboot", "spread-job", "use-min-nodes")
)
_DEFAULT_QOS = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What attends a session travels with it: our code, packed, of this version, and where it is put."""

    packed: bytes
    version: str
    root: str


def script_of(
    launch: Launch,
    runner: str,
    directory: str,
    hidden: str = "",
    log: str | None = None,
    code: Code | None = None,
) -> bytes:
    """The one file that Slurm runs: the runner with its order inside. `directory` is where records go.

    `log` is where its output goes when the job names no file: opened by the runner, since where homes are
    not shared its directory is not there when Slurm would open it.

    `hidden` is taken off its PATH: inside a job of Slurm's, srun and sbatch are Slurm's.
    """
    environment = dict(launch.environment)
    if "PATH" in environment:
        environment["PATH"] = ":".join(one for one in environment["PATH"].split(":") if one != hidden)
    order: dict[str, Any] = {
        "launch": launch.launch_id,
        "directory": directory,
        "log": log if launch.stdout is None else None,
        "log_errors": launch.stderr is None,
        "argv": list(launch.argv),
        "script": None if launch.script is None else base64.b64encode(launch.script).decode("ascii"),
        "environment": environment,
        "working_dir": launch.working_dir,
        "working_dir_else": launch.working_dir_else,
        "umask": launch.umask,
        "soft_limits": None if launch.soft_limits is None else dict(launch.soft_limits),
        "pid_variable": launch.pid_variable,
        "time_limit_s": _finer(launch.time_limit_s),
        "grace_s": launch.grace_s,
        "forwards_term": launch.warning_signal == 15 and launch.warning_target != "steps",
        "code": None if code is None else _brought(code),
        "needs": launch.needs,
    }
    text = base64.b64encode(json.dumps(order).encode()).decode("ascii")
    return (STUB + runner.replace('ORDER = ""', f'ORDER = "{text}"', 1)).encode()


def _brought(code: Code) -> dict[str, str]:
    packed = base64.b64encode(code.packed).decode("ascii")
    return {
        "packed": packed,
        "version": code.version,
        "root": code.root,
        "package": PACKAGE,
        "python": PYTHON,
    }


def sbatch_of(launch: Launch) -> list[str]:
    """The arguments of sbatch; the script comes by standard input. Raises `Invalid`."""
    job = launch.job
    if job is None:
        raise Invalid(f"launch {launch.launch_id} does not say what its job asks for")
    arguments = [
        "--parsable",
        "--export=NIL",
        "--no-requeue",
        _option("job-name", job.name),
        _option("comment", marked(job.metadata.get(f"{kept.PREFIX}comment", ""), launch.launch_id)),
        _option("chdir", launch.working_dir),
        _option("output", _literal(launch.stdout or "/dev/null")),
        _option("input", _literal(launch.stdin or "/dev/null")),
        f"--open-mode={'append' if launch.append else 'truncate'}",
        _option("partition", job.metadata.get(f"{kept.PREFIX}partition") or job.partition),
    ]
    if launch.stderr is not None:
        arguments.append(_option("error", _literal(launch.stderr)))
    if launch.time_limit_s is not None:
        arguments.append(f"--time={limit_of(launch.time_limit_s)}")
    if job.time_min_s is not None:
        arguments.append(f"--time-min={limit_of(job.time_min_s)}")
    if launch.warning_signal is not None:
        to = "" if launch.warning_target == "steps" else "B:"
        arguments.append(f"--signal={to}{launch.warning_signal}@{launch.warning_before_s:.0f}")
    if job.held:
        arguments.append("--hold")
    return [*arguments, *_standing(job), *_resources(job), *_passed(job.metadata)]


def _standing(job: Job) -> list[str]:
    found = []
    if job.account is not None:
        found.append(_option("account", job.account))
    if job.qos != _DEFAULT_QOS:
        found.append(_option("qos", job.qos))
    if job.nice:
        found.append(f"--nice={job.nice}")
    return found


def _resources(job: Job) -> list[str]:
    asked = job.request
    found = [] if by_slurm(job.metadata) else _described(asked)
    if asked.constraint:
        found.append(_option("constraint", asked.constraint))
    if asked.nodelist:
        found.append(_option("nodelist", ",".join(asked.nodelist)))
    if asked.exclude:
        found.append(_option("exclude", ",".join(asked.exclude)))
    if asked.licences:
        found.append(_option("licenses", ",".join(f"{name}:{count}" for name, count in asked.licences)))
    if asked.reservation:
        found.append(_option("reservation", asked.reservation))
    return found


def _described(asked: Request) -> list[str]:
    """What a job asks for in all, in Slurm's words: so much a node, a task, a CPU."""
    nodes = asked.nodes
    tasks = asked.tasks or nodes * (asked.tasks_per_node or 1)
    found = [
        f"--nodes={nodes}" if asked.nodes_max is None else f"--nodes={nodes}-{asked.nodes_max}",
        f"--ntasks={tasks}",
        f"--cpus-per-task={max(1, math.ceil(asked.cpus_milli / 1000 / tasks))}",
    ]
    if asked.tasks_per_node:
        found.append(f"--ntasks-per-node={asked.tasks_per_node}")
    if asked.memory_mib:
        found.append(f"--mem={math.ceil(asked.memory_mib / nodes)}M")
    if asked.gpus:
        of_type = f"{asked.gpu_type}:" if asked.gpu_type else ""
        found.append(_option("gpus-per-node", f"{of_type}{math.ceil(asked.gpus / nodes)}"))
    if asked.exclusive:
        found.append("--exclusive")
    return found


def _passed(metadata: Mapping[str, str]) -> list[str]:
    """Options that are kept as they were given."""
    if not by_slurm(metadata):
        return []
    found = []
    for key, value in sorted(metadata.items()):
        option = key.removeprefix(kept.PREFIX)
        if key in _NOT_PASSED or key in _FACTS or kept.shown_kept(option) != key:
            continue
        bare = key in _FLAGS or (value in ("", "1") and option == "exclusive")
        found.append(f"--{option}" if bare else _option(option, value))
    return found


_UPDATED: tuple[tuple[str, str], ...] = (("name", "Name"), ("partition", "Partition"), ("account", "Account"))


def update_of(before: Job, job: Job, launch_id: str) -> list[str]:
    """The words of `scontrol update` that make of one job the other, without its id; none: they are alike."""
    found = [
        _word(theirs, str(getattr(job, ours)))
        for ours, theirs in _UPDATED
        if getattr(job, ours) != getattr(before, ours) and getattr(job, ours) is not None
    ]
    if job.qos != before.qos:
        found.append(_word("QOS", job.qos))
    if job.nice != before.nice:
        found.append(f"Nice={job.nice}")
    if job.time_limit_s != before.time_limit_s:
        found.append(f"TimeLimit={limit_of(job.time_limit_s)}")
    key = f"{kept.PREFIX}comment"
    if job.metadata.get(key) != before.metadata.get(key):
        found.append(_word("Comment", marked(job.metadata.get(key, ""), launch_id)))
    return [*found, *_request_update(before.request, job.request)]


def _request_update(before: Request, asked: Request) -> list[str]:
    found = []
    if (asked.nodes, asked.nodes_max) != (before.nodes, before.nodes_max):
        found.append(f"NumNodes={asked.nodes}" + (f"-{asked.nodes_max}" if asked.nodes_max else ""))
    if asked.cpus_milli != before.cpus_milli:
        found.append(f"NumCPUs={math.ceil(asked.cpus_milli / 1000)}")
    if asked.memory_mib != before.memory_mib:
        found.append(f"MinMemoryNode={math.ceil(asked.memory_mib / asked.nodes)}")
    if asked.constraint != before.constraint:
        found.append(_word("Features", asked.constraint))
    if asked.nodelist != before.nodelist:
        found.append(_word("ReqNodeList", ",".join(asked.nodelist)))
    if asked.exclude != before.exclude:
        found.append(_word("ExcNodeList", ",".join(asked.exclude)))
    if asked.reservation != before.reservation:
        found.append(_word("ReservationName", asked.reservation))
    return found


def _finer(seconds: float | None) -> float | None:
    """A limit that is no whole number of minutes, which the runner has to see to."""
    return seconds if seconds is not None and seconds % 60 else None


def limit_of(seconds: float | None) -> str:
    """Slurm counts minutes: whole ones, and not fewer than asked for."""
    return slurm_walltime(None if seconds is None else 60 * math.ceil(seconds / 60))


def _option(name: str, value: str) -> str:
    return f"--{name}={_safe(name, value)}"


def _word(name: str, value: str) -> str:
    return f"{name}={_safe(name, value)}"


def _safe(name: str, value: str) -> str:
    """No control characters: Slurm's lists are lines, and ours of fields."""
    if any(ord(one) < 32 or ord(one) == 127 for one in value):
        raise Invalid(f"the {name} {shown(value)} has a control character, which Slurm cannot be given")
    return value


def _literal(path: str) -> str:
    """A path whose patterns are expanded already."""
    return path.replace("%", "%%")
