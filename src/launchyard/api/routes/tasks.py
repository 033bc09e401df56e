"""The tasks of an array as a grid: a letter each, and of those that did not complete how they ended."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import pages
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.model.array import Array, format_indexes, normalised
from launchyard.model.errors import Conflict
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.store.protocol import JobQuery
from launchyard.wire.job import time_json

DRAWN_MAX = 100_000
NOT_COMPLETED_MAX = 200
LETTERS = {
    "w": JobState.PENDING,
    "s": JobState.STARTING,
    "r": JobState.RUNNING,
    "u": JobState.SUSPENDED,
    "e": JobState.COMPLETING,
    "C": JobState.COMPLETED,
    "F": JobState.FAILED,
    "X": JobState.CANCELLED,
    "T": JobState.TIMEOUT,
    "M": JobState.OUT_OF_MEMORY,
    "N": JobState.NODE_FAIL,
    "P": JobState.PREEMPTED,
    "D": JobState.DEADLINE,
    "L": JobState.LOST,
}
"""A letter for each state: small while it goes on, capital once it has ended."""
_LETTER_OF = {state: letter for letter, state in LETTERS.items()}
_BAD = frozenset(LETTERS[letter] for letter in "FTMNPDL")

router = APIRouter()


@router.get("/v1/jobs/{job}/tasks", openapi_extra=pages.TASKS)
async def tasks(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    ref = parse_ref(request.path_params["job"])
    record = (await find(context, caller, ref, seen_by_all=True)).job
    if record.array is None or ref.index is not None:
        raise Conflict(f"job {ref} is no array; GET /v1/jobs/{ref} tells of it")
    live = _live_tasks(context, record)
    ended = await context.read(partial(context.services.store.task_states, record.id))
    bad = JobQuery(array_job_id=record.id, states=_BAD, limit=NOT_COMPLETED_MAX)
    worst = await context.read(partial(context.services.store.jobs, bad))
    states = ended | {index: job.state for index, job in live.items()}
    here = {job.id: job for job in live.values()}
    worst = [
        *(job for job in here.values() if job.state in _BAD),
        *(job for job in worst if job.id not in here),
    ]
    worst = sorted(worst, key=lambda job: -job.id)[:NOT_COMPLETED_MAX]
    return answer(await context.read(partial(_grid_json, record, record.array, states, worst)))


def _live_tasks(context: Context, record: Job) -> dict[int, Job]:
    """Those that have not ended, as they are now, and those whose end is on its way to the store."""
    live = context.services.controller.live_tasks(record.id)
    return {job.task.index: job for job in live if job.task is not None}


def _grid_json(record: Job, array: Array, states: dict[int, JobState], worst: list[Job]) -> dict[str, Any]:
    """`wire.pageshapes.TaskGrid`. What never began has no job of its own: the record tells of it."""
    left = JobState.DEADLINE if record.state is JobState.DEADLINE else JobState.CANCELLED
    ranges = [*array.waiting.ranges, *array.ended.ranges, *((index, index, 1) for index in states)]
    indexes = normalised(ranges)
    letters = ""
    if len(indexes) <= DRAWN_MAX:
        known = dict.fromkeys(array.ended, left) | dict.fromkeys(array.waiting, JobState.PENDING) | states
        letters = "".join(_LETTER_OF[known[index]] for index in indexes)
    return {
        "job_id": record.id,
        "size": array.size,
        "indexes": format_indexes(indexes),
        "states": letters,
        "letters": LETTERS,
        "counts": _counts(array),
        "not_completed": [_bad_json(job) for job in worst],
    }


def _counts(array: Array) -> dict[str, int]:
    """By state, those that wait too."""
    counts = {state.value: count for state, count in array.counts.items()}
    waiting = len(array.waiting)
    return counts if not waiting else {**counts, "PENDING": counts.get("PENDING", 0) + waiting}


def _bad_json(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "index": 0 if job.task is None else job.task.index,
        "state": job.state,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "cause": job.cause,
        "started_at": time_json(job.started_at),
        "ended_at": time_json(job.ended_at),
    }
