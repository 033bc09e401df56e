"""Sessions: started, listed, given more time, shared, ended, and their cards deleted."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describesessions as describe
from launchyard.api.answers import answer
from launchyard.api.body import parse_json, read_as, read_body, refuse_other_formats
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.query import Query
from launchyard.api.routes.jobs import idempotency_of, shown_job
from launchyard.api.sessionjson import session_json, settings_of
from launchyard.api.starting import start, to_start
from launchyard.api.waiting import suggestion_json
from launchyard.controller.controller import JobRef
from launchyard.controller.sessions import Told, may_open, no_session
from launchyard.model import notify
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.job import Job
from launchyard.model.number import is_digits
from launchyard.model.number import shown as shown_text
from launchyard.model.session import SessionState
from launchyard.model.submission import Caller
from launchyard.policy.rights import owns
from launchyard.policy.sessions import session_of, state_of
from launchyard.store.protocol import JobQuery
from launchyard.wire.convert import checked_name
from launchyard.wire.decode import decode
from launchyard.wire.job import job_json
from launchyard.wire.sessions import (
    ExtendSession,
    RelaunchSession,
    SaveSession,
    SessionResources,
    ShareSession,
    StartSession,
    ToldSession,
)

CARDS_MAX, KEPT_MAX = 200, 1_000
LINES_MAX = 8
LINES_BYTES = 8192
LINE_MAX = 400
EXTEND_MAX_S = 7 * 86_400
WITH_LINES = (SessionState.STARTING, SessionState.FAILED)

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")

router = APIRouter()


@router.post("/v1/sessions", openapi_extra=describe.START)
async def start_session(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    raw = await read_body(request)
    refuse_other_formats(request)
    body = decode(StartSession, parse_json(raw))
    if body.dry_run:
        return answer(await _dry_run(context, caller, body))
    job = await start(context, caller, body, idempotency_of(request, raw))
    return answer(await shown(context, caller, job), 201)


async def _dry_run(context: Context, caller: Caller, body: StartSession) -> dict[str, Any]:
    submission = await to_start(context, caller, body)
    job, outlook = await context.services.controller.check(caller, submission)
    told = session_json(
        job, job_json(job, outlook.reason), now=context.services.clock(), reason=outlook.reason
    )
    return {**told, "id": None, "sooner": [suggestion_json(job, one) for one in outlook.sooner]}


@router.get("/v1/sessions", openapi_extra=describe.LIST)
async def list_sessions(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("state", "app", "live"))
    states, app, live = set(given.texts("state")), given.text("app"), given.flag("live")
    sessions = context.services.controller.sessions
    here = sessions.live() if live else sessions.known()
    jobs = {job.id: job for job in here if may_open(job, caller)}
    if not live:
        query = JobQuery(user=caller.user, cards=True, ended=True, limit=CARDS_MAX)
        rows = await context.read(lambda: context.services.store.jobs(query))
        # One that had ended may have come back meanwhile.
        come = {job.id: job for job in sessions.known() if may_open(job, caller)}
        jobs = {**{job.id: job for job in rows}, **come, **jobs}
    chosen = [
        job
        for job in sorted(jobs.values(), key=lambda job: -job.id)
        if (not states or state_of(job).value in states) and app in (None, session_of(job).app)
        if not session_of(job).deleted
    ]
    told = await asyncio.gather(*(shown(context, caller, job) for job in chosen))
    return answer({"sessions": told})


@router.get("/v1/sessions/{session}", openapi_extra=describe.SHOW)
async def show_session(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    return answer(await shown(context, caller, await find_session(context, caller, _id(request))))


@router.post("/v1/sessions/{session}/stop", openapi_extra=describe.STOP)
async def stop(request: Request) -> Response:
    """The card stays."""
    context, caller = context_of(request), caller_of(request)
    job = await _own(context, caller, _id(request))
    if not job.ended:
        job = await context.services.controller.cancel(caller, JobRef(job_id=job.id))
    return answer(await shown(context, caller, job))


@router.post("/v1/sessions/{session}/extend", openapi_extra=describe.EXTEND)
async def extend(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    body = await read_as(ExtendSession, request)
    if not 60 <= body.by_s <= EXTEND_MAX_S:
        raise Invalid(f"by_s is {body.by_s}; it is between 60 and {EXTEND_MAX_S} seconds")
    job = await context.services.controller.sessions.extend(caller, _id(request), body.by_s)
    return answer(await shown(context, caller, job))


@router.post("/v1/sessions/{session}/share", openapi_extra=describe.SHARE)
async def share(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    body = await read_as(ShareSession, request)
    for name in body.users:
        if not await context.services.users.is_known(name):
            raise Invalid(f"there is no user {shown_text(name)} on this machine; nothing was shared")
    job = await context.services.controller.sessions.share(caller, _id(request), body.users)
    return answer(await shown(context, caller, job))


@router.post("/v1/sessions/{session}/save", openapi_extra=describe.SAVE)
async def save(request: Request) -> Response:
    """A name stands for one session of an app: who had it before has it no more."""
    context, caller = context_of(request), caller_of(request)
    body = await read_as(SaveSession, request)
    name = (checked_name(body.name, "name") if body.name else None) or ""
    job = await _own(context, caller, _id(request))
    sessions = context.services.controller.sessions
    query = JobQuery(user=job.user, cards=True, limit=KEPT_MAX)
    for other in await context.read(lambda: context.services.store.jobs(query)):
        session = session_of(other)
        if name and other.id != job.id and (session.app, session.saved_as) == (session_of(job).app, name):
            await sessions.save(other, "")
    return answer(await shown(context, caller, await sessions.save(job, name)))


@router.post("/v1/sessions/{session}/relaunch", openapi_extra=describe.RELAUNCH)
async def relaunch(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    raw = await read_body(request)
    refuse_other_formats(request)
    body = decode(RelaunchSession, parse_json(raw))
    before = await _own(context, caller, _id(request))
    again = relaunched(before, body)
    job = await start(context, caller, again, idempotency_of(request, raw))
    if body.delete and before.ended:
        await context.services.controller.sessions.delete(caller, before)
    return answer(await shown(context, caller, job), 201)


def relaunched(before: Job, body: RelaunchSession) -> StartSession:
    """What starts another session like this one, with what is to be otherwise."""
    settings = settings_of(before)
    resources = {
        **settings["resources"],
        **{name: value for name, value in asdict(body.resources).items() if value is not None},
    }
    asked = StartSession(
        app=settings["app"],
        values={**settings["values"], **body.values},
        resources=SessionResources(**resources),
        runtime_env=settings["runtime_env"],
        notify=sorted(notify.moments_of(before.metadata)),
        notify_to=[one for one in notify.places_of(before.metadata) if notify.TO in before.metadata],
    )
    names = ("name", "time_limit_s", "partition", "account", "qos", "working_dir", "idle_stop_s")
    given = {name: getattr(body, name) for name in names}
    others = {name: settings[name] if value is None else value for name, value in given.items()}
    return replace(asked, **others)


@router.post("/v1/sessions/{session}/told", openapi_extra=describe.TOLD)
async def told(request: Request) -> Response:
    """By the session's attendant, which is on this machine and known by the kernel's word."""
    context, caller = context_of(request), caller_of(request)
    body = await read_as(ToldSession, request)
    if body.port is not None and not 0 < body.port < 65536:
        raise Invalid(f"port is {body.port}, which is no port")
    said = Told(
        launch_id=body.launch_id,
        what=body.what,
        sentence=None if body.sentence is None else plain(body.sentence)[:LINE_MAX],
        secret=body.secret,
        port=body.port,
    )
    await context.services.controller.sessions.told(caller, _id(request), said)
    return answer({})


@router.delete("/v1/sessions/{session}", openapi_extra=describe.DELETE)
async def delete(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    job = await _own(context, caller, _id(request))
    gone = await context.services.controller.sessions.delete(caller, job)
    return answer(await shown(context, caller, gone))


async def find_session(context: Context, caller: Caller, session_id: int) -> Job:
    """The job of a session that the caller may see. Raises `NotFound`."""
    job = context.services.controller.live_job(session_id)
    if job is None:
        job = await context.read(lambda: context.services.store.job(session_id))
    if job is None or job.session is None or not (may_open(job, caller) or owns(caller, job)):
        raise no_session(session_id)
    return job


async def shown(context: Context, caller: Caller, job: Job) -> dict[str, Any]:
    """The session's JSON; the lines of its log are for its owner."""
    services = context.services
    reason = None if job.ended else services.controller.reason(job.id)
    own = job.uid == caller.uid
    wanted = state_of(job) in WITH_LINES and own and not session_of(job).deleted
    told = session_json(
        job,
        shown_job(context, caller, job),
        now=services.clock(),
        reason=reason,
        idle=services.controller.sessions.idling.since(job.id),
        last_lines=await last_lines(context, job) if wanted else (),
        notice=services.controller.sessions.notice(job),
    )
    # What was brought along may hold variables that are nobody else's business.
    return told if own else {**told, "values": {}, "settings": {}}


async def last_lines(context: Context, job: Job) -> Sequence[str]:
    """The end of its log, printable; empty where it cannot be read."""
    try:
        part = await context.services.logs.read(job, "stdout", -LINES_BYTES, LINES_BYTES)
    except LaunchyardError:
        return ()
    lines = [plain(line) for line in part.data.decode("utf-8", "replace").splitlines()]
    return [line[:LINE_MAX] for line in lines if line.strip()][-LINES_MAX:]


def plain(line: str) -> str:
    """Without colours and other sequences for terminals."""
    return "".join(c if c.isprintable() else " " for c in _ESCAPES.sub("", line)).rstrip()


async def _own(context: Context, caller: Caller, session_id: int) -> Job:
    """One that the caller may end and delete: those it is shared with may not."""
    job = await find_session(context, caller, session_id)
    if not owns(caller, job):
        raise no_session(session_id)
    return job


def _id(request: Request) -> int:
    text: str = request.path_params["session"]
    if not is_digits(text):
        raise Invalid("a session is known by its number, which is that of its job", code="session")
    return int(text)


__all__ = ["find_session", "last_lines", "relaunched", "router", "shown"]
