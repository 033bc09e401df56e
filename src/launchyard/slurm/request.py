"""What directives and command lines ask for, in the words of our own submission options.

Slurm asks for nodes, tasks and CPUs a task; a job here has totals over its nodes. A bare `--mem=4000` is MiB
in an `#SBATCH` line, as Slurm reads it, and refused in an `#LY` line, as `ly` does.
"""

from collections.abc import Iterable, Mapping

from launchyard.model.errors import Invalid
from launchyard.slurm import readers as of
from launchyard.slurm.directives import Directive
from launchyard.slurm.kept import shown_kept
from launchyard.slurm.options import SBATCH
from launchyard.slurm.readers import Asked, Counts, Reader


class BadOption(Invalid):
    """An option whose value cannot be: `name` is the long one."""

    def __init__(self, name: str, value: str, why: str) -> None:
        super().__init__(why)
        self.name = name
        self.value = value


def job_options(directives: Iterable[Directive]) -> Asked:
    """The submission options that the directives amount to (keys of `sdk.submission.JobOptions`).

    `export` stays text (see `slurm.exports`). Raises `Invalid` with the line.
    """
    options: Asked = {}
    counts: Counts = {}
    for directive in directives:
        try:
            read_option(directive.name, directive.value, options, counts, directive.source)
        except Invalid as error:
            raise Invalid(f"{directive}: {error}") from None
    add_totals(options, counts)
    return options


def asked_by(given: Iterable[tuple[str, str | None]]) -> Asked:
    """The same of options in Slurm's language, the last one counts. Raises `BadOption`."""
    options: Asked = {}
    counts: Counts = {}
    read_options(given, options, counts)
    add_totals(options, counts)
    return options


def read_options(given: Iterable[tuple[str, str | None]], options: Asked, counts: Counts) -> None:
    """Take in options of Slurm's; `add_totals` follows when all are in. Raises `BadOption`."""
    for name, value in given:
        try:
            read_option(name, value, options, counts)
        except Invalid as error:
            raise BadOption(name, value or "", str(error)) from None


def read_option(
    name: str, value: str | None, options: Asked, counts: Counts, source: str = SBATCH.source
) -> None:
    """One option of a language; what has no effect is kept for those who look at the job."""
    reader = (_SBATCH if source == SBATCH.source else _LY).get(name)
    if reader is not None:
        reader(value or "", options, counts)
    if source == SBATCH.source and (key := shown_kept(name)):
        options["metadata"] = {**options.get("metadata", {}), key: "1" if value is None else value}


def ineffective(directives: Iterable[Directive]) -> str | None:
    """One sentence about options that are kept without effect; None when there are none."""
    names = [f"--{one.name}" for one in directives if one.source == SBATCH.source and one.name not in _SBATCH]
    return f"without effect here: {', '.join(dict.fromkeys(names))}" if names else None


def add_totals(options: Asked, counts: Counts) -> None:
    """Totals of what was asked a node, a task, a GPU or a CPU; totals given by `#LY` lines stay."""
    _tasks_of_gpus(options, counts)
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
    if not gpus:
        options.pop("gpu_type", None)
    if {"tasks", "tasks_a_node", "cpus_a_task"} & counts.keys():
        options.setdefault("cpus", max(tasks, nodes) * counts.get("cpus_a_task", 1))
    if "cpus_a_gpu" in counts and gpus:
        options.setdefault("cpus", max(tasks, counts["cpus_a_gpu"] * gpus))
    if "cpus_a_node" in counts:
        options["cpus"] = max(options.get("cpus", 1), counts["cpus_a_node"] * nodes)
    _add_memory(options, counts, nodes, gpus)


