"""A job: what was submitted, what became of it, and the one attempt that holds resources now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from launchyard.model.array import Array, Task
from launchyard.model.dependency import Dependency
from launchyard.model.resources import Allocation, Request, Usage
from launchyard.model.state import ENDED, JobState


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning:
    """A signal sent `before_s` seconds before the time limit."""

    signal: int
    before_s: int


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
    time_limit_s: int | None = None
    warning: Warning | None = None
    begin_at: float | None = None
    held: bool = False
    dependency: Dependency | None = None
    requeue: bool = False
    command: tuple[str, ...] = ()
    script: str | None = None
    environment: str | None = None
    working_dir: str = "/"
    stdout: str | None = None
    """A user-named output file (pattern expanded at the start); None is a file in our spool."""
    stderr: str | None = None
    """None: together with stdout."""
    append: bool = True
    """Output files are appended to (the default) rather than emptied at the start."""
    terminal: bool = False
    """The job's stdin, stdout and stderr are a terminal that a client is attached to (`ly run`)."""
    submission_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    array: Array | None = None
    task: Task | None = None
    attempt: Attempt | None = None
    attempts: int = 0
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
