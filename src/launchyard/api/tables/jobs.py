"""The columns of jobs. Each takes a `Row`: the job, and what is joined when it is read."""

from collections.abc import Mapping
from typing import NamedTuple

from launchyard.api.tables.column import Column
from launchyard.model.array import format_indexes
from launchyard.model.job import Job
from launchyard.model.reason import Reason


class Row(NamedTuple):
    """`mine`: the caller may see what only the owner sees. `reason`: why it waits."""

    job: Job
    reason: Reason | None
    mine: bool


def _private(read: Column[Job]) -> Column[Row]:
    return lambda row: read(row.job) if row.mine else None


def _array_pending(row: Row) -> str | None:
    array = row.job.array
    return None if array is None else format_indexes(array.waiting)


def _nodes(row: Row) -> list[str]:
    attempt = row.job.attempt
    return [] if attempt is None else list(attempt.allocation.nodes)


COLUMNS: Mapping[str, Column[Row]] = {
    "id": lambda row: row.job.id,
    "name": lambda row: row.job.name,
    "user": lambda row: row.job.user,
    "uid": lambda row: row.job.uid,
    "account": lambda row: row.job.account,
    "partition": lambda row: row.job.partition,
    "qos": lambda row: row.job.qos,
    "kind": lambda row: row.job.kind,
    "state": lambda row: row.job.state,
    "reason_code": lambda row: None if row.reason is None else row.reason.code,
    "reason": lambda row: None if row.reason is None else row.reason.sentence,
    "cause": lambda row: row.job.cause,
    "exit_code": lambda row: row.job.exit_code,
    "signal": lambda row: row.job.signal,
    "held": lambda row: row.job.held,
    "nodes": _nodes,
    "array_pending": _array_pending,
    "array_throttle": lambda row: None if row.job.array is None else row.job.array.throttle,
    "task_array": lambda row: None if row.job.task is None else row.job.task.job_id,
    "task_index": lambda row: None if row.job.task is None else row.job.task.index,
    "submitted_at": lambda row: row.job.submitted_at,
    "started_at": lambda row: row.job.started_at,
    "ended_at": lambda row: row.job.ended_at,
    "time_limit_s": lambda row: row.job.limit_s,
    "working_dir": _private(lambda job: job.working_dir),
    "metadata": _private(lambda job: dict(job.metadata)),
}
