"""A job as JSON, everywhere the same: the fields of the design in their order, unknown is null.

Built by hand, field by field: thousands are made for one answer.
"""

import shlex
from typing import Any

from launchyard.model.array import format_indexes
from launchyard.model.dependency import format_dependency
from launchyard.model.job import Job, PastAttempt
from launchyard.model.parts import as_parts
from launchyard.model.reason import Estimate, Reason
from launchyard.model.resources import Request, Usage
from launchyard.model.retries import RETRIED
from launchyard.model.when import rfc3339

SHELL = ("/bin/sh", "-c")
"""A command that was given as one text runs as `/bin/sh -c TEXT`."""


def job_json(
    job: Job,
    reason: Reason | None = None,
    *,
    log_path: str | None = None,
    index: int | None = None,
    stale_since: float | None = None,
) -> dict[str, Any]:
    """`reason` is why it waits; `log_path` where its output is kept when the job names no file.

    `index`: the record stands for this one task of it, which has not split off yet. `stale_since`: its engine
    has said nothing of it since then.
    """
    attempt = job.attempt
    return {
        "id": job.id,
        "name": job.name,
        "kind": job.kind,
        "user": job.user,
        "account": job.account,
        "partition": job.partition,
        "qos": job.qos,
        "cluster": job.cluster,
        "engine_id": job.engine_id,
        "group": job.group,
        "state": job.state,
        "reason": None if reason is None else reason.sentence,
        "cause": job.cause,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "priority": -job.nice,
        "resources": resources_json(job.request),
        "time_limit_s": job.limit_s,
        "submitted_at": rfc3339(job.submitted_at),
        "started_at": time_json(job.started_at),
        "ended_at": time_json(job.ended_at),
        "estimate": None if reason is None else estimate_json(reason.estimate),
        "nodes": [] if attempt is None else list(attempt.allocation.nodes),
        "array": _array_json(job, index),
        "submission_id": job.submission_id,
        "command": command_text(job.command),
        "script": job.script,
        "working_dir": job.working_dir,
        "log_path": job.stdout or log_path,
        "url": None if job.session is None else f"/sessions/{job.id}",
        "metadata": job.metadata,
        "attempt": job.attempts if attempt is None else attempt.number,
        "usage": usage_json(job.usage),
        "stale_since": time_json(job.stale_since if stale_since is None else stale_since),
        "past_attempts": [past_json(one) for one in job.past],
        "nice": job.nice,
        "requeue": job.requeue,
        "requeues": job.requeues,
        "retries": retries_json(job),
        "held": job.held,
        "after": None if job.dependency is None else format_dependency(job.dependency),
        "begin_at": time_json(job.not_before),
        "deadline_at": time_json(job.deadline_at),
        "time_min_s": job.time_min_s,
        "parts": [_part_json(one) for one in as_parts(job)] if job.parts else [],
        "runtime_env": job.runtime_env,
    }


def _part_json(part: Job) -> dict[str, Any]:
    """One of the unlike parts of a job that has them."""
    nodes = [] if part.attempt is None else list(part.attempt.allocation.nodes)
    resources = resources_json(part.request)
    return {"id": part.id, "partition": part.partition, "resources": resources, "nodes": nodes}


def time_json(at: float | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if at is None else rfc3339(at)


def estimate_json(estimate: Estimate | None) -> dict[str, str] | None:
    """When a waiting job may start."""
    if estimate is None:
        return None
    return {"start": rfc3339(estimate.start), "low": rfc3339(estimate.low), "high": rfc3339(estimate.high)}


def resources_json(request: Request) -> dict[str, Any]:
    """What was asked for in all, as it can be submitted again; whole CPUs and GPUs are whole numbers.

    What few jobs ask for is only told of those that do.
    """
    per_node, most = request.tasks_per_node, request.nodes_max
    rare: tuple[tuple[str, Any], ...] = (
        ("gpu_type", request.gpu_type),
        ("nodes_max", most),
        ("tasks", request.tasks or (request.nodes * per_node if per_node and not most else None)),
        ("tasks_per_node", per_node),
        ("exclusive", request.exclusive),
        ("constraint", request.constraint),
        ("nodelist", request.nodelist),
        ("exclude", request.exclude),
        ("licences", request.licences and dict(request.licences)),
        ("reservation", request.reservation),
    )
    return {
        "cpus": cpus_json(request.cpus_milli),
        "memory_mib": request.memory_mib,
        "gpus": cpus_json(request.gpus * request.gpu_milli),
        "nodes": request.nodes,
        **{name: value for name, value in rare if value},
    }


def cpus_json(cpus_milli: int) -> float:
    """`4` of 4000, `0.5` of 500."""
    return cpus_milli / 1000 if cpus_milli % 1000 else cpus_milli // 1000


def past_json(past: PastAttempt) -> dict[str, Any]:
    """How an earlier attempt ended."""
    return {
        "attempt": past.number,
        "state": past.state,
        "nodes": list(past.nodes),
        "started_at": time_json(past.started_at),
        "ended_at": time_json(past.ended_at),
        "exit_code": past.exit_code,
        "signal": past.signal,
        "cause": past.cause,
    }


def retries_json(job: Job) -> dict[str, Any] | None:
    """What is tried again, how often, and how often it was."""
    retries = job.retries
    if retries is None:
        return None
    words = {state: word for word, state in RETRIED.items()}
    on = [words.get(state, state.value) for state in retries.on]
    return {"count": retries.count, "used": job.retried, "backoff_s": retries.backoff_s, "on": on}


def usage_json(usage: Usage) -> dict[str, float | None]:
    """What the last attempt used."""
    return {
        "cpu_s": usage.cpu_s,
        "memory_peak_mib": usage.memory_peak_mib,
        "read_mib": usage.read_mib,
        "written_mib": usage.written_mib,
    }


def command_text(command: tuple[str, ...]) -> str | None:
    """As a person would type it; of a script, its arguments."""
    if not command:
        return None
    if command[:2] == SHELL and len(command) == 3:
        return command[2]
    return shlex.join(command)


def _array_json(job: Job, index: int | None) -> dict[str, Any] | None:
    if index is not None:
        return {"job_id": job.id, "index": index, "pending": None}
    if job.task is not None:
        return {"job_id": job.task.job_id, "index": job.task.index, "pending": None}
    if job.array is None:
        return None
    array = job.array
    return {
        "job_id": job.id,
        "index": None,
        "pending": format_indexes(array.waiting) or None,
        "waiting": len(array.waiting),
        "size": array.size,
        "throttle": array.throttle,
        "never_started": format_indexes(array.ended) or None,
        "counts": {state.value: count for state, count in array.counts.items()},
    }
