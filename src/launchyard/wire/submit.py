"""The body of `POST /v1/jobs`: the same names and units as a job's own JSON. Unknown keys are refused."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What is asked for in all. `cpus` may be a fraction; None is the cluster's default.

    A `memory_mib` of 0 is all memory of a node; `gpus` may be a part of one such as 0.5. With `tasks` all
    is divided among so many tasks, spread over `nodes` to `nodes_max` nodes as they fit. `nodelist` and
    `exclude` name nodes (`n[1-4]` or a list), `licences` how many of each.
    """

    cpus: float | None = None
    memory_mib: int | None = None
    gpus: float = 0
    gpu_type: str | None = None
    nodes: int | None = None
    nodes_max: int | None = None
    tasks: int | None = None
    tasks_per_node: int | None = None
    exclusive: bool = False
    constraint: str | None = None
    nodelist: str | list[str] | None = None
    exclude: str | list[str] | None = None
    licences: dict[str, int] | None = None
    reservation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfJob:
    """A further part of a job, which starts at the same time as the others, on nodes of its own partition."""

    partition: str | None = None
    resources: Resources = field(default_factory=Resources)
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How large the terminal is at the start, in characters."""

    rows: int = 24
    columns: int = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningSignal:
    """A signal (name or number) sent `before_s` seconds before the time limit.

    To all processes, to the main one (`batch`), or to those of the job's steps.
    """

    signal: str | int = "USR1"
    before_s: int = 60
    target: Literal["all", "batch", "steps"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """`count` more attempts after one that ended as `on` says; the pause doubles, up to an hour."""

    count: int
    backoff_s: int = 10
    on: list[str] = field(default_factory=lambda: ["failed"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitJob:
    """One job or one array. Give either `command` (a string runs in a shell, a list as it is) or `script`.

    `array` is like `1-10:2%4,20`, `after` like `afterok:12:13,after:14+5` or `singleton`, `begin_at` and
    `deadline_at` RFC 3339. `environment` left out is the bare one (HOME, USER, PATH ...); `login` puts to it
    what the user has after logging in. `kind` is `driver` for a command that only holds what it is given for
    a client. `parts` are further parts of a job whose first part has `partition`, `resources` and
    `part_metadata`.
    """

    kind: Literal["driver"] | None = None
    command: str | list[str] | None = None
    script: str | None = None
    arguments: list[str] = field(default_factory=list)
    name: str | None = None
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    cluster: str | None = None
    group: str | None = None
    resources: Resources = field(default_factory=Resources)
    parts: list[PartOfJob] = field(default_factory=list)
    part_metadata: dict[str, str] = field(default_factory=dict)
    time_limit_s: int | None = None
    time_min_s: int | None = None
    warning: WarningSignal | None = None
    array: str | None = None
    after: str | None = None
    keep_on_failed_dependency: bool = False
    keep_beyond_limits: bool = False
    begin_at: str | None = None
    deadline_at: str | None = None
    hold: bool = False
    requeue: bool = False
    retries: TryAgain | None = None
    nice: int = 0
    working_dir: str | None = None
    environment: dict[str, str] | None = None
    login: bool = False
    runtime_env: dict[str, Any] | None = None
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    append: bool = True
    terminal: bool = False
    window: Window = field(default_factory=Window)
    submission_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateJob:
    """The body of `POST /v1/jobs/{id}/update`; what is left out stays as it is.

    `after`, `deadline_at`, `constraint`, `nodelist`, `exclude` and `reservation` may be `""`, `licences`
    may be `{}`: none any more. An empty value in `metadata` takes that key away; the others stay.
    """

    name: str | None = None
    time_limit_s: int | None = None
    nice: int | None = None
    partition: str | None = None
    cpus: float | None = None
    memory_mib: int | None = None
    gpus: float | None = None
    gpu_type: str | None = None
    nodes: int | None = None
    nodes_max: int | None = None
    tasks: int | None = None
    tasks_per_node: int | None = None
    exclusive: bool | None = None
    constraint: str | None = None
    nodelist: str | list[str] | None = None
    exclude: str | list[str] | None = None
    licences: dict[str, int] | None = None
    reservation: str | None = None
    begin_at: str | None = None
    array_throttle: int | None = None
    account: str | None = None
    qos: str | None = None
    after: str | None = None
    deadline_at: str | None = None
    metadata: dict[str, str] | None = None
    requeue: bool | None = None
    stdout: str | None = None
    stderr: str | None = None
    working_dir: str | None = None
    time_min_s: int | None = None
