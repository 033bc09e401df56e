"""Ten thousand jobs that ended long ago, among them an array, in a pattern that never changes."""

from typing import Any

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.resources import Allocation, NodeShare, Request, Usage
from launchyard.model.state import JobState
from tests.browser.still.moment import EPOCH, HOUR, MINUTE, NOW, UID, USER

COUNT = 10_000
ARRAY, ARRAY_SIZE = 9_400, 60
"""An array of the past, and how many tasks it had: they follow it."""
_NAMES = ("prepare", "train", "evaluate", "embed", "export", "fold", "align", "render")
_WRONG = {17: JobState.FAILED, 41: JobState.TIMEOUT, 59: JobState.CANCELLED, 73: JobState.OUT_OF_MEMORY}
_TASKS_WRONG = {7: JobState.FAILED, 23: JobState.FAILED, 31: JobState.TIMEOUT, 48: JobState.OUT_OF_MEMORY}
_CAUSES = {
    JobState.FAILED: "ended with exit code 1",
    JobState.TIMEOUT: "ran longer than its time limit of 3600 s",
    JobState.OUT_OF_MEMORY: "needed more than the 2048 MiB asked for",
    JobState.CANCELLED: f"cancelled by {USER}",
}


def past_jobs() -> list[Job]:
    """With the ids 1 to `COUNT`, the last of them two days ago."""
    tasks = range(ARRAY + 1, ARRAY + 1 + ARRAY_SIZE)
    alone = [_one(number) for number in range(1, COUNT + 1) if number != ARRAY and number not in tasks]
    return sorted([*alone, *_array()], key=lambda job: job.id)


def _one(number: int) -> Job:
    state = next((state for every, state in _WRONG.items() if number % every == 0), JobState.COMPLETED)
    return _ended(number, _NAMES[number % len(_NAMES)], state)


def _array() -> list[Job]:
    states = {index: _TASKS_WRONG.get(index, JobState.COMPLETED) for index in range(1, ARRAY_SIZE + 1)}
    counts: dict[JobState, int] = {}
    for state in states.values():
        counts[state] = counts.get(state, 0) + 1
    record = Job(
        **_common(ARRAY, "fold-all"),
        state=JobState.FAILED,
        cause="4 of its 60 tasks did not complete",
        array=Array(waiting=Indexes(), size=ARRAY_SIZE, first=1, last=ARRAY_SIZE, counts=counts),
        started_at=_at(ARRAY),
        ended_at=_at(ARRAY) + HOUR,
    )
    tasks = [
        _ended(ARRAY + index, "fold-all", state, task=Task(job_id=ARRAY, index=index))
        for index, state in states.items()
    ]
    return [record, *tasks]


def _at(number: int) -> float:
    """When it was submitted: nine minutes after the one before it."""
    return NOW - 48 * HOUR - (COUNT - number) * 9 * MINUTE


def _common(number: int, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "kind": JobKind.COMMAND,
        "user": USER,
        "uid": UID,
        "partition": "main",
        "submitted_at": _at(number),
        "command": ("python", f"{name}.py"),
        "working_dir": "/home/ada/proj",
        "request": Request(cpus_milli=1000, memory_mib=2048),
        "time_limit_s": 3600,
    }


def _ended(number: int, name: str, state: JobState, task: Task | None = None) -> Job:
    begun = _at(number) + 20
    ran_s = HOUR if state is JobState.TIMEOUT else 40 + number % 50 * 30
    share = NodeShare(node=f"n{number % 3 + 1}", cpus_milli=1000, memory_mib=2048)
    attempt = Attempt(
        number=1,
        launch_id=f"past-{number}",
        epoch=EPOCH,
        allocation=Allocation(shares=(share,)),
        allocated_at=begun - 1,
        started_at=begun,
    )
    return Job(
        **_common(number, name),
        state=state,
        task=task,
        attempt=attempt,
        attempts=1,
        eligible_at=begun,
        started_at=begun,
        ended_at=begun + ran_s,
        exit_code={JobState.COMPLETED: 0, JobState.FAILED: 1}.get(state),
        cause=_CAUSES.get(state),
        usage=Usage(cpu_s=ran_s * 0.8, memory_peak_mib=900 + number % 700),
    )
