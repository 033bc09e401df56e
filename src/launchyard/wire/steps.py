"""The bodies of requests about steps, and what they ask for, typed and bounded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.number import shown
from launchyard.model.parts import PARTS_MAX
from launchyard.model.resources import CPUS_MAX
from launchyard.model.step import StepRequest
from launchyard.wire.convert import checked_name

CONNECT_MAX_BYTES = 107
"""The kernel's own bound of a unix socket's path."""
COUNT_MAX = 1_000_000
NODES_MAX = 100_000
METADATA_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWish:
    """What a step has in one part of a job; see `StartStep`."""

    tasks: int | None = None
    nodes: int | None = None
    nodelist: list[str] | None = None
    tasks_per_node: int | None = None
    cpus_per_task: float | None = None
    memory_mib: int | None = None
    memory_per_cpu_mib: int | None = None
    whole_nodes: bool = False
    gpus: int | None = None
    distribution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPart(StepWish):
    """What a step has in a further one of the job's unlike parts."""

    group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStep(StepWish):
    """The body of `POST /v1/jobs/{id}/steps`; a runner a node connects to the unix socket `connect`.

    `nodes` is how many, `memory_mib` a node's, `gpus` are all of the step. Other steps get none of its CPUs
    unless it overlaps or is not `exclusive`; with `cpus_per_task` 0 any number of tasks share what is there.
    With `whole_nodes` it has all CPUs of the job on each of its nodes. `memory_per_cpu_mib` stands for
    `memory_mib`; 0 is what a CPU of the job has.
    `distribution` is block, cyclic, plane=4 or arbitrary (task i on the i-th name of `nodelist`). `group` is
    the one of the job's unlike parts that is meant (0 is the first); with `parts` it has tasks in others too.
    """

    connect: str
    name: str | None = None
    overlap: bool = False
    exclusive: bool = True
    metadata: dict[str, str] = field(default_factory=dict)
    group: int = 0
    parts: list[StepPart] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalStep:
    """The body of `POST /v1/jobs/{id}/steps/{n}/signal`: a name or a number."""

    signal: str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNode:
    """What a step has of one node; `tasks` are ranks, `cpu_ids` the machine's own numbers."""

    node: str
    position: int
    tasks: list[int]
    cpus: int
    cpu_ids: list[int]
    gpu_ids: list[int]
    memory_mib: int
    part: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """Whether a step ended; not: the time that was given is over."""

    freed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOf:
    """The place of a job in its array."""

    job_id: int
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedStep:
    """A step as it was started."""

    step: int
    job_id: int
    task_of_array: TaskOf | None
    nodes: list[StepNode]


def to_step_request(body: StartStep) -> StepRequest:
    """What a body asks for. Raises `Invalid`."""
    whole = StepRequest(
        connect=_socket(body.connect),
        name=checked_name(body.name, "name") or "",
        overlap=body.overlap,
        exclusive=body.exclusive,
        metadata=_metadata(body.metadata),
    )
    if len(body.parts) >= PARTS_MAX:
        raise Invalid(f"parts has {len(body.parts)} parts of a job; it has at most {PARTS_MAX} in all")
    return replace(_of_part(body, whole), parts=tuple(_of_part(one, whole) for one in body.parts))


def _of_part(body: StartStep | StepPart, whole: StepRequest) -> StepRequest:
    return replace(
        whole,
        group=_count(body.group, "group", least=0, most=PARTS_MAX) or 0,
        tasks=_count(body.tasks, "tasks"),
        nodes=_count(body.nodes, "nodes"),
        nodelist=_nodes(body.nodelist),
        tasks_per_node=_count(body.tasks_per_node, "tasks_per_node"),
        cpus_per_task_milli=_milli(body.cpus_per_task),
        memory_mib=_count(body.memory_mib, "memory_mib", least=0, most=2**40),
        memory_per_cpu_mib=_count(body.memory_per_cpu_mib, "memory_per_cpu_mib", least=0, most=2**40),
        whole_nodes=body.whole_nodes,
        gpus=_count(body.gpus, "gpus", least=0),
        distribution=body.distribution,
    )


def _socket(path: str) -> str:
    if not path.startswith("/"):
        raise Invalid(f"connect {shown(path)} is not absolute; begin it with /")
    if len(path.encode("utf-8", "surrogateescape")) > CONNECT_MAX_BYTES:
        raise Invalid(f"connect is longer than the {CONNECT_MAX_BYTES} bytes of a socket's path")
    if not path.strip("/"):
        raise Invalid("connect names no socket")
    return path


def _count(number: int | None, what: str, *, least: int = 1, most: int = COUNT_MAX) -> int | None:
    if number is not None and not least <= number <= most:
        raise Invalid(f"{what} is {number}; it is a whole number from {least} to {most}")
    return number


def _nodes(names: list[str] | None) -> tuple[str, ...]:
    """As they are listed, each as often as it is named."""
    found = [name for part in names or () for name in expand(part)]
    if len(found) > NODES_MAX:
        raise Invalid(f"nodelist names {len(found)} nodes; at most {NODES_MAX} are possible")
    return tuple(found)


def _milli(cpus: float | None) -> int | None:
    if cpus is None:
        return None
    if not 0 <= cpus <= CPUS_MAX:
        raise Invalid(f"cpus_per_task is {cpus:g}; it is a number from 0 to {CPUS_MAX}")
    return round(cpus * 1000)


def _metadata(entries: Mapping[str, str]) -> Mapping[str, str]:
    total = sum(len(key) + len(value) for key, value in entries.items())
    if total > METADATA_MAX_BYTES:
        raise Invalid(f"metadata is {total} characters long; at most {METADATA_MAX_BYTES} are possible")
    return entries
