"""A step: a part of a running job, started inside it, with its own tasks on some of the job's nodes.

On each of its nodes one runner process starts the tasks there and ends when they have; the step has ended
when all its runners have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from launchyard.model.resources import Usage


class StepState(StrEnum):
    """Where a step is; all but RUNNING are its end."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRequest:
    """What a caller asks for; None is the default (see `slurm.placing`).

    `memory_mib` is a node's, `gpus` are all of the step. A `cpus_per_task_milli` of 0: as many tasks as
    wanted on the CPUs there are; a `memory_per_cpu_mib` of 0: what a CPU of the job has there. With
    `overlap`, or without `exclusive`, it shares CPUs with other steps. With `whole_nodes` it has all that
    the job has of CPUs on each of its nodes, whatever its tasks need.
    """

    connect: str
    name: str = ""
    tasks: int | None = None
    nodes: int | None = None
    nodelist: tuple[str, ...] = ()
    tasks_per_node: int | None = None
    cpus_per_task_milli: int | None = None
    memory_mib: int | None = None
    memory_per_cpu_mib: int | None = None
    whole_nodes: bool = False
    gpus: int | None = None
    overlap: bool = False
    exclusive: bool = True
    distribution: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    group: int = 0
    """In which of the job's unlike parts, of a job that has them."""
    parts: tuple["StepRequest", ...] = ()
    """What the step has in further parts of the job; ranks count on from part to part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepShare:
    """What a step has of one node, its `position` among the step's. `tasks` are ranks in the whole step.
    `part`: of which of the job's unlike parts. With several parts two shares may be of one node.

    `memory_mib` and `gpu_ids` are what its tasks may use; only of what was asked for by name (`keeps_memory`,
    `keeps_gpus`) no other step gets a part.
    """

    node: str
    position: int
    tasks: tuple[int, ...]
    cpus_milli: int
    cpu_ids: tuple[int, ...] = ()
    memory_mib: int = 0
    gpu_ids: tuple[int, ...] = ()
    keeps_cpus: bool = True
    keeps_memory: bool = False
    keeps_gpus: bool = False
    part: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerEnd:
    """How the runner at a position ended; neither code nor signal: it did not start (`error`), or unknown.

    `ending`: the whole job was being ended by then; `oom`: the kernel had killed for want of memory.
    """

    position: int
    at: float
    exit_code: int | None = None
    signal: int | None = None
    cpu_s: float | None = None
    memory_peak_mib: float | None = None
    oom: bool = False
    ending: bool = False
    timed_out: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step as stored. Numbers count from 0 in each attempt of a job; times are seconds since 1970.

    `exit_code` or `signal` is the worst of its runners; both are None while it runs and when unknown.
    """

    job_id: int
    attempt: int
    number: int
    launch_id: str
    user: str
    name: str
    connect: str
    started_at: float
    shares: tuple[StepShare, ...]
    state: StepState = StepState.RUNNING
    metadata: Mapping[str, str] = field(default_factory=dict)
    ends: tuple[RunnerEnd, ...] = ()
    """Of the runners that have ended, in that order."""
    cancelled_by: str | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    cause: str | None = None
    usage: Usage = Usage()

    @property
    def ended(self) -> bool:
        return self.state is not StepState.RUNNING

    @property
    def key(self) -> tuple[int, int, int]:
        return (self.job_id, self.attempt, self.number)

    @property
    def tasks(self) -> int:
        return sum(len(share.tasks) for share in self.shares)

    def runner_id(self, position: int) -> str:
        """What the runner at a position is known by."""
        return f"{self.launch_id}.{self.number}.{position}"

    @property
    def open_runners(self) -> list[str]:
        """Those that have not ended."""
        over = {end.position for end in self.ends}
        return [self.runner_id(share.position) for share in self.shares if share.position not in over]


def parse_runner_id(text: str) -> tuple[str, int, int] | None:
    """The launch, the step's number and the position; None for what is no runner's id."""
    parts = text.rsplit(".", 2)
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return parts[0], int(parts[1]), int(parts[2])
