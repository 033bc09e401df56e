"""How tasks split off an array, and how the record follows them."""

from dataclasses import replace

from launchyard.model.array import Array, parse_indexes
from launchyard.model.job import Job
from launchyard.model.resources import Usage
from launchyard.model.state import JobState
from launchyard.policy import arrays
from tests.unit.cluster import T0, job

S = JobState


def record(text: str = "1-5") -> Job:
    indexes, throttle = parse_indexes(text)
    return job(10, array=Array(waiting=indexes, size=len(indexes), first=1, last=5, throttle=throttle))


def followed(start: Job, *moves: tuple[JobState | None, JobState]) -> Job:
    for before, after in moves:
        task = job(11, state=after, usage=Usage(cpu_s=1.5, memory_peak_mib=20))
        start = arrays.follow(start, [(before, task)], T0 + 1)
    return start


def test_tasks_split_off_lowest_first_with_ids_of_their_own() -> None:
    left, tasks = arrays.split_first(record(), 2, 11)
    assert [(task.id, task.task and task.task.index, task.array) for task in tasks] == [
        (11, 1, None),
        (12, 2, None),
    ]
    assert left.array is not None
    assert list(left.array.waiting) == [3, 4, 5]


def test_one_task_can_be_split_off_alone() -> None:
    left, (task,) = arrays.split(record(), [4], 11)
    assert task.task is not None
    assert left.array is not None
    assert (task.task.index, list(left.array.waiting)) == (4, [1, 2, 3, 5])


def test_throttle_bounds_tasks_at_work() -> None:
    left, _ = arrays.split_first(record("1-5%2"), 1, 11)
    assert arrays.available(followed(left, (None, S.STARTING))) == 1


def test_record_runs_when_its_first_task_does() -> None:
    left, _ = arrays.split_first(record(), 1, 11)
    assert followed(left, (None, S.STARTING)).state is S.RUNNING


def test_record_completes_with_its_last_task() -> None:
    left, _ = arrays.split_first(record("1-2"), 2, 11)
    after = followed(left, (None, S.RUNNING), (None, S.RUNNING), (S.RUNNING, S.COMPLETED))
    assert after.state is S.RUNNING
    after = followed(after, (S.RUNNING, S.COMPLETED))
    assert (after.state, after.exit_code, after.ended_at) == (S.COMPLETED, 0, T0 + 1)


def test_record_says_how_many_tasks_failed() -> None:
    left, _ = arrays.split_first(record("1-2"), 2, 11)
    after = followed(
        left, (None, S.RUNNING), (None, S.RUNNING), (S.RUNNING, S.COMPLETED), (S.RUNNING, S.TIMEOUT)
    )
    assert (after.state, after.cause) == (S.FAILED, "1 of 2 tasks did not complete")


def test_array_cancelled_before_it_started_never_ran() -> None:
    asked = record("1-3")
    assert asked.array is not None
    emptied = replace(
        asked, array=replace(asked.array, waiting=parse_indexes("1")[0].without(1), counts={S.CANCELLED: 3})
    )
    after = arrays.follow_many(emptied, [], T0 + 1)
    assert (after.state, after.started_at) == (S.CANCELLED, None)


def test_record_sums_what_its_tasks_used() -> None:
    left, _ = arrays.split_first(record("1-2"), 2, 11)
    after = followed(
        left, (None, S.RUNNING), (None, S.RUNNING), (S.RUNNING, S.COMPLETED), (S.RUNNING, S.FAILED)
    )
    assert (after.usage.cpu_s, after.usage.memory_peak_mib) == (3.0, 20)
