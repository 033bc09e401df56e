"""A job of ours as Ray's clients read one. Pure: what is read from elsewhere arrives as an argument."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launchyard.api.ray_jobs import messages
from launchyard.model.job import Job
from launchyard.model.raycluster import is_driver
from launchyard.model.reason import Reason
from launchyard.model.state import ENDED, JobState
from launchyard.wire.job import command_text

REDACTED = "<redacted>"

_STATUS = {
    JobState.PENDING: "PENDING",
    JobState.STARTING: "PENDING",
    JobState.RUNNING: "RUNNING",
    JobState.SUSPENDED: "RUNNING",
    JobState.COMPLETING: "RUNNING",
    JobState.COMPLETED: "SUCCEEDED",
    JobState.CANCELLED: "STOPPED",
}
"""All others are FAILED."""
_DRIVER_ENDS = frozenset({JobState.CANCELLED, JobState.TIMEOUT, JobState.PREEMPTED, JobState.DEADLINE})
"""A driver only ends: whoever takes its cluster away, nothing has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is not in the job itself: why it waits, the last of its log, its runtime environment."""

    reason: Reason | None = None
    ahead: int | None = None
    log_tail: str | None = None
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    redacted: bool = False
    """Who asks looks like a browser."""


def status_of(job: Job) -> str:
    """The state in Ray's words."""
    if is_driver(job) and job.state in _DRIVER_ENDS:
        return "SUCCEEDED"
    return _STATUS.get(job.state, "FAILED")


def details(job: Job, beside: Beside, now: float) -> dict[str, Any]:
    """`wire.rayjobs.RayJobDetails`."""
    attempt = job.attempt
    began = attempt is not None and job.state is not JobState.STARTING
    driver = is_driver(job)
    return {
        "type": "DRIVER" if driver else "SUBMISSION",
        "job_id": job.submission_id if driver else None,
        "submission_id": None if driver else job.submission_id,
        "driver_info": None,
        "status": status_of(job),
        "entrypoint": command_text(job.command) or job.name,
        "message": messages.message(job, beside.reason, beside.ahead, beside.log_tail, now),
        "error_type": messages.error_type(job),
        "start_time": _ms(job.submitted_at),
        "end_time": _ms(job.ended_at) if job.state in ENDED else None,
        "metadata": job.metadata,
        "runtime_env": _shown(beside.runtime_env) if beside.redacted else beside.runtime_env,
        "driver_agent_http_address": None,
        "driver_node_id": attempt.allocation.nodes[0] if began and attempt is not None else None,
        "driver_exit_code": _exit_code(job),
        "launchyard": {
            "id": job.id,
            "state": job.state,
            "user": job.user,
            "queue": job.partition,
            "start_time": _ms(job.started_at),
        },
    }


def _ms(at: float | None) -> int | None:
    return None if at is None else int(at * 1000)


def _exit_code(job: Job) -> int | None:
    """Negative: the signal that ended it. Of a job that was stopped nothing is said."""
    if job.state not in ENDED or job.state is JobState.CANCELLED:
        return None
    return -job.signal if job.signal is not None else job.exit_code


def _shown(runtime_env: Mapping[str, Any]) -> dict[str, Any]:
    """Without the values of variables: they may be secrets, and a page is seen by more than its reader."""
    variables = runtime_env.get("env_vars")
    if not isinstance(variables, dict):
        return dict(runtime_env)
    return {**runtime_env, "env_vars": dict.fromkeys(variables, REDACTED)}
