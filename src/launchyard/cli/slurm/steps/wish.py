"""What a step is to be: the body of `POST /v1/jobs/{id}/steps` from srun's options."""

from collections.abc import Mapping
from posixpath import basename

from launchyard.cli.slurm.arguments import WrongUse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.steps.options import Choices
from launchyard.model.errors import LaunchyardError
from launchyard.model.hostlist import expand
from launchyard.model.light import Any

_UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}


def step_body(choices: Choices, command: list[str], connect: str) -> tuple[dict[str, Any], list[str]]:
    """The body, and warnings to print. Raises `WrongUse` and `Refused`."""
    warnings: list[str] = []
    tasks, nodes = _tasks(choices), _nodes(choices)
    if too_few := few_tasks(choices):
        warnings.append(too_few)
        nodes = tasks
    here = choices.environ.get("SLURM_JOB_NUM_NODES", "")
    if nodes is not None and here.isdigit() and nodes > int(here):
        raise Refused(f"error: Only allocated {here} nodes asked for {nodes}")
    exact = is_exact(choices)
    body = {
        "name": choices.given.last("job-name") or basename(command[0]),
        "tasks": tasks,
        "nodes": nodes,
        "nodelist": _nodelist(choices, nodes),
        # The job's own number is known to the server, and is no bound for more tasks than the job has.
        "tasks_per_node": choices.number("ntasks-per-node") if choices.named("ntasks-per-node") else None,
        "cpus_per_task": _cpus(choices, exact),
        "whole_nodes": None if exact else True,
        "memory_mib": _memory_mib(choices),
        "memory_per_cpu_mib": _memory_per_cpu_mib(choices, exact),
        "gpus": _gpus(choices, tasks, nodes),
        "overlap": choices.flag("overlap"),
        "distribution": choices.text("distribution"),
        "connect": connect,
        "metadata": {"slurm.command": " ".join(command)[:1000]},
    }
    return {key: value for key, value in body.items() if value is not None}, warnings


def is_exact(choices: Choices) -> bool:
    """Whether the step has what it asks for alone; any other has the CPUs of the job on all its nodes."""
    if choices.flag("exact") or choices.named("exclusive"):
        return True
    return choices.number("cpus-per-task") is not None and not choices.flag("overcommit")


def _cpus(choices: Choices, exact: bool) -> int | None:
    """Of each task; 0: they share what is there."""
    if exact:
        cpus = choices.number("cpus-per-task")
        return 1 if cpus is None else cpus
    return 0 if choices.flag("overcommit") else None


def few_tasks(choices: Choices) -> str | None:
    """A warning when the nodes, those of the job where none are said, are more than the tasks."""
    tasks = _tasks(choices)
    nodes = _nodes(choices) or _known(choices.environ, "SLURM_JOB_NUM_NODES")
    if tasks is None or tasks >= nodes:
        return None
    return f"Warning: can't run {tasks} processes on {nodes} nodes, setting nnodes to {tasks}"


def _tasks(choices: Choices) -> int | None:
    """The job's number only where the step has all of the job's nodes: of fewer, the server counts them."""
    if not choices.named("ntasks") and any(
        choices.named(name) for name in ("nodes", "nodelist", "exclude", "relative", "ntasks-per-node")
    ):
        return None
    tasks = choices.number("ntasks")
    if tasks == 0:
        raise Refused('error: Invalid numeric value "0" for --ntasks.')
    return tasks


def _nodes(choices: Choices) -> int | None:
    """The least number; `-N 2-4` is two or more."""
    value = choices.given.last("nodes")
    if not value:
        return None
    least = value.partition("-")[0]
    if not (least.isascii() and least.isdigit()) or len(least) > 6 or int(least) < 1:
        raise WrongUse(f'error: invalid number of nodes: "{value}"')
    return int(least)


def _nodelist(choices: Choices, nodes: int | None) -> list[str] | None:
    """The nodes named, or those left when some are excluded or the first ones left out."""
    host_file = choices.environ.get("SLURM_HOSTFILE")
    try:
        if (text := choices.text("distribution")) and text.lower().startswith("arbitrary") and host_file:
            return _listed(host_file)
        if text := choices.given.last("nodelist"):
            return _listed(text) if "/" in text else expand(text)
        if text := choices.given.last("nodefile"):
            return _listed(text)
        mine = (
            expand(choices.environ["SLURM_JOB_NODELIST"]) if "SLURM_JOB_NODELIST" in choices.environ else []
        )
        if text := choices.given.last("exclude"):
            out = _listed(text) if "/" in text else expand(text)
            return [name for name in mine if name not in out]
    except LaunchyardError as error:
        raise Refused(f"error: Invalid node name specified: {error}") from None
    if (first := choices.number("relative")) is not None:
        rest = mine[first:] if nodes is None else mine[first : first + nodes]
        if not rest or (nodes is not None and len(rest) < nodes):
            raise Refused("error: Unable to create step: Requested node configuration is not available")
        return rest
    return None


def _listed(path: str) -> list[str]:
    """A file's names, one or more a line."""
    try:
        with open(path) as file:
            return [name for line in file for word in line.split() for name in expand(word)]
    except OSError as error:
        raise Refused(f"error: Unable to read {path}: {error.strerror}") from None


def _memory_mib(choices: Choices) -> int | None:
    """`--mem` of a node. 0, and what was said to the job alone, is whatever the job has there."""
    value = choices.given.last("mem")
    return _mib(value, "mem") if value else None


def _memory_per_cpu_mib(choices: Choices, exact: bool) -> int | None:
    """`--mem-per-cpu`; 0: as much as the job has of each CPU, where it was told so."""
    if choices.named("mem"):
        return None
    if value := choices.given.last("mem-per-cpu"):
        return _mib(value, "mem-per-cpu")
    return 0 if exact and choices.environ.get("SLURM_MEM_PER_CPU") else None


def _mib(value: str, name: str) -> int | None:
    """None: whatever the job has."""
    number, unit = (value[:-1], value[-1].upper()) if value[-1:].isalpha() else (value, "M")
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or len(number) > 12:
        raise WrongUse(f"error: Invalid --{name} specification")
    return max(1, int(int(number) * _UNITS[unit])) if int(number) else None


def _gpus(choices: Choices, tasks: int | None, nodes: int | None) -> int | None:
    """How many in all the step asks for; None: those that the job has on its nodes."""
    given = choices.given
    if text := given.last("gpus"):
        return _number(text)
    if text := choices.text("gpus-per-task"):
        return _number(text) * (tasks or _known(choices.environ, "SLURM_NTASKS"))
    count = nodes or _known(choices.environ, "SLURM_JOB_NUM_NODES")
    if text := given.last("gpus-per-node"):
        return _number(text) * count
    for part in (choices.text("gres") or "").split(","):
        name, _, rest = part.partition(":")
        if name.lower() == "none":
            return 0
        if name.removeprefix("gres/") == "gpu":
            return _number(rest or "1") * count
    return None


def _known(environ: Mapping[str, str], name: str) -> int:
    value = environ.get(name, "1")
    return int(value) if value.isdigit() else 1


def _number(text: str) -> int:
    """`2`, `a100:2`, `a100`."""
    last = text.rpartition(":")[2].partition("(")[0]
    return int(last) if last.isascii() and last.isdigit() and len(last) < 6 else 1
