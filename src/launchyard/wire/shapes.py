"""The shapes of answers, as the OpenAPI document tells them. Tests hold what is really sent to them.

Times are RFC 3339 in UTC; what is not known is null.
"""

from dataclasses import field
from typing import Any, Literal

from launchyard.model.job import JobKind
from launchyard.model.node import NodeState
from launchyard.model.state import JobState
from launchyard.wire.shape import shape


@shape
class Problem:
    """Any error (RFC 9457): `detail` is one sentence for people, `code` a stable word for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str


@shape
class ItemError:
    """What became of one item of a list."""

    error: Problem


@shape
class Asked:
    """What a job asks for in all. After `nodes` only what is asked for is there."""

    cpus: float
    memory_mib: int
    gpus: float
    nodes: int
    gpu_type: str = ""
    nodes_max: int | None = None
    tasks: int | None = None
    tasks_per_node: int | None = None
    exclusive: bool = False
    constraint: str = ""
    nodelist: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    licences: dict[str, int] = field(default_factory=dict)
    reservation: str = ""


@shape
class JobPart:
    """One of the unlike parts of a job that has them; `nodes` once it has started."""

    id: int
    partition: str
    resources: Asked
    nodes: list[str]


@shape
class EstimatedStart:
    """When a waiting job may start."""

    start: str
    low: str
    high: str


@shape
class ArrayPlace:
    """Which array a job is, or belongs to. `pending` are the indexes that have not started, as ranges.

    `index` is null for the array itself; only the array itself has the keys after `pending`. Those that
    ended while they waited are `never_started`.
    """

    job_id: int
    index: int | None
    pending: str | None
    waiting: int = 0
    size: int = 0
    throttle: int | None = None
    never_started: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


@shape
class Used:
    """What the last attempt used."""

    cpu_s: float | None
    memory_peak_mib: float | None
    read_mib: float | None
    written_mib: float | None


@shape
class Past:
    """How an earlier attempt ended; `state` is what the job would be, had it not been tried again."""

    attempt: int
    state: JobState
    nodes: list[str]
    started_at: str | None
    ended_at: str | None
    exit_code: int | None
    signal: int | None
    cause: str | None


@shape
class Retried:
    """How often it is tried again after which ends, and how often it was."""

    count: int
    used: int
    backoff_s: int
    on: list[str]


@shape
class Job:
    """A job. `script` and `runtime_env` are digests, `command` is what a person would type.

    A job of unlike `parts` has their sum as its `resources`; others have none.
    """

    id: int | None
    name: str
    kind: JobKind
    user: str
    account: str | None
    partition: str
    qos: str
    cluster: str
    engine_id: str | None
    group: str | None
    state: JobState
    reason: str | None
    cause: str | None
    exit_code: int | None
    signal: int | None
    priority: int
    resources: Asked
    time_limit_s: int | None
    submitted_at: str
    started_at: str | None
    ended_at: str | None
    estimate: EstimatedStart | None
    nodes: list[str]
    array: ArrayPlace | None
    submission_id: str | None
    command: str | None
    script: str | None
    working_dir: str | None
    log_path: str | None
    url: str | None
    metadata: dict[str, str]
    attempt: int
    usage: Used
    stale_since: str | None
    past_attempts: list[Past]
    nice: int
    requeue: bool
    requeues: int
    retries: Retried | None
    held: bool
    after: str | None
    begin_at: str | None
    deadline_at: str | None
    time_min_s: int | None
    parts: list[JobPart]
    runtime_env: str | None


@shape
class Advice:
    """What to ask for, from the last `runs` runs of the same user and name (or command).

    `changes` are keys of a submission, `options` the same for `ly submit`.
    """

    sentence: str
    options: str
    changes: dict[str, Any]
    runs: int


@shape
class Sooner:
    """A change (`changes` by the names of an update) with which a waiting job starts at `start`."""

    start: str
    changes: dict[str, float | int | str]
    command: str


@shape
class SubmittedJob(Job):
    """A job as it is answered to the one who submits it alone; `sooner` is told by a dry run."""

    advice: Advice | None
    sooner: list[Sooner] = field(default_factory=list)


@shape
class UsedPart:
    """How much was used of how much, in the same unit. Null: not measured, or not asked for."""

    used: float | None
    asked: float | None
    percent: float | None


@shape
class TaskSpread:
    """Percentages of an array's tasks, and the indexes of the lowest and the highest."""

    median: float
    lowest: float
    lowest_task: int
    highest: float
    highest_task: int


@shape
class TasksUsed:
    """The tasks of an array that ended: `count` of them are looked at, the last ones."""

    count: int
    complete: bool
    cpu: TaskSpread | None
    memory: TaskSpread | None
    gpu: TaskSpread | None
    time: TaskSpread | None


