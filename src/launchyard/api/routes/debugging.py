"""A session in the place of a job that went wrong: its directory, variables, packages and resources."""

from dataclasses import fields
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describesessions
from launchyard.api.answers import answer
from launchyard.api.body import parse_json, read_body, refuse_other_formats
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.routes.jobs import idempotency_of
from launchyard.api.routes.sessions import shown
from launchyard.api.starting import find_app, start
from launchyard.controller.controller import not_found
from launchyard.controller.texts import environment_of, runtime_env_of
from launchyard.model.errors import Conflict
from launchyard.model.job import Job, JobKind
from launchyard.model.submission import Caller
from launchyard.wire.debugging import DebugJob
from launchyard.wire.decode import decode
from launchyard.wire.job import resources_json
from launchyard.wire.sessions import SessionResources, StartSession

NOT_TAKEN = ("LAUNCHYARD_", "SLURM_", "JUPYTER_")
"""Beginnings of the names of variables that are of one job alone."""

router = APIRouter()


@router.post("/v1/jobs/{job}/debug", openapi_extra=describesessions.DEBUG)
async def debug(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    raw = await read_body(request)
    refuse_other_formats(request)
    body = decode(DebugJob, parse_json(raw))
    ref = parse_ref(request.path_params["job"])
    job = (await find(context, caller, ref)).job
    if job.uid != caller.uid:
        raise not_found(ref)
    if job.kind in (JobKind.SESSION, JobKind.DRIVER):
        raise Conflict(
            f"job {ref} is a {job.kind.value}; a session is relaunched, and there is nothing else to debug"
        )
    made = await start(
        context, caller, await _asked(context, caller, job, body), idempotency_of(request, raw)
    )
    return answer(await shown(context, caller, made), 201)


async def _asked(context: Context, caller: Caller, job: Job, body: DebugJob) -> StartSession:
    app = await find_app(context, caller, body.app)
    limit_s = body.time_limit_s or (None if app.app is None else app.app.defaults.time_limit_s)
    asked, variables = await _texts(context, job)
    return StartSession(
        app=body.app,
        name=f"debug {job.name}"[:200],
        resources=_resources(job),
        time_limit_s=limit_s,
        partition=job.partition,
        account=job.account,
        working_dir=job.working_dir,
        runtime_env=asked,
        environment=variables,
    )


async def _texts(context: Context, job: Job) -> tuple[dict[str, Any], dict[str, str]]:
    """(its runtime environment, its variables)"""
    digests = [one for one in (job.runtime_env, job.environment) if one is not None]
    texts = await context.read(lambda: context.services.store.texts(digests))
    asked = runtime_env_of(texts.get(job.runtime_env or "", b"{}"))
    variables = environment_of(texts.get(job.environment or "", b"{}"))
    return asked, {name: value for name, value in variables.items() if not name.startswith(NOT_TAKEN)}


def _resources(job: Job) -> SessionResources:
    """What it asked for, on one node: a session is at one place."""
    asked = {**resources_json(job.request), "nodes": None}
    known = {one.name for one in fields(SessionResources)}
    return SessionResources(**{name: value for name, value in asked.items() if name in known and value})
