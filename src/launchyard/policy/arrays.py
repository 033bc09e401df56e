"""Job arrays: how tasks split off, and how the record follows them."""

from collections.abc import Sequence
from dataclasses import replace

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.model.resources import Usage
from launchyard.model.state import ALLOCATED, ENDED, JobMove, JobState, after

_NOT_BEGUN = {JobState.PENDING, JobState.CANCELLED, JobState.DEADLINE}
"""States in which a task may be without ever having been at work."""


def split(record: Job, indexes: list[int], first_id: int) -> tuple[Job, list[Job]]:
    """Take waiting `indexes` out of the array record; each becomes a PENDING job with the next id."""
    array = _array(record)
    waiting = array.waiting
    for index in indexes:
        waiting = waiting.without(index)
    return _taken(record, replace(array, waiting=waiting), indexes, first_id)


def split_first(record: Job, count: int, first_id: int) -> tuple[Job, list[Job]]:
    """As `split`, for the `count` lowest waiting indexes."""
    array = _array(record)
    indexes, waiting = array.waiting.split_first(count)
    return _taken(record, replace(array, waiting=waiting), indexes, first_id)


def available(record: Job) -> int:
    """How many tasks may be at work now in addition: what waits, within the throttle."""
    array = _array(record)
    if array.throttle is None:
        return len(array.waiting)
    at_work = sum(count for state, count in array.counts.items() if state in ALLOCATED)
    return max(0, min(len(array.waiting), array.throttle - at_work))


def follow(record: Job, moves: Sequence[tuple[JobState | None, Job]], at: float) -> Job:
    """The record after tasks moved, each from a state (None: it has just split off) to what it is."""
    usage = record.usage
    for _, task in moves:
        if task.ended:
            usage = _with(usage, task.usage)
    if usage is not record.usage:
        record = changed(record, usage=usage)
    return follow_many(record, [(before, task.state) for before, task in moves], at)


def follow_many(record: Job, moves: list[tuple[JobState | None, JobState]], at: float) -> Job:
    """The record after several of its tasks moved; its own state follows theirs."""
    array = _array(record)
    counts = dict(array.counts)
    for before, now_in in moves:
        if before is not None:
            counts[before] = counts.get(before, 0) - 1
        counts[now_in] = counts.get(now_in, 0) + 1
    counts = {state: count for state, count in counts.items() if count}
    record = changed(record, array=replace(array, counts=counts))
    return _with_state(record, counts, at)


def cancel_waiting(record: Job, at: float, cause: str | None = None) -> Job:
    """The record without its waiting tasks; it ends with the last of those that have split off."""
    return end_waiting(record, JobState.CANCELLED, at, cause)


def end_waiting(record: Job, state: JobState, at: float, cause: str | None = None) -> Job:
    """The same, with the tasks counted as `state`."""
    array = _array(record)
    counts = dict(array.counts)
    counts[state] = counts.get(state, 0) + len(array.waiting)
    record = changed(
        record, array=replace(array, waiting=Indexes(), ended=array.waiting, counts=counts), held=False
    )
    ended = follow_many(record, [], at)
    return changed(ended, cause=cause) if cause is not None and ended.ended else ended


def _with(sum_so_far: Usage, one: Usage) -> Usage:
    """All tasks together: CPU time and bytes add up; of memory the highest peak of one task counts."""
    return Usage(
        cpu_s=_sum(sum_so_far.cpu_s, one.cpu_s),
        memory_peak_mib=max(sum_so_far.memory_peak_mib or 0, one.memory_peak_mib or 0) or None,
        read_mib=_sum(sum_so_far.read_mib, one.read_mib),
        written_mib=_sum(sum_so_far.written_mib, one.written_mib),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else round(one + other, 6)


def _with_state(record: Job, counts: dict[JobState, int], at: float) -> Job:
    if record.state is JobState.PENDING and set(counts) - _NOT_BEGUN:
        record = changed(record, state=after(record.state, JobMove.STARTED), started_at=at)
    open_tasks = len(_array(record).waiting) + sum(n for state, n in counts.items() if state not in ENDED)
    if open_tasks or record.state in ENDED:
        return record
    move, cause = _ending(counts)
    exit_code = 0 if move is JobMove.SUCCEEDED else None
    return changed(record, state=after(record.state, move), ended_at=at, cause=cause, exit_code=exit_code)


def _ending(counts: dict[JobState, int]) -> tuple[JobMove, str | None]:
    total = sum(counts.values())
    not_completed = total - counts.get(JobState.COMPLETED, 0)
    if not not_completed:
        return JobMove.SUCCEEDED, None
    if not_completed == counts.get(JobState.CANCELLED, 0):
        return JobMove.CANCELLED, f"{not_completed} of {total} tasks were cancelled"
    if not_completed == counts.get(JobState.DEADLINE, 0):
        return JobMove.MISSED_DEADLINE, f"{not_completed} of {total} tasks missed their deadline"
    return JobMove.FAILED, f"{not_completed} of {total} tasks did not complete"


def _taken(record: Job, array: Array, indexes: list[int], first_id: int) -> tuple[Job, list[Job]]:
    task = changed(
        record, array=None, state=JobState.PENDING, started_at=None, submission_id=None, usage=Usage()
    )
    tasks = [
        changed(task, id=first_id + n, task=Task(job_id=record.id, index=index))
        for n, index in enumerate(indexes)
    ]
    return changed(record, array=array), tasks


def _array(record: Job) -> Array:
    if record.array is None:
        raise ValueError(f"job {record.id} is no array")
    return record.array
