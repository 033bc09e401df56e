"""The columns of jobs. Each takes a `Row`: the job, and what is joined when it is read."""

from collections.abc import Mapping
from functools import lru_cache
from posixpath import join
from typing import NamedTuple

from launchyard.api.tables.column import Column
from launchyard.model.array import format_indexes
from launchyard.model.dependency import format_dependency
from launchyard.model.hostlist import compress
from launchyard.model.job import Job, JobKind
from launchyard.model.reason import Reason
from launchyard.model.resources import WHOLE_GPU_MILLI
from launchyard.model.state import JobState
from launchyard.policy.priority import Factors
from launchyard.slurm.kept import PREFIX, SHOWN
from launchyard.slurm.patterns import expand_pattern


class Row(NamedTuple):
    """`mine`: the caller may see what only the owner sees. `reason`: why it waits."""

    job: Job
    reason: Reason | None
    mine: bool
    priority: Factors | None = None


REASONED = frozenset({"reason_code", "reason_scope", "reason", "estimate_start"})
"""Columns for which reasons are joined."""
WEIGHED = frozenset({"priority", "factors"})
"""Columns for which priorities are joined."""
LOGGED = frozenset({"stdout_path", "stderr_path"})
"""Columns that say where the output is; nothing where it is in a file that we keep."""


def _private(read: Column[Job]) -> Column[Row]:
    return lambda row: read(row.job) if row.mine else None


def _kept(key: str) -> Column[Row]:
    return _private(lambda job: job.metadata.get(key))


def _priority(row: Row) -> int | None:
    """Of a held job 0, as Slurm has it."""
    return None if row.priority is None else 0 if row.job.held else row.priority.number


def _array_pending(row: Row) -> str | None:
    array = row.job.array
    return None if array is None else format_indexes(array.waiting)


def _restarts(row: Row) -> int:
    """How often it was put back into the queue."""
    return row.job.attempts if row.job.state is JobState.PENDING else max(0, row.job.attempts - 1)


def _nodes(row: Row) -> list[str]:
    attempt = row.job.attempt
    return [] if attempt is None else list(attempt.allocation.nodes)


@lru_cache(maxsize=4096)
def _compressed(nodes: tuple[str, ...]) -> str:
    return compress(list(nodes))


def _nodelist(row: Row) -> str:
    attempt = row.job.attempt
    return "" if attempt is None else _compressed(attempt.allocation.nodes)


def _estimate(row: Row) -> float | None:
    estimate = None if row.reason is None else row.reason.estimate
    return None if estimate is None else estimate.start


def _node_count(row: Row) -> int:
    attempt, request = row.job.attempt, row.job.request
    return request.nodes if attempt is None else len(attempt.allocation.shares)


def _task_count(row: Row) -> int:
    request = row.job.request
    return request.tasks or (request.tasks_per_node or 1) * _node_count(row)


def _cpus_milli(row: Row) -> int:
    attempt = row.job.attempt
    if attempt is None:
        return row.job.request.cpus_milli
    return sum(share.cpus_milli for share in attempt.allocation.shares)


def _memory_mib(row: Row) -> int:
    attempt = row.job.attempt
    if attempt is None:
        return row.job.request.memory_mib
    return sum(share.memory_mib for share in attempt.allocation.shares)


def _gpus(row: Row) -> float:
    request = row.job.request
    return request.gpus * request.gpu_milli / WHOLE_GPU_MILLI


_GPU_OPTIONS = {
    "job": ("gpus",),
    "node": ("gpus-per-node", "gres"),
    "socket": ("gpus-per-socket",),
    "task": ("gpus-per-task", "tres-per-task"),
}


def gpus_asked(job: Job) -> str | None:
    """Of what GPUs were asked for with Slurm's options: `job`, `job,node`; None of a job without any."""
    kept = job.metadata
    if not any(name.startswith(PREFIX) for name in kept):
        return None
    return ",".join(
        each
        for each, options in _GPU_OPTIONS.items()
        if any(
            "gpu" in option or "gpu" in kept[PREFIX + option] for option in options if PREFIX + option in kept
        )
    )


def _shares(row: Row) -> list[list[object]]:
    attempt = row.job.attempt
    if attempt is None:
        return []
    return [
        [one.node, one.cpus_milli, one.memory_mib, list(one.cpu_ids), list(one.gpu_ids), one.tasks]
        for one in attempt.allocation.shares
    ]


def _part_of(row: Row) -> list[int] | None:
    """The job of which this is a part, which part, and how many there are."""
    one = row.job.part_of
    return None if one is None else [one.job_id, one.number, one.count]


def _dependency(row: Row) -> str | None:
    return None if row.job.dependency is None else format_dependency(row.job.dependency)


def _stdout(row: Row) -> str | None:
    return _output(row, row.job.stdout) if row.mine else None


def _stderr(row: Row) -> str | None:
    return _output(row, row.job.stderr or row.job.stdout) if row.mine else None


