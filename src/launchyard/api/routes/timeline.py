"""What became of a job, to scale: when it waited, was set up and ran, attempt by attempt."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import pages
from launchyard.api.answers import answer
from launchyard.api.context import caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.model.job import Job
from launchyard.wire.job import time_json

router = APIRouter()


@router.get("/v1/jobs/{job}/timeline", openapi_extra=pages.TIMELINE)
async def timeline(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    found = await find(context, caller, parse_ref(request.path_params["job"]), seen_by_all=True)
    return answer({"parts": parts_of(found.job), "now": time_json(context.services.clock())})


def parts_of(job: Job) -> list[dict[str, Any]]:
    """`wire.pageshapes.TimePart`s in order; the last one of a job that has not ended is open."""
    parts, since = _set_up(job)
    if since is None:
        return parts
    for past in job.past:
        begun = past.started_at if past.started_at is not None else past.ended_at
        parts.append(_part("waited", since, begun, past.number))
        if past.started_at is not None:
            parts.append(_part("ran", past.started_at, past.ended_at, past.number, past.state))
        since = past.ended_at or begun or since
    attempt = job.attempt
    begins = job.begin_at
    if begins is not None and begins > since and not job.past:
        until = min(begins, attempt.allocated_at if attempt is not None else job.ended_at or begins)
        parts.append(_part("later", since, until))
        since = until
    if attempt is None:
        if job.array is not None and job.started_at is not None:
            waited, ran = _part("waited", since, job.started_at), _part("ran", job.started_at, job.ended_at)
            return [*parts, waited, ran]
        return [*parts, _part("waited", since, job.ended_at)]
    parts.append(_part("waited", since, attempt.allocated_at, attempt.number))
    started, name = attempt.started_at, "starting" if job.runtime_env is None else "environment"
    set_up = job.ended_at if started is None else started
    parts.append(_part(name, attempt.allocated_at, set_up, attempt.number))
    if started is not None:
        state = job.state if job.ended else None
        parts.append(_part("ran", started, job.ended_at, attempt.number, state))
    return parts


def _set_up(job: Job) -> tuple[list[dict[str, Any]], float | None]:
    """Its environment is made as soon as it is submitted; since when it waits then. None: it never did."""
    submitted_at, ready_at = job.submitted_at, job.prepared_at
    if job.runtime_env is None:
        return [], submitted_at
    if ready_at is not None:
        return [_part("environment", submitted_at, ready_at)], ready_at
    if job.attempt is None and not job.past and job.started_at is None:
        return [_part("environment", submitted_at, job.ended_at)], None
    return [], submitted_at


def _part(
    name: str, since: float | None, until: float | None, attempt: int = 0, state: str | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "since": time_json(since),
        "until": time_json(until),
        "attempt": attempt or None,
        "state": state,
    }
