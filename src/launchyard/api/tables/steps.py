"""The columns of steps. Each takes a `Row`: the step and its job, since whose it is belongs to the job."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from launchyard.api.tables.column import Column
from launchyard.api.tables.jobs import gpus_asked
from launchyard.model.job import Job
from launchyard.model.step import Step


class Row(NamedTuple):
    """`mine`: the caller may see what only the owner sees. `figures`: what each of its runners uses now."""

    step: Step
    job: Job
    mine: bool
    figures: Sequence[Mapping[str, float]] = ()


def _live(name: str, together: Callable[[list[float]], float]) -> Column[Row]:
    """A figure of a step that runs."""

    def column(row: Row) -> float | None:
        found = [one[name] for one in row.figures if name in one]
        return together(found) if found else None

    return column


def _memory_held_mib(row: Row) -> int:
    """Its own part of the job's memory; without one it shares what the job has on its nodes."""
    own = sum(share.memory_mib for share in row.step.shares)
    if own or row.job.attempt is None:
        return own
    nodes = {share.node for share in row.step.shares}
    return sum(share.memory_mib for share in row.job.attempt.allocation.shares if share.node in nodes)


def _gpus(row: Row) -> int:
    """Who has a node alone has its GPUs too; those are not told where Slurm's options asked for none."""
    return 0 if gpus_asked(row.job) == "" else sum(len(share.gpu_ids) for share in row.step.shares)


LIVE = frozenset({"live_cpu_s", "live_memory_mib"})
"""Columns for which the engine is asked."""

COLUMNS: Mapping[str, Column[Row]] = {
    "job_id": lambda row: row.step.job_id,
    "task_array": lambda row: None if row.job.task is None else row.job.task.job_id,
    "task_index": lambda row: None if row.job.task is None else row.job.task.index,
    "attempt": lambda row: row.step.attempt,
    "step": lambda row: row.step.number,
    "name": lambda row: row.step.name,
    "user": lambda row: row.job.user,
    "uid": lambda row: row.job.uid,
    "account": lambda row: row.job.account,
    "partition": lambda row: row.job.partition,
    "state": lambda row: row.step.state,
    "exit_code": lambda row: row.step.exit_code,
    "signal": lambda row: row.step.signal,
    "cause": lambda row: row.step.cause,
    "started_at": lambda row: row.step.started_at,
    "ended_at": lambda row: row.step.ended_at,
    "nodes": lambda row: [share.node for share in row.step.shares],
    "tasks": lambda row: row.step.tasks,
    "tasks_by_node": lambda row: [len(share.tasks) for share in row.step.shares],
    "ranks": lambda row: [list(share.tasks) for share in row.step.shares],
    "cpus_milli": lambda row: sum(share.cpus_milli for share in row.step.shares),
    "memory_mib": lambda row: sum(share.memory_mib for share in row.step.shares),
    "memory_held_mib": _memory_held_mib,
    "gpus": _gpus,
    "cpu_s": lambda row: row.step.usage.cpu_s,
    "memory_peak_mib": lambda row: row.step.usage.memory_peak_mib,
    "live_cpu_s": _live("cpu_s", sum),
    "live_memory_mib": _live("memory_mib", max),
    "job_state": lambda row: row.job.state,
    "metadata": lambda row: dict(row.step.metadata) if row.mine else None,
    "connect": lambda row: row.step.connect if row.mine else None,
}
