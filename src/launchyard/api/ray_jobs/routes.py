"""The routes of the Ray Jobs API. Where Ray answers 500 with a traceback, here is one sentence and a 4xx."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api.answers import raw
from launchyard.api.audit import note_jobs
from launchyard.api.auth import browser_like, identity_of
from launchyard.api.body import parse_json, read_body
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.listing import page_of
from launchyard.api.ray_jobs import described
from launchyard.api.ray_jobs.details import status_of
from launchyard.api.ray_jobs.door import COOKIE, authorization
from launchyard.api.ray_jobs.finding import find_submission, only_submitted
from launchyard.api.ray_jobs.ids import new_id
from launchyard.api.ray_jobs.listing import listed
from launchyard.api.ray_jobs.output import text_of
from launchyard.api.ray_jobs.showing import shown_one
from launchyard.api.routes.jobs import idempotency_of
from launchyard.api.routes.logs import PART_BYTES
from launchyard.api.stream import Parts
from launchyard.controller.controller import JobRef
from launchyard.model.errors import Conflict, Forbidden, LaunchyardError, Unauthenticated
from launchyard.model.job import Job
from launchyard.model.state import ENDED
from launchyard.model.submission import Caller, Submission
from launchyard.store.protocol import JobQuery
from launchyard.wire.raysubmit import asked_id, awaited, read_job, to_job

JSON = "application/json; charset=utf-8"
PROTOCOL = "4"
COMMITS = {"2.60.0": "b7f4259e944bf6959f721b106adc366ddfa0c356"}
"""Of the versions of Ray that are told by default; programs compare it with that of their own Ray."""
COOKIE_AGE_S = 30 * 86_400

router = APIRouter()

_encode = msgspec.json.Encoder().encode


def answer(told: object) -> Response:
    """As Ray's server sends it."""
    return raw(_encode(told), JSON)


@router.get("/api/version", openapi_extra=described.VERSION)
async def version(request: Request) -> Response:
    settings = context_of(request).services.ray
    return answer(
        {
            "version": PROTOCOL,
            "ray_version": settings.version,
            "ray_commit": COMMITS.get(settings.version, "0" * 40),
            "session_name": "session_launchyard",
        }
    )


@router.post("/api/jobs/", openapi_extra=described.SUBMIT)
async def submit(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    body = await read_body(request)
    asked = read_job(parse_json(body))
    numbers = {name: (await find_submission(context, caller, name)).id for name in awaited(asked)}
    submission = to_job(asked, asked_id(asked) or new_id(), numbers)
    submission = await _at_home(context, caller, submission)
    key = idempotency_of(request, body)
    (made,) = await context.services.controller.submit(caller, [submission], idempotency=key)
    if isinstance(made, LaunchyardError):
        raise made
    note_jobs(request.scope, [made.id], submission_id=made.submission_id)
    return answer({"job_id": made.submission_id, "submission_id": made.submission_id})


async def _at_home(context: Context, caller: Caller, submission: Submission) -> Submission:
    """It comes from anywhere, so it starts as after a login: in the home directory, with its variables."""
    entry = await context.services.users.load(caller.uid)
    home = None if entry is None else entry.home
    login = await context.services.login(caller.uid)
    return replace(submission, working_dir=home, environment=login or None)


@router.get("/api/jobs/", openapi_extra=described.LIST)
async def list_jobs(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    return Parts(listed(context, caller, browser_like(request.headers)), JSON, context.closing)


@router.get("/api/jobs/{submission}", openapi_extra=described.SHOW)
async def show(request: Request) -> Response:
    context, job = context_of(request), await _job(request)
    return answer(await shown_one(context, caller_of(request), job, browser_like(request.headers)))


@router.post("/api/jobs/{submission}/stop", openapi_extra=described.STOP)
async def stop(request: Request) -> Response:
    """Also a job that waits is stopped."""
    context, job = context_of(request), only_submitted(await _job(request), "stop")
    if not job.ended:
        try:
            await context.services.controller.cancel(caller_of(request), JobRef(job_id=job.id))
        except Conflict:
            return answer({"stopped": False})
    return answer({"stopped": not job.ended})


@router.delete("/api/jobs/{submission}", openapi_extra=described.DELETE)
async def delete(request: Request) -> Response:
    context, job = context_of(request), only_submitted(await _job(request), "delete")
    if not job.ended:
        raise Conflict(
            f"Attempted to delete job '{job.submission_id}', but it is in a non-terminal state "
            f"{status_of(job)}; stop it first"
        )
    await context.services.controller.reviving.forget(job)
    return answer({"deleted": True})


@router.get("/api/jobs/{submission}/logs", openapi_extra=described.LOGS)
async def logs(request: Request) -> Response:
    context, job = context_of(request), only_submitted(await _job(request), "get logs of")
    try:
        first = await context.services.logs.read(job, "stdout", 0, PART_BYTES)
    except Forbidden as error:
        # Ray's clients would ask for a token.
        raise Conflict(str(error)) from None
    if first.offset + len(first.data) >= first.size:
        return answer({"logs": first.data.decode("utf-8", "replace")})
    return Parts(_logs_json(context, job, text_of(context, job, first)), JSON, context.closing)


async def _logs_json(
    context: Context, job: Job, texts: AsyncGenerator[str, None]
) -> AsyncGenerator[bytes, None]:
    """One JSON string, encoded bit by bit: a log may be larger than what should be held in memory."""
    yield b'{"logs":"'
    async for text in texts:
        yield await asyncio.to_thread(_inside, text) if len(text) > PART_BYTES // 2 else _inside(text)
    yield b'"}'


def _inside(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


@router.get("/api/authentication_mode", openapi_extra=described.AUTHENTICATION_MODE)
async def authentication_mode(request: Request) -> Response:
    """Open to everybody."""
    return answer({"authentication_mode": "token"})


@router.post("/api/authenticate", openapi_extra=described.AUTHENTICATE)
async def authenticate(request: Request) -> Response:
    """A browser's page trades its token for a cookie that scripts cannot read."""
    scheme, _, token = authorization(request.headers).partition(" ")
    if scheme.lower() != "bearer" or identity_of(request.scope).token_id is None:
        raise Unauthenticated(
            "Unauthorized: Missing authentication token; send it as `Authorization: Bearer`"
        )
    made = answer({"authenticated": True})
    made.set_cookie(COOKIE, token.strip(), max_age=COOKIE_AGE_S, path="/", httponly=True, samesite="strict")
    return made


@router.get("/api/component_activities", openapi_extra=described.ACTIVITIES)
async def activities(request: Request) -> Response:
    """Whether jobs of the caller wait or run, for tools that stop what is idle."""
    context, caller = context_of(request), caller_of(request)
    states = context.services.controller.states(lambda uid, account: uid == caller.uid)
    live = sum(count for state, count in states.items() if state not in ENDED)
    ended = (await page_of(context, JobQuery(user=caller.user, named=True, ended=True, limit=1))).jobs
    now = context.services.clock()
    driver = {
        "is_active": "ACTIVE" if live else "INACTIVE",
        "reason": f"Number of active drivers: {live}" if live else None,
        "timestamp": now,
        "last_activity_at": now if live else ended[0].ended_at if ended else None,
    }
    return answer({"driver": driver})


async def _job(request: Request) -> Job:
    return await find_submission(context_of(request), caller_of(request), request.path_params["submission"])
