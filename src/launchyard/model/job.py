"""A job: what was submitted, what became of it, and the one attempt that holds resources now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from launchyard.model.array import Array, Task
from launchyard.model.cron import Cron
from launchyard.model.dependency import Dependency
from launchyard.model.resources import Allocation, Part, Request, Usage
from launchyard.model.retries import Retries
from launchyard.model.session import Session
from launchyard.model.state import ALLOCATED, ENDED, JobState


class JobKind(StrEnum):
    """`BATCH` a script, `COMMAND` an entrypoint, `SESSION` an app, `DRIVER` an attached client."""

    BATCH = "batch"
    COMMAND = "command"
    SESSION = "session"
    DRIVER = "driver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to run a job, and the order that started it.

    `launch_id` is fresh for each attempt and never used twice; `epoch` is the launcher's journal epoch when
    the order was given: a launch that a launcher of another epoch does not know is LOST.
    """

    number: int
    launch_id: str
    epoch: str
    allocation: Allocation
    allocated_at: float
    started_at: float | None = None
    suspended_at: float | None = None
    """Since when it is suspended; None while it runs."""
    suspended_s: float = 0
    """How long it was suspended before: its time limit does not run then."""
    yielded_to: int | None = None
    """The job for which it stands still, without its CPUs until there is room for both."""
    limit_cut_from_s: int | None = None
    """The time limit that was asked for (0: none), where this attempt got less."""
    limit_moved: bool = False
    """Its time limit was changed while it ran, and the launcher told."""
    log: str | None = None
    """Where its output is, where the engine put it elsewhere than in the spool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """It waits in an engine that places, under this launch; an attempt begins when the engine starts it."""

    launch_id: str
    epoch: str
    at: float
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """How an earlier attempt ended. `state` is what the job would have been, had it not been tried again."""

    number: int
    launch_id: str
    state: JobState
    nodes: tuple[str, ...] = ()
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOf:
    """Which of the `count` parts of a job this is, counted from 0."""

    job_id: int
    number: int
    count: int


PAST_MAX = 20
"""How many earlier attempts a job keeps, the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning:
    """A signal sent `before_s` seconds before the time limit."""

    signal: int
    before_s: int
    target: str = "all"
    """Who gets it: `all`, `batch` (the main process alone) or `steps` (those of its steps alone)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint:
    """How a job of the Ray Jobs API is stopped: the polite signal, and the seconds until the kill."""

    stop_signal: int
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as stored and decided upon. Times are seconds since 1970 UTC; None is unknown or not yet.

    What belongs to the plan (reason, estimate) is joined when read and never stored here.
    `script` and `environment` are digests of stored texts. An array is one `Job` with `array` set; a task
    that started or was touched alone is a `Job` with `task` set.
    """

    id: int
    name: str
    kind: JobKind
    user: str
    uid: int
    partition: str
    submitted_at: float
    state: JobState = JobState.PENDING
    account: str | None = None
    qos: str = "normal"
    cluster: str = "local"
    engine_id: str | None = None
    group: str | None = None
    nice: int = 0
    request: Request = Request()
    parts: tuple[Part, ...] = ()
    """The unlike parts of which it is made, all started at once, `request` being their sum; else empty.

    They are known by the job's id and as many after it.
    """
    part_of: PartOf | None = None
    """Set on what `model.parts.as_part` makes of it, and never stored."""
    time_limit_s: int | None = None
    time_min_s: int | None = None
    """It may be started with a shorter time limit, down to this one, where that lets it start now."""
    until_reservation_ends: bool = False
    """No limit was asked for: where its reservation leaves less when it starts, it gets what is left."""
    warning: Warning | None = None
    begin_at: float | None = None
    cron: Cron | None = None
    """When it comes again after each end; None: never."""
    held: bool = False
    held_because: str | None = None
    """Why it is held when nobody asked for it, one sentence."""
    held_by_admin: bool = False
    """An administrator holds it, and only one may release it."""
    dependency: Dependency | None = None
    dependency_met: bool = False
    """What it waited for has happened; only a `singleton` is looked at again."""
    keep_on_failed_dependency: bool = False
    """It goes on waiting when what it waits for can never happen, rather than being cancelled."""
    deadline_at: float | None = None
    """It must have ended by then; a job that cannot is not started."""
    turn: int | None = None
    """The id by whose turn it goes, of another job of its user (`ly top`); None: by its own."""
    shift: float = 0.0
    """What taking that place adds to where it stands in the order."""
    requeue: bool = False
    requeues: int = 0
    """How often it was put back into the queue since it was submitted or released."""
    retries: Retries | None = None
    retried: int = 0
    """How many of its retries are used up."""
    retry_at: float | None = None
    """When it is tried again after an attempt that failed."""
    command: tuple[str, ...] = ()
    script: str | None = None
    environment: str | None = None
    runtime_env: str | None = None
    """The digest of its runtime environment as it was asked for, a JSON text."""
    prepared_at: float | None = None
    """When that was set up for the first time, after which it could start."""
    working_dir: str = "/"
    stdin: str | None = None
    """A file that it reads (pattern expanded at the start); None is /dev/null."""
    stdout: str | None = None
    """A user-named output file (pattern expanded at the start); None is a file in our spool."""
    stderr: str | None = None
    """None: together with stdout."""
    append: bool = True
    """Output files are appended to (the default) rather than emptied at the start."""
    terminal: bool = False
    """The job's stdin, stdout and stderr are a terminal that a client is attached to (`ly run`)."""
    window: tuple[int, int] = (24, 80)
    """Rows and columns of that terminal at the start."""
    submission_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    array: Array | None = None
    task: Task | None = None
    attempt: Attempt | None = None
    handed: Handed | None = None
    """Set while it waits in an engine that decides itself when it starts."""
    attempts: int = 0
    past: tuple[PastAttempt, ...] = ()
    entrypoint: Entrypoint | None = None
    """Set on a job of the Ray Jobs API, which is started as `model.entrypoint` says."""
    session: Session | None = None
    """Set on an interactive session."""
    forgotten: bool = False
    """Its submitter had its record deleted: the Ray Jobs API does not know it any more, accounting does."""
    stop_requested: str | None = None
    """Why a running job is being stopped (`cancelled by ada`); the kill to send after a restart."""
    eligible_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    cause: str | None = None
    """Why it ended as it did, one sentence; None when there is nothing to say."""
    usage: Usage = Usage()
    stale_since: float | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def holds(self) -> Allocation | None:
        """What it holds now: what it was given, without the CPUs while it makes room for another."""
        if self.attempt is None or self.state not in ALLOCATED:
            return None
        given = self.attempt.allocation
        return given if self.attempt.yielded_to is None else given.without_cpus()

    @property
    def launch_id(self) -> str | None:
        """By which its engine knows it: of its attempt, or of what was handed over."""
        known = self.attempt or self.handed
        return None if known is None else known.launch_id

    @property
    def not_before(self) -> float | None:
        """When it may start at the earliest: its begin time, or that of its next attempt."""
        if self.retry_at is None or self.begin_at is None:
            return self.begin_at if self.retry_at is None else self.retry_at
        return max(self.begin_at, self.retry_at)

    @property
    def limit_s(self) -> int | None:
        """Its time limit, of an attempt cut so that it ends by the deadline."""
        if self.deadline_at is None or self.attempt is None:
            return self.time_limit_s
        begun = self.attempt.started_at or self.attempt.allocated_at
        left = max(1, int(self.deadline_at - begun - self.attempt.suspended_s))
        return left if self.time_limit_s is None else min(left, self.time_limit_s)


def digests_of(jobs: Iterable[Job]) -> set[str]:
    """Of the texts that jobs name."""
    named = {digest for job in jobs for digest in (job.script, job.environment, job.runtime_env)}
    return {digest for digest in named if digest is not None}