def _output(row: Row, pattern: str | None) -> str | None:
    return None if pattern is None else join(row.job.working_dir, expand_pattern(pattern, row.job))


def _eligible(row: Row) -> float | None:
    """Since when it could have started; unknown of a job that could not yet."""
    job = row.job
    if job.eligible_at is not None or job.started_at is not None:
        return job.eligible_at or max(job.submitted_at, min(job.begin_at or 0, job.started_at or 0))
    if (job.held and not job.attempts) or (job.dependency is not None and not job.dependency_met):
        return None
    return max(job.submitted_at, job.not_before or 0)


COLUMNS: Mapping[str, Column[Row]] = {
    "id": lambda row: row.job.id,
    "name": lambda row: row.job.name,
    "user": lambda row: row.job.user,
    "uid": lambda row: row.job.uid,
    "account": lambda row: row.job.account,
    "partition": lambda row: row.job.partition,
    "cluster": lambda row: row.job.cluster,
    "qos": lambda row: row.job.qos,
    "kind": lambda row: row.job.kind,
    "batch": lambda row: row.job.kind is JobKind.BATCH or row.job.kind is JobKind.COMMAND,
    "group": lambda row: row.job.group,
    "state": lambda row: row.job.state,
    "reason_code": lambda row: None if row.reason is None else row.reason.code,
    "reason_scope": lambda row: None if row.reason is None else row.reason.scope,
    "reason": lambda row: None if row.reason is None else row.reason.sentence,
    "estimate_start": _estimate,
    "priority": _priority,
    "factors": lambda row: row.priority,
    "nice": lambda row: row.job.nice,
    "cause": lambda row: row.job.cause,
    "exit_code": lambda row: row.job.exit_code,
    "signal": lambda row: row.job.signal,
    "held": lambda row: row.job.held,
    "held_because": lambda row: row.job.held_because,
    "stopping": lambda row: row.job.stop_requested,
    "nodes": _nodes,
    "nodelist": _nodelist,
    "node_count": _node_count,
    "nodes_max": lambda row: row.job.request.nodes_max,
    "task_count": _task_count,
    "tasks": lambda row: row.job.request.tasks,
    "tasks_per_node": lambda row: row.job.request.tasks_per_node,
    "cpus_milli": _cpus_milli,
    "cpus_asked_milli": lambda row: row.job.request.cpus_milli,
    "memory_mib": _memory_mib,
    "memory_asked_mib": lambda row: row.job.request.memory_mib,
    "gpus": _gpus,
    "gpu_type": lambda row: row.job.request.gpu_type,
    "gpus_asked": lambda row: gpus_asked(row.job),
    "shares": _shares,
    "exclusive": lambda row: row.job.request.exclusive,
    "constraint": lambda row: row.job.request.constraint,
    "nodelist_asked": lambda row: row.job.request.nodelist,
    "exclude": lambda row: row.job.request.exclude,
    "licences": lambda row: dict(row.job.request.licences),
    "reservation": lambda row: row.job.request.reservation,
    "array_pending": _array_pending,
    "array_throttle": lambda row: None if row.job.array is None else row.job.array.throttle,
    "array_size": lambda row: None if row.job.array is None else row.job.array.size,
    "array_last": lambda row: None if row.job.array is None else row.job.array.last,
    "task_array": lambda row: None if row.job.task is None else row.job.task.job_id,
    "task_index": lambda row: None if row.job.task is None else row.job.task.index,
    "part_of": _part_of,
    "dependency": _dependency,
    "requeue": lambda row: row.job.requeue,
    "restarts": _restarts,
    "cron": lambda row: None if row.job.cron is None else row.job.cron.spec,
    "submitted_at": lambda row: row.job.submitted_at,
    "eligible_at": _eligible,
    "begin_at": lambda row: row.job.not_before,
    "deadline_at": lambda row: row.job.deadline_at,
    "started_at": lambda row: row.job.started_at,
    "suspended_at": lambda row: None if row.job.attempt is None else row.job.attempt.suspended_at,
    "suspended_s": lambda row: 0 if row.job.attempt is None else row.job.attempt.suspended_s,
    "ended_at": lambda row: row.job.ended_at,
    "time_limit_s": lambda row: row.job.limit_s,
    "time_min_s": lambda row: row.job.time_min_s,
    "warning_signal": lambda row: None if row.job.warning is None else row.job.warning.signal,
    "cpu_s": lambda row: row.job.usage.cpu_s,
    "memory_peak_mib": lambda row: row.job.usage.memory_peak_mib,
    "script": _private(lambda job: job.script),
    "command": _private(lambda job: list(job.command)),
    "working_dir": _private(lambda job: job.working_dir),
    "stdout_path": _stdout,
    "stderr_path": _stderr,
    "metadata": _private(lambda job: dict(job.metadata)),
    **{key: _kept(key) for key in SHOWN},
}
