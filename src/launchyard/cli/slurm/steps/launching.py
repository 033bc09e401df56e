"""From the server's answer to a step that runs: the orders for its runners, and the talk with them."""

import os
import resource
from collections.abc import Mapping
from types import MappingProxyType

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steps.conversation import Conversation, Manners
from launchyard.cli.slurm.steps.inputs import has_input, sources
from launchyard.cli.slurm.steps.listening import Listener
from launchyard.cli.slurm.steps.options import Choices
from launchyard.cli.slurm.steps.outputs import Look, Outputs
from launchyard.cli.slurm.steps.parts import Part, Parts
from launchyard.cli.slurm.steps.screen import raw, size
from launchyard.cli.slurm.steps.wish import is_exact
from launchyard.model.light import Any, NamedTuple
from launchyard.runner.files import allow_many_files
from launchyard.runner.order import Order, TaskOrder
from launchyard.slurm.binding import Binding, binding_variables, bound, parse_binding
from launchyard.slurm.exports import exported
from launchyard.slurm.multiprog import BadFile, programs
from launchyard.slurm.stepfiles import Place, Way, step_letters, way_of
from launchyard.slurm.stepvariables import gpu_variables, node_variables, step_variables, without_step

LIMITS = ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK")
UMASK_VARIABLE = "SLURM_UMASK"


class Wanted(NamedTuple):
    """What the tasks are to be, the same for all of them."""

    choices: Choices
    command: list[str]
    answer: dict[str, Any]
    environ: Mapping[str, str]
    commands: Mapping[int, list[str]] = MappingProxyType({})
    """What runs in each of the job's parts, where the step is in several."""
    own_choices: Mapping[int, Choices] = MappingProxyType({})
    """What was given for each of those parts."""

    @property
    def id(self) -> str:
        return f"{self.answer['job_id']}.{self.answer['step']}"


def converse(server: Server, listener: Listener, wanted: Wanted) -> int:
    """Run the step to its end; srun's exit code."""
    choices, answer = wanted.choices, wanted.answer
    places = _places(wanted)
    out, err, into = _ways(choices)
    terminal = choices.flag("pty")
    if terminal:
        out = err = Way("rank", rank=0)
        into = Way("rank", rank=0)
    parts = Parts(_parts(wanted, into, terminal))
    allow_many_files()
    outputs = Outputs(_look(choices, len(places)), out, err, _appends(choices))
    for place in places:
        outputs.open(place)
    manners = _manners(choices, terminal=terminal)

    def gone() -> str | None:
        return _gone(server, answer)

    talk = Conversation(listener, wanted.id, parts, outputs, sources(into, places), manners, gone)
    if not terminal:
        return talk.run()
    with raw():
        return talk.run()


def _gone(server: Server, answer: Mapping[str, Any]) -> str | None:
    """Why no runner can come any more; None while the job runs."""
    job = server.get(f"/v1/jobs/{answer['job_id']}")
    if job["state"] in ("RUNNING", "SUSPENDED", "STARTING"):
        return None
    return f"Unable to launch the step: job {answer['job_id']} is {str(job['state']).lower()}"


def _ways(choices: Choices) -> tuple[Way, Way, Way]:
    """Output, errors and input; errors follow the output where only that is named."""
    out = way_of(choices.text("output"))
    err = choices.text("error")
    return out, way_of(err) if err else out, way_of(choices.text("input"))


def _look(choices: Choices, tasks: int) -> Look:
    label = choices.flag("label")
    whole = label or (tasks > 1 and not choices.flag("unbuffered"))
    return Look(label, whole, len(str(tasks - 1)))


def _appends(choices: Choices) -> bool:
    return (choices.text("open-mode") or "truncate").lower().startswith("a")


def _manners(choices: Choices, *, terminal: bool) -> Manners:
    bad_exit = choices.text("kill-on-bad-exit")
    wait_s = choices.number("wait")
    ends_at = choices.environ.get("SLURM_JOB_END_TIME", "")
    return Manners(
        kill_on_bad_exit=(bad_exit is not None or choices.named("kill-on-bad-exit")) and bad_exit != "0",
        wait_s=float(wait_s) if wait_s else None,
        quiet=choices.named("quiet"),
        disable_status=choices.flag("disable-status"),
        quit_on_interrupt=choices.named("quit-on-interrupt"),
        terminal=terminal and os.isatty(0),
        ends_at=float(ends_at) if ends_at.isdigit() else None,
    )


