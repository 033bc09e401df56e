"""What is said of apps and sessions over HTTP: the bodies that are sent and the answers as they are told."""

from dataclasses import dataclass, field
from typing import Any, Literal

from launchyard.wire.shapes import EstimatedStart, Job

State = Literal["queued", "starting", "running", "stopping", "ended", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResources:
    """What is asked for, as of a job; what is left out is as the app says, or as it was."""

    cpus: float | None = None
    memory_mib: int | None = None
    gpus: float | None = None
    gpu_type: str | None = None
    nodes: int | None = None
    exclusive: bool | None = None
    constraint: str | None = None
    nodelist: list[str] | str | None = None
    exclude: list[str] | str | None = None
    licences: dict[str, int] | None = None
    reservation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSession:
    """The body of `POST /v1/sessions`. What is left out is as the app says.

    `values` are those of the app's own form. `runtime_env` is put to the environment of the app, as
    `environment` (variables) to those of a login. An `idle_stop_s` of 0: never. `notify` is of `start`,
    `end`, `fail` and `limit` (it ends or is stopped soon); `notify_to` are mail addresses, names of webhooks,
    URLs.
    """

    app: str
    values: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    resources: SessionResources = field(default_factory=SessionResources)
    time_limit_s: int | None = None
    cluster: str | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    working_dir: str | None = None
    runtime_env: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    idle_stop_s: int | None = None
    notify: list[str] = field(default_factory=list)
    notify_to: list[str] = field(default_factory=list)
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaunchSession:
    """The body of `POST /v1/sessions/{id}/relaunch`: what is to be otherwise than it was.

    With `delete` the card of the one that was goes once the new one is there.
    """

    values: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    resources: SessionResources = field(default_factory=SessionResources)
    time_limit_s: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    working_dir: str | None = None
    idle_stop_s: int | None = None
    delete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendSession:
    """The body of `POST /v1/sessions/{id}/extend`."""

    by_s: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSession:
    """The body of `POST /v1/sessions/{id}/share`: who may open it beside its owner, and nobody else."""

    users: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveSession:
    """The body of `POST /v1/sessions/{id}/save`: keep its settings under a name; empty: not any more."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSession:
    """What the program that attends a session on its node says of the app; for its own use alone."""

    launch_id: str
    what: Literal["listens", "answers", "failed"]
    sentence: str | None = None
    secret: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStep:
    """One of the ticks of a session that starts."""

    name: Literal["queued", "environment", "starting", "answering"]
    state: Literal["waiting", "active", "done", "skipped", "failed"]
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session. Its id is its job's id; `job` is that job. `url` is the path of the app while it runs.

    `settings` is what `POST /v1/sessions` would take for another one like it. `phase` says what its set-up
    does, `notice` that its node is closed for new work. `last_lines` are of its log, where it starts or has
    failed.
    """

    id: int
    app: str
    title: str
    icon: str
    name: str
    owner: str
    state: State
    reason: str | None
    cause: str | None
    phase: str | None
    notice: str | None
    last_lines: list[str]
    steps: list[SessionStep]
    values: dict[str, Any]
    settings: dict[str, Any]
    speaks: Literal["http", "rfb", "terminal"]
    url: str | None
    submitted_at: str
    started_at: str | None
    answered_at: str | None
    ended_at: str | None
    ends_at: str | None
    time_left_s: float | None
    idle_stop_s: int | None
    idle_since: str | None
    idle_stop_at: str | None
    estimate: EstimatedStart | None
    sharers: list[str]
    deleted: bool
    saved_as: str
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedSession:
    """What a dry run answers: a session that is not there, and what would start it sooner.

    It has all the keys of a `Session`; `id` is null.
    """

    id: None
    app: str
    values: dict[str, Any]
    reason: str | None
    estimate: EstimatedStart | None
    settings: dict[str, Any]
    job: dict[str, Any]
    sooner: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    """Sessions, newest first."""

    sessions: list[Session]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """An event of the kind `session`: something of it is otherwise now; ask for it to see."""

    id: int
    what: Literal["state", "phase", "idle", "time", "ending", "node", "sharers", "saved", "deleted"]
    state: State
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOption:
    """One choice of a field; `when`: by field the values of which one must be chosen for it to be there."""

    value: str
    label: str
    when: dict[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppField:
    """One question of a form. It is asked while `when` fits; else it keeps its default."""

    name: str
    label: str
    type: Literal["text", "number", "integer", "switch", "choice", "path", "python"]
    default: str | float | bool | None
    help: str
    placeholder: str
    required: bool
    folded: bool
    min: float | None
    max: float | None
    step: float | None
    pattern: str
    options: list[AppOption]
    when: dict[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRule:
    """While `when` fits, these bounds hold for `field` in place of its own; null and empty change nothing."""

    when: dict[str, list[Any]]
    field: str
    min: float | None
    max: float | None
    required: bool | None
    options: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDefaults:
    """What a session gets unless asked otherwise."""

    cpus: float
    memory_mib: int
    gpus: float
    time_limit_s: int
    idle_stop_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSettings:
    """What was kept of a session under a name: `settings` is what starts another one like it."""

    name: str
    session: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app. `unavailable` says why it cannot be started here; `last` is what was asked for last time.

    `saved` is what was kept under a name.
    """

    name: str
    title: str
    summary: str
    icon: str
    origin: Literal["shipped", "site", "own"]
    unavailable: str | None
    speaks: Literal["http", "rfb", "terminal"]
    environment: bool
    defaults: AppDefaults
    fields: list[AppField]
    rules: list[AppRule]
    last: dict[str, Any] | None
    saved: list[SavedSettings]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppList:
    """All apps of the caller, in the order in which they are shown."""

    apps: list[App]


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """An interpreter of the caller's; `fix` is the command that makes it able to run notebooks."""

    kind: Literal["venv", "conda", "system"]
    path: str
    version: str
    ipykernel: bool
    fix: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonList:
    """Interpreters, environments first."""

    pythons: list[Python]
