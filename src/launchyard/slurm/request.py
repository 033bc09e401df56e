"""What directives ask for, in the words of our own submission options.

Slurm asks for nodes, tasks and CPUs a task; a job here has totals over its nodes. A bare `--mem=4000` is MiB
in an `#SBATCH` line, as Slurm reads it, and refused in an `#LY` line, as `ly` does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.memory import parse_memory
from launchyard.model.number import is_digits, shown
from launchyard.model.resources import parse_cpus
from launchyard.model.signals import parse_signal
from launchyard.model.walltime import UNLIMITED, parse_walltime
from launchyard.model.wishes import parse_gpus, parse_licences, parse_nodes
from launchyard.slurm.directives import Directives
from launchyard.slurm.options import SBATCH

NICE_DEFAULT = 100
WARNING_BEFORE_S = 60


def job_options(directives: Directives) -> dict[str, Any]:
    """The submission options that the directives amount to (keys of `sdk.submission.JobOptions`).

    `export` stays text (see `slurm.exports.exported`). Raises `Invalid` with the line.
    """
    options: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for directive in directives.options:
        read = _READERS[directive.source == SBATCH.source][directive.name]
        try:
            read(directive.value or "", options, counts)
        except Invalid as error:
            raise Invalid(f"{directive}: {error}") from None
    _add_totals(options, counts)
    return options


def ineffective(directives: Directives) -> str | None:
    """One sentence about options that are kept without effect; None when there are none."""
    if not directives.kept:
        return None
    names = ", ".join(dict.fromkeys(f"--{one.name}" for one in directives.kept))
    return f"without effect here: {names}"


def _add_totals(options: dict[str, Any], counts: dict[str, int]) -> None:
    """Totals of what was asked a node, a task, a GPU or a CPU; totals given by `#LY` lines stay."""
    nodes = _nodes_least(options, counts)
    tasks = counts.get("tasks", nodes * counts.get("tasks_a_node", 1))
    for key, option in (("tasks", "tasks"), ("tasks_a_node", "tasks_per_node")):
        if key in counts:
            options.setdefault(option, counts[key])
    if "gpus_a_node" in counts:
        options.setdefault("gpus", counts["gpus_a_node"] * nodes)
    if "gpus_a_task" in counts:
        options.setdefault("gpus", counts["gpus_a_task"] * tasks)
    gpus = options["gpus"] if isinstance(options.get("gpus"), int) else 1
    if {"tasks", "tasks_a_node", "cpus_a_task"} & counts.keys():
        options.setdefault("cpus", max(tasks, nodes) * counts.get("cpus_a_task", 1))
    if "cpus_a_gpu" in counts:
        options.setdefault("cpus", counts["cpus_a_gpu"] * gpus)
    if "memory_a_node" in counts:
        options.setdefault("memory", counts["memory_a_node"] * nodes)
    if "memory_a_gpu" in counts:
        options.setdefault("memory", counts["memory_a_gpu"] * gpus)
    if "memory_a_cpu" in counts:
        options.setdefault("memory", int(-(-counts["memory_a_cpu"] * options.get("cpus", nodes) // 1)))


def _nodes_least(options: dict[str, Any], counts: dict[str, int]) -> int:
    """The fewest nodes; more than there are tasks are asked for in vain, as Slurm says and goes on."""
    tasks, a_node = counts.get("tasks"), counts.get("tasks_a_node")
    nodes: int = options.get("nodes", counts.get("named", 1))
    if tasks and nodes > tasks:
        options["nodes"] = nodes = tasks
        options.pop("nodes_max", None)
    return max(nodes, -(-tasks // a_node)) if tasks and a_node else nodes


Reader = Callable[[str, dict[str, Any], dict[str, int]], None]


def _text(key: str) -> Reader:
    def read(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
        options[key] = value

    return read


def _flag(key: str, wanted: bool) -> Reader:
    def read(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
        options[key] = wanted

    return read


def _counted(key: str) -> Reader:
    def read(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
        counts[key] = _count(value)

    return read


def _count(value: str) -> int:
    if not is_digits(value) or int(value) > 10_000_000:
        raise Invalid(f"{shown(value)} is no number; write for example 4")
    return int(value)


def _typed_count(value: str, options: dict[str, Any]) -> int:
    """`2` or `a100:2`."""
    type_, colon, number = value.rpartition(":")
    if "," in value:
        raise Invalid(f"{shown(value)} asks for GPUs of several types; ask for one type a job")
    if colon:
        options["gpu_type"] = type_
    return _count(number)


def _gpus(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    options["gpus"] = _typed_count(value, options)


def _ly_gpus(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    parse_gpus(value)
    options["gpus"] = value


def _gpus_a(key: str) -> Reader:
    def read(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
        counts[key] = _typed_count(value, options)

    return read


def _gres(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    """`gpu:2`, `gpu:a100:2`, `gpu`, a node; other resources have no effect."""
    for part in value.split(","):
        name, colon, rest = part.partition(":")
        if name.removeprefix("gres/") == "gpu":
            type_, _, last = rest.rpartition(":")
            numbered = bool(colon) and is_digits(last)
            counts["gpus_a_node"] = _count(last) if numbered else 1
            if word := type_ if numbered else rest:
                options["gpu_type"] = word


def _nodes(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    options["nodes"], most = parse_nodes(value)
    options.pop("nodes_max", None)
    if most is not None:
        options["nodes_max"] = most


def _nodelist(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    counts["named"] = len(set(expand(value)))
    options["nodelist"] = value


def _exclude(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    expand(value)
    options["exclude"] = value


def _licences(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    parse_licences(value)
    options["licences"] = value


def _tasks(option: str) -> Reader:
    def read(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
        options[option] = _count(value)

    return read


def _memory(key: str) -> Reader:
    def read(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
        if value.strip("0") == "" and value:
            counts[key] = 0  # all of a node's memory
            return
        counts[key] = parse_memory(f"{value}M" if is_digits(value) else value)

    return read


def _ly_memory(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    options["memory"] = 0 if value == "0" else parse_memory(value)


def _ly_cpus(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    options["cpus"] = parse_cpus(value) / 1000


def _time(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    slurms_own = value in ("0", "-1")
    parse_walltime(UNLIMITED[0] if slurms_own else value)
    options["time_limit"] = UNLIMITED[0] if slurms_own else value


def _time_min(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    if parse_walltime(value) is not None:
        options["time_min"] = value


def _partition(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    options["partition"] = value.partition(",")[0]


def _nice(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    digits = value.removeprefix("-")
    if value and not is_digits(digits):
        raise Invalid(f"{shown(value)} is no number; write for example 100")
    options["nice"] = int(value) if value else NICE_DEFAULT


def _open_mode(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    if value[:1] not in ("a", "t"):
        raise Invalid(f"{shown(value)} is neither append nor truncate")
    options["append"] = value[0] == "a"


def _signal(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    """`[R|B:]signal[@seconds]`; here the whole job gets it, with or without `B:`."""
    rest = value.partition(":")[2] if value[:2].upper() in ("R:", "B:") else value
    name, at, before = rest.partition("@")
    options["warning_signal"] = parse_signal(name)
    options["warning_before_s"] = _count(before) if at else WARNING_BEFORE_S


def _kill_on_invalid_dep(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    if value.lower() not in ("yes", "no"):
        raise Invalid(f"{shown(value)} is neither yes nor no")
    options["keep_on_failed_dependency"] = value.lower() == "no"


def _comment(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    options["metadata"] = {**options.get("metadata", {}), "comment": value}


def _environment(value: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    name, equals, text = value.partition("=")
    if not name or not equals:
        raise Invalid(f"{shown(value)} names no value; write NAME=VALUE")
    options["environment"] = {**options.get("environment", {}), name: text}


_BOTH: Mapping[str, Reader] = {
    "account": _text("account"),
    "array": _text("array"),
    "begin": _text("begin"),
    "chdir": _text("working_dir"),
    "comment": _comment,
    "constraint": _text("constraint"),
    "deadline": _text("deadline"),
    "error": _text("stderr"),
    "exclude": _exclude,
    "exclusive": _flag("exclusive", True),
    "export": _text("export"),
    "hold": _flag("hold", True),
    "licenses": _licences,
    "nice": _nice,
    "nodelist": _nodelist,
    "nodes": _nodes,
    "open-mode": _open_mode,
    "output": _text("stdout"),
    "partition": _partition,
    "qos": _text("qos"),
    "requeue": _flag("requeue", True),
    "reservation": _text("reservation"),
    "signal": _signal,
    "time": _time,
    "time-min": _time_min,
}
_SBATCH: Mapping[str, Reader] = {
    **_BOTH,
    "cpus-per-gpu": _counted("cpus_a_gpu"),
    "cpus-per-task": _counted("cpus_a_task"),
    "dependency": _text("after"),
    "gpus": _gpus,
    "gpus-per-node": _gpus_a("gpus_a_node"),
    "gpus-per-task": _gpus_a("gpus_a_task"),
    "gres": _gres,
    "job-name": _text("name"),
    "kill-on-invalid-dep": _kill_on_invalid_dep,
    "mem": _memory("memory_a_node"),
    "mem-per-cpu": _memory("memory_a_cpu"),
    "mem-per-gpu": _memory("memory_a_gpu"),
    "no-requeue": _flag("requeue", False),
    "ntasks": _counted("tasks"),
    "ntasks-per-node": _counted("tasks_a_node"),
}
_LY: Mapping[str, Reader] = {
    **_BOTH,
    "after": _text("after"),
    "cluster": _text("cluster"),
    "cpus": _ly_cpus,
    "env": _environment,
    "gpus": _ly_gpus,
    "group": _text("group"),
    "keep-on-failed-dependency": _flag("keep_on_failed_dependency", True),
    "licences": _licences,
    "mem": _ly_memory,
    "ntasks": _tasks("tasks"),
    "ntasks-per-node": _tasks("tasks_per_node"),
    "retries": _text("retries"),
    "retry-on": _text("retry_on"),
    "name": _text("name"),
}
_READERS: Mapping[bool, Mapping[str, Reader]] = {True: _SBATCH, False: _LY}