def _places(wanted: Wanted) -> list[Place]:
    answer = wanted.answer
    user = wanted.environ.get("SLURM_JOB_USER") or wanted.environ.get("USER", "")
    name = wanted.environ.get("SLURM_JOB_NAME", wanted.command[0])
    letters = step_letters(wanted.environ, answer["job_id"], answer["step"], user, name)
    if task := answer.get("task_of_array"):
        letters.update(A=str(task["job_id"]), a=str(task["index"]))
    places = [
        Place(letters, rank, node["node"], node["position"])
        for node in answer["nodes"]
        for rank in node["tasks"]
    ]
    return sorted(places, key=lambda place: place.rank)


# ---- orders


def _parts(wanted: Wanted, into: Way, terminal: bool) -> list[Part]:
    choices = wanted.choices
    try:
        binding = parse_binding(_bind_text(choices))
    except ValueError:
        raise Refused(f"error: Invalid --cpu-bind argument: {choices.text('cpu-bind')}") from None
    tasks = sum(len(node["tasks"]) for node in wanted.answer["nodes"])
    commands = _commands(wanted, tasks)
    common = _environment(wanted)
    parts = []
    for node in wanted.answer["nodes"]:
        cpus = bound(binding, node["cpu_ids"], len(node["tasks"]), _cpus_each(wanted, node))
        orders = [
            TaskOrder(
                rank=rank,
                argv=commands[rank],
                env=_own_gpus(choices, node, local),
                cpus=cpus[local],
                input=has_input(into, rank),
                terminal=terminal and rank == 0,
            )
            for local, rank in enumerate(node["tasks"])
        ]
        order = _order(wanted, node, binding, common, cpus, orders)
        parts.append(Part(node["node"], list(node["tasks"]), order))
    return parts


def _cpus_each(wanted: Wanted, node: Mapping[str, Any]) -> int:
    """How many CPUs each task of the node was asked to have; one, where the step has all of the node."""
    choices = wanted.own_choices.get(node["part"], wanted.choices)
    return max(1, len(node["cpu_ids"]) // len(node["tasks"])) if is_exact(choices) else 1


def _order(
    wanted: Wanted,
    node: Mapping[str, Any],
    binding: Binding,
    common: Mapping[str, str],
    cpus: list[list[int]],
    tasks: list[TaskOrder],
) -> Order:
    gpus = node_variables(node)
    if not node["gpu_ids"] and "CUDA_VISIBLE_DEVICES" in common:
        gpus["CUDA_VISIBLE_DEVICES"] = gpus["GPU_DEVICE_ORDINAL"] = ""
    rows, columns = size()
    return Order(
        env={**common, **gpus, **binding_variables(binding, cpus)},
        cwd=wanted.choices.text("chdir") or os.getcwd(),
        umask=_umask(),
        limits=_limits(),
        tasks=tasks,
        hostname=node["node"],
        rows=rows,
        columns=columns,
    )


def _commands(wanted: Wanted, tasks: int) -> list[list[str]]:
    if not wanted.choices.named("multi-prog"):
        part_of = {rank: node["part"] for node in wanted.answer["nodes"] for rank in node["tasks"]}
        return [wanted.commands.get(part_of[rank], wanted.command) for rank in range(tasks)]
    path, *more = wanted.command
    try:
        with open(path, errors="surrogateescape") as file:
            return programs(file.read(), tasks, more)
    except OSError as error:
        raise Refused(f"error: Unable to open configuration file {path}: {error.strerror}") from None
    except BadFile as error:
        raise Refused(f"error: {path}: {error}") from None


def _environment(wanted: Wanted) -> dict[str, str]:
    """The caller's as `--export` says, and the step's variables."""
    choices = wanted.choices
    sent = without_step(exported(choices.text("export"), wanted.environ))
    own = step_variables(wanted.answer, umask=_umask(), host=os.uname().nodename)
    if cpus := choices.number("cpus-per-task"):
        own["SLURM_CPUS_PER_TASK"] = str(cpus)
    if distribution := choices.text("distribution"):
        own["SLURM_DISTRIBUTION"] = distribution
    return {**sent, **own}


def _own_gpus(choices: Choices, node: Mapping[str, Any], local: int) -> dict[str, str]:
    """With GPUs asked for a task, each task has its own."""
    wanted = (choices.text("gpus-per-task") or "").rpartition(":")[2]
    ids = node["gpu_ids"]
    each = int(wanted) if wanted.isdigit() else 0
    if not each or each * len(node["tasks"]) > len(ids):
        return {}
    return gpu_variables(ids[local * each : (local + 1) * each])


def _bind_text(choices: Choices) -> str | None:
    """What another step was told of its own CPUs is not for this one."""
    text = choices.text("cpu-bind")
    return text if choices.named("cpu-bind") or not text or "_cpu:" not in text else None


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def _limits() -> dict[str, tuple[int, int]]:
    found = {}
    for name in LIMITS:
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is not None:
            found[f"RLIMIT_{name}"] = resource.getrlimit(number)
    return found
