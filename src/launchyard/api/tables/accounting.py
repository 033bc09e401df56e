"""The columns of accounting: a job as it was asked for, what it got and used, and its earlier attempts."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from launchyard.api.tables.column import Column
from launchyard.api.tables.jobs import COLUMNS as JOB_COLUMNS
from launchyard.api.tables.jobs import Row
from launchyard.model.array import format_indexes
from launchyard.model.job import Job, PastAttempt
from launchyard.model.resources import NodeShare


def _shares(row: Row) -> tuple[NodeShare, ...]:
    attempt = row.job.attempt
    return () if attempt is None else attempt.allocation.shares


def _got_on_first(row: Row) -> tuple[int, int, int] | None:
    """CPUs, memory and GPUs of the first of several nodes, where the script runs."""
    shares = _shares(row)
    if len(shares) < 2:
        return None
    return shares[0].cpus_milli, shares[0].memory_mib, len(shares[0].gpu_ids)


def _started_at(row: Row) -> float | None:
    """When its attempt began, or got its nodes when it has not begun yet."""
    attempt = row.job.attempt
    return row.job.started_at if attempt is None else attempt.started_at or attempt.allocated_at


def _past(job: Job) -> list[dict[str, Any]]:
    return [_attempt(one) for one in job.past]


def _attempt(one: PastAttempt) -> dict[str, Any]:
    return {
        "number": one.number,
        "state": one.state,
        "nodes": list(one.nodes),
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "exit_code": one.exit_code,
        "signal": one.signal,
        "cause": one.cause,
    }


COLUMNS: Mapping[str, Column[Row]] = {
    **JOB_COLUMNS,
    "begun_at": _started_at,
    "asked_gpus": lambda row: row.job.request.gpus,
    "asked_nodes": lambda row: row.job.request.nodes,
    "got_cpus_milli": lambda row: sum(share.cpus_milli for share in _shares(row)),
    "got_memory_mib": lambda row: sum(share.memory_mib for share in _shares(row)),
    "got_gpus": lambda row: sum(len(share.gpu_ids) for share in _shares(row)),
    "got_on_first": _got_on_first,
    "array_ended": lambda row: None if row.job.array is None else format_indexes(row.job.array.ended),
    "attempt": lambda row: row.job.attempts,
    "read_mib": lambda row: row.job.usage.read_mib,
    "written_mib": lambda row: row.job.usage.written_mib,
    "past": lambda row: _past(row.job),
}


class Use(NamedTuple):
    """A running job, and what its launch uses now."""

    job: Job
    figures: Mapping[str, float]


USAGE_COLUMNS: Mapping[str, Column[Use]] = {
    "id": lambda use: use.job.id,
    "task_array": lambda use: None if use.job.task is None else use.job.task.job_id,
    "task_index": lambda use: None if use.job.task is None else use.job.task.index,
    "kind": lambda use: use.job.kind,
    "nodes": lambda use: [] if use.job.attempt is None else list(use.job.attempt.allocation.nodes),
    "attempt": lambda use: use.job.attempts,
    "cpu_s": lambda use: use.figures.get("cpu_s"),
    "memory_mib": lambda use: use.figures.get("memory_mib"),
    "memory_peak_mib": lambda use: use.figures.get("memory_peak_mib"),
    "processes": lambda use: use.figures.get("processes"),
}