def _add_memory(options: Asked, counts: Counts, nodes: int, gpus: int) -> None:
    if "memory_a_node" in counts:
        options.setdefault("memory", counts["memory_a_node"] * nodes)
    if "memory_a_gpu" in counts:
        options.setdefault("memory", counts["memory_a_gpu"] * gpus)
    if "memory_a_cpu" in counts:
        options.setdefault("memory", int(-(-counts["memory_a_cpu"] * options.get("cpus", nodes) // 1)))


def _tasks_of_gpus(options: Asked, counts: Counts) -> None:
    """Tasks that were not counted follow from GPUs in all and GPUs a task, or tasks a GPU."""
    gpus = options.get("gpus")
    if "tasks" in counts or not isinstance(gpus, int) or not gpus:
        return
    if counts.get("gpus_a_task"):
        counts["tasks"] = max(1, gpus // counts["gpus_a_task"])
    elif "tasks_a_gpu" in counts:
        counts["tasks"] = gpus * counts["tasks_a_gpu"]


def _nodes_least(options: Asked, counts: Counts) -> int:
    """The fewest nodes; more than there are tasks are asked for in vain, as Slurm says and goes on."""
    tasks, a_node = counts.get("tasks"), counts.get("tasks_a_node")
    nodes: int = options.get("nodes", counts.get("named", 1))
    if tasks and nodes > tasks:
        options["nodes"] = nodes = tasks
        options.pop("nodes_max", None)
    return max(nodes, -(-tasks // a_node)) if tasks and a_node else nodes


_NUMBERS = (
    *("core-spec", "cores-per-socket", "ntasks-per-core", "ntasks-per-socket", "ntasks-per-tres"),
    *("sockets-per-node", "switches", "thread-spec", "threads-per-core"),
)
"""Kept, and numbers."""
_WORDS = {
    "distribution": "* block cyclic arbitrary plane pack nopack",
    "hint": "compute_bound memory_bound multithread nomultithread",
    "profile": "all none energy filesystem lustre network task",
}
_BOTH: Mapping[str, Reader] = {
    "account": of.text("account"),
    "array": of.text("array"),
    "begin": of.text("begin"),
    "chdir": of.text("working_dir"),
    "comment": of.comment,
    "constraint": of.text("constraint"),
    "deadline": of.text("deadline"),
    "error": of.text("stderr"),
    "exclude": of.exclude,
    "exclusive": of.exclusive,
    "export": of.text("export"),
    "hold": of.flag("hold", True),
    "licenses": of.licences,
    "nice": of.nice,
    "nodelist": of.nodelist,
    "nodes": of.nodes,
    "open-mode": of.open_mode,
    "output": of.text("stdout"),
    "partition": of.partition,
    "qos": of.text("qos"),
    "requeue": of.flag("requeue", True),
    "reservation": of.text("reservation"),
    "signal": of.signal,
}
_SBATCH: Mapping[str, Reader] = {
    **_BOTH,
    "cpus-per-gpu": of.counted("cpus_a_gpu", "cpus"),
    "cpus-per-task": of.counted("cpus_a_task", "cpus"),
    "dependency": of.text("after"),
    "gpus": of.gpus,
    "gpus-per-node": of.gpus_a("gpus_a_node"),
    # Each node here is one socket.
    "gpus-per-socket": of.gpus_a("gpus_a_node"),
    "gpus-per-task": of.gpus_a("gpus_a_task"),
    "gres": of.gres,
    "job-name": of.text("name"),
    "kill-on-invalid-dep": of.kill_on_invalid_dep,
    "mem": of.memory("memory_a_node"),
    "mem-per-cpu": of.memory("memory_a_cpu"),
    "mem-per-gpu": of.memory("memory_a_gpu"),
    "no-requeue": of.flag("requeue", False),
    "acctg-freq": of.sampling,
    "delay-boot": of.number_kept,
    "mail-type": of.mail_type,
    "no-kill": of.no_kill,
    "oom-kill-step": of.zero_or_one,
    "propagate": of.propagate,
    "wait-all-nodes": of.zero_or_one,
    "mincpus": of.counted("cpus_a_node"),
    "ntasks": of.counted("tasks", "tasks", "cpus"),
    "ntasks-per-gpu": of.counted("tasks_a_gpu"),
    "ntasks-per-node": of.counted("tasks_a_node", "tasks_per_node", "cpus"),
    "time": of.time,
    "time-min": of.time_min,
    "tmp": of.size_kept,
    "tres-per-task": of.tres_per_task,
    **dict.fromkeys(_NUMBERS, of.number_kept),
    **{name: of.oneof(*words.split()) for name, words in _WORDS.items()},
}
_LY: Mapping[str, Reader] = {
    **_BOTH,
    "ray": of.ray,
    "after": of.text("after"),
    "cluster": of.text("cluster"),
    "cpus": of.ly_cpus,
    "env": of.environment,
    "gpus": of.ly_gpus,
    "group": of.text("group"),
    "keep-on-failed-dependency": of.flag("keep_on_failed_dependency", True),
    "licences": of.licences,
    "mem": of.ly_memory,
    "ntasks": of.tasks("tasks"),
    "ntasks-per-node": of.tasks("tasks_per_node"),
    "notify": of.told("launchyard.notify"),
    "notify-to": of.told("launchyard.notify-to"),
    "pip": of.brought("pip"),
    "retries": of.text("retries"),
    "retry-on": of.text("retry_on"),
    "name": of.text("name"),
    "runtime-env": of.brought("runtime_env"),
    "time": of.ly_time,
    "time-min": of.ly_time_min,
    "working-dir": of.brought("work"),
}
