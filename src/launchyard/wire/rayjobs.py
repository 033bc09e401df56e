"""What the Ray Jobs API says: the body of a submission and the answers, by the names that Ray's clients know.

Times are milliseconds since 1970. Answers may hold more than Ray's own: its clients leave that alone.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RayJob:
    """The body of `POST /api/jobs/`. A null is as if the key were not there.

    `entrypoint` is a line for `/bin/sh`, `entrypoint_memory` in bytes. `job_id` is the older name of
    `submission_id`. Keys of `metadata` that begin with `launchyard.`, and the key `launchyard` of the
    `runtime_env`, say what Ray has no words for (docs/ray-jobs.md).
    """

    entrypoint: str
    submission_id: str | None = None
    job_id: str | None = None
    runtime_env: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    entrypoint_num_cpus: float | None = None
    entrypoint_num_gpus: float | None = None
    entrypoint_memory: int | None = None
    entrypoint_resources: dict[str, float] = field(default_factory=dict)
    entrypoint_label_selector: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaySubmitted:
    """Both are the submission id."""

    job_id: str
    submission_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RayOwn:
    """What we know of a job and Ray has no words for. `state` is ours, `start_time` when it began to run."""

    id: int
    state: str
    user: str
    queue: str
    start_time: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RayJobDetails:
    """A job as Ray's clients read it. `start_time` is when it was submitted.

    A Ray cluster that clients attach to (`ly ray start`) is a DRIVER: it has a `job_id` and no
    `submission_id`, and can be looked at only.
    """

    type: Literal["SUBMISSION", "DRIVER"]
    job_id: str | None
    submission_id: str | None
    driver_info: dict[str, str] | None
    status: Status
    entrypoint: str
    message: str
    error_type: str | None
    start_time: int
    end_time: int | None
    metadata: dict[str, str]
    runtime_env: dict[str, Any]
    driver_agent_http_address: str | None
    driver_node_id: str | None
    driver_exit_code: int | None
    launchyard: RayOwn


@dataclass(frozen=True, slots=True, kw_only=True)
class RayLogs:
    """The whole log."""

    logs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RayStopped:
    """False: it had ended already."""

    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RayDeleted:
    """Its record is gone."""

    deleted: Literal[True]


@dataclass(frozen=True, slots=True, kw_only=True)
class RayVersion:
    """What Ray's clients ask first."""

    version: str
    ray_version: str
    ray_commit: str
    session_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RayActivity:
    """Whether jobs run; times are seconds since 1970."""

    is_active: Literal["ACTIVE", "INACTIVE"]
    reason: str | None
    timestamp: float
    last_activity_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RayActivities:
    """By component; there is one."""

    driver: RayActivity


@dataclass(frozen=True, slots=True, kw_only=True)
class RayAuthenticationMode:
    """Which credential is asked for."""

    authentication_mode: Literal["token"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RayAuthenticated:
    """The cookie is set."""

    authenticated: Literal[True]
