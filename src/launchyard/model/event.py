"""What happened, in the past tense: values that `policy.lifecycle.apply` turns into the next `Job`."""

from dataclasses import dataclass

from launchyard.model.node import NodeState
from launchyard.model.resources import Allocation, Usage
from launchyard.model.state import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """The plan gave the job an allocation; a launch order follows once this is durable."""

    launch_id: str
    epoch: str
    allocation: Allocation
    time_limit_s: int | None = None
    """Less than it asked for; None: what it asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The job's own program was executed. `allocation`: what an engine that places gave it."""

    at: float
    allocation: Allocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """The job was given to an engine that places; it waits there from now on."""

    launch_id: str
    epoch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The engine knows it by an id of its own; `log` is where its output is when not in the spool."""

    engine_id: str
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MainEnded:
    """The main process ended; what it left behind is still being killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """The attempt is over and no process of it lives.

    Exactly one of `exit_code` and `signal` is set when the job's own program ran to its end; both are None
    when it never ran (`error` says why) or when its end is not known (`lost`).
    """

    at: float
    exit_code: int | None = None
    signal: int | None = None
    usage: Usage = Usage()
    out_of_memory: bool = False
    timed_out: bool = False
    log_full: bool = False
    lost: bool = False
    node_lost: bool = False
    """With `lost`: the node itself went down, so that nothing of the job lives."""
    cancelled: bool = False
    """Somebody cancelled it past us, in the engine's own words; `error` says so."""
    error: str | None = None
    node_fault: str | None = None
    """The site's program around it failed on its node, one sentence; with `error` it never began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Somebody asked for the job to stop; a running one goes on until its processes are gone."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued:
    """The attempt is over or was never begun; the job waits again."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLost:
    """The node of the attempt is gone, and the job's processes with it; `sentence` says why."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """It was ordered to stand still; its time limit does not run. `yielded_to`: so that this job has room."""

    yielded_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """It was ordered to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedDeadline:
    """It waits, and can no longer end by its deadline; the sentence says so."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFailed:
    """What the job waits for can never be satisfied; the sentence says so."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpFailed:
    """Its runtime environment cannot be set up; the sentence says why."""

    sentence: str


JobEvent = (
    Allocated
    | HandedOver
    | Taken
    | Started
    | Suspended
    | Resumed
    | MainEnded
    | Exited
    | Cancelled
    | Requeued
    | NodeLost
    | MissedDeadline
    | DependencyFailed
    | SetUpFailed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMoved:
    """Published to those who watch: a session is another one now for its owner and those it is shared with.

    `what`: its `state`, a `phase` of its set-up, `idle` (it is stopped soon, or not any more), its `time`,
    `ending` (that time is nearly over, or not any more), its `node` (closed for new work, or open again),
    its `sharers`, that its settings were `saved`, or its card `deleted`.
    """

    session_id: int
    users: tuple[str, ...]
    what: str
    state: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMoved:
    """Published to those who watch: a node came or went, or something of it is otherwise now.

    `state` None: it is not there any more; `previous` None: it was not there before.
    """

    name: str
    cluster: str
    state: NodeState | None
    previous: NodeState | None
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Published to those who watch: a job moved. `seq` is the change that made it durable."""

    seq: int
    job_id: int
    user: str
    state: JobState
    previous: JobState | None
    at: float
    account: str | None
    """That it is charged to."""
    ready_at: float | None = None
    """Since when it could start, as known at this move: it may have ended when somebody hears of it."""