@shape
class Efficiency:
    """What a job used of what it asked for.

    `cpu` and `gpu` are in seconds of what it held, `memory` in MiB, `time` in seconds of its limit. Of an
    array they are the sums of its tasks, memory in MiB times seconds.
    """

    id: int
    name: str
    user: str
    state: JobState
    array: ArrayPlace | None
    resources: Asked
    time_limit_s: int | None
    elapsed_s: float | None
    cpu: UsedPart
    memory: UsedPart
    gpu: UsedPart
    time: UsedPart


@shape
class JobEfficiency(Efficiency):
    """The same of one job, with its tasks (of an array) and what to ask for next time."""

    tasks: TasksUsed | None
    advice: Advice | None


@shape
class EfficiencyTotal:
    """Of all jobs listed; memory is in MiB times seconds."""

    jobs: int
    elapsed_s: float
    cpu: UsedPart
    memory: UsedPart
    gpu: UsedPart
    time: UsedPart


@shape
class EfficiencyList:
    """Jobs that ran and ended, newest first; not `complete`: only the newest were looked at."""

    jobs: list[Efficiency]
    total: EfficiencyTotal
    complete: bool


@shape
class JobPage:
    """Jobs, newest first; `next` is the `cursor` of the next page, null on the last."""

    jobs: list[Job]
    next: str | None


@shape
class Ahead:
    """How many waiting jobs come before, and the first of them."""

    count: int
    jobs: list[int]


@shape
class HitRate:
    """How many of the last `count` estimates that were shown came true."""

    right: int
    count: int


@shape
class Why:
    """Why a job waits, or why it ended as it did. `code` is a stable word; `type` leads to what it means.

    Of a waiting job: nobody submitted after `overtaken_until` goes ahead of it; `sooner` is what would help.
    Of an ended job: `line` is the line of its log that belongs to the cause, `command` one that helps,
    `log_unread` why the log was not looked at.
    """

    id: int
    state: JobState
    code: str | None
    type: str | None
    reason: str | None
    estimate: EstimatedStart | None
    record: HitRate | None
    ahead: Ahead
    overtaken_until: str | None
    sooner: list[Sooner]
    cause: str | None
    exit_code: int | None
    signal: int | None
    line: str | None
    command: str | None
    log_unread: str | None


@shape
class NodeUsed:
    """What is allocated of a node; of a GPU in part use, that part."""

    cpus: float
    memory_mib: int
    gpus: float
    jobs: int


@shape
class Node:
    """A node, what of it is in use, and which reservation keeps it now."""

    name: str
    cluster: str
    state: NodeState
    reason: str | None
    cpus: int
    memory_mib: int
    gpus: int
    gpu_type: str | None
    features: list[str]
    reservation: str | None
    used: NodeUsed


@shape
class NodeList:
    """All nodes."""

    nodes: list[Node]


@shape
class Reservation:
    """Nodes kept for jobs of some users and accounts that name it, or for none under `maintenance`."""

    name: str
    start: str
    end: str
    nodes: list[str]
    users: list[str]
    accounts: list[str]
    maintenance: bool
    reason: str | None
    created_by: str
    created_at: str


@shape
class MadeReservation(Reservation):
    """`jobs` may still run on its nodes when it begins."""

    jobs: list[int]


@shape
class ReservationList:
    """Those that are not over, the first to begin first."""

    reservations: list[Reservation]


@shape
class RuleChange:
    """What was changed of one thing: some of its keys, or it was removed."""

    kind: str
    name: str
    account: str | None
    keys: list[str]
    removed: bool


@shape
class RulesInForce:
    """The rules of the queue as TOML, and as the same tables in JSON.

    `source` is `file` where they are those of the configuration file; else `changes` are what administrators
    have changed of them, which goes before the file (empty for a coordinator).
    """

    source: Literal["file", "run time"]
    changes: list[RuleChange]
    text: str
    tables: dict[str, Any]


@shape
class UsageRow:
    """What an account (`user` is null) or a user in it has used, faded. `factor` is its place, 0 to 1;
    `depth` says how many accounts it is below."""

    account: str | None
    user: str | None
    shares: int | None
    shares_norm: float | None
    usage_norm: float | None
    level: float | None
    factor: float | None
    billed_hours: float
    cpu_hours: float
    gpu_hours: float
    depth: int


@shape
class UsageList:
    """Accounts from the top down, each with its users."""

    half_life_s: float | None
    usage: list[UsageRow]


@shape
class Rows:
    """Values in the order of the columns asked for; times are seconds since 1970."""

    rows: list[list[Any]]


@shape
class Health:
    """Whether the server takes work."""

    status: Literal["ok", "degraded"]


@shape
class Status:
    """How the server is, and much more that depends on the engine; `jobs` counts live jobs by state."""

    degraded: str | None
    user: str
    admin: bool
    jobs: dict[str, int]
