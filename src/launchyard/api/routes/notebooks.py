"""Notebooks of a session, and batch jobs made of them: its owner's alone, since it is done as that user."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describenotebooks, notebooks, sessions
from launchyard.api.answers import TooLarge, answer, problem
from launchyard.api.body import parse_json, read_body, refuse_other_formats
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.routes.jobs import idempotency_of, submit_one
from launchyard.controller.controller import not_found
from launchyard.controller.texts import environment_of, runtime_env_of
from launchyard.engine.notebooks import Notebooks, SessionPlace
from launchyard.model.errors import Conflict, Invalid, LaunchyardError, NotFound, Unavailable
from launchyard.model.job import Job, JobKind
from launchyard.model.runtimeenv import check
from launchyard.model.submission import Caller
from launchyard.wire.decode import decode
from launchyard.wire.notebooks import RunNotebook

JUPYTER = "jupyter"
"""How the names of apps begin that answer as Jupyter does."""
BODY_MAX_BYTES = 256 * 1024
"""Values are read as Python, which takes many times as long as JSON."""

router = APIRouter()


@router.get("/v1/sessions/{job}/notebooks", openapi_extra=describenotebooks.LIST)
async def list_notebooks(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    job = await _session(context, caller, request)
    asked, _ = await _texts(context, job)
    place = _place(context, caller, job, asked)
    return answer(notebooks.list_json(place.root, await _service(context).listed(job, place)))


@router.get("/v1/sessions/{job}/notebook", openapi_extra=describenotebooks.SHOW)
async def show_notebook(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    path = Query(request, ("path",)).text("path")
    if not path:
        raise Invalid("path is missing; name a notebook, below the session's directory or from the root")
    job = await _session(context, caller, request)
    asked, _ = await _texts(context, job)
    place = _place(context, caller, job, asked)
    one = notebooks.found(await _service(context).one(job, place, path))
    return answer(notebooks.details_json(job, place.root, asked, one))


@router.post("/v1/sessions/{job}/batch", openapi_extra=describenotebooks.RUN)
async def run_notebook(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    sent = await read_body(request)
    refuse_other_formats(request)
    if len(sent) > BODY_MAX_BYTES:
        raise TooLarge(f"the values are larger than {BODY_MAX_BYTES >> 10} KiB; put what is long into a file")
    body = decode(RunNotebook, parse_json(sent))
    job = await _session(context, caller, request)
    asked, variables = await _texts(context, job)
    place = _place(context, caller, job, asked)
    one = notebooks.found(await _service(context).one(job, place, body.notebook))
    made = notebooks.job_body(job, asked, variables, one, body)
    result = await submit_one(context, caller, made, idempotency_of(request, sent))
    if isinstance(result, LaunchyardError):
        return problem(result)
    return answer(result, 201 if result["id"] is not None else 200)


# -- inside


def _service(context: Context) -> Notebooks:
    found = context.services.notebooks
    if found is None:
        raise Unavailable("this server looks at no notebooks")
    return found


async def _session(context: Context, caller: Caller, request: Request) -> Job:
    ref = parse_ref(request.path_params["job"])
    job = (await find(context, caller, ref)).job
    if job.uid != caller.uid:
        raise not_found(ref)
    if job.kind is not JobKind.SESSION:
        raise Conflict(f"job {job.id} is no session; `ly session list` shows them", code="no-session")
    return job


async def _texts(context: Context, job: Job) -> tuple[Mapping[str, Any], Mapping[str, str] | None]:
    """(its runtime environment as asked, its variables)"""
    digests = [one for one in (job.runtime_env, job.environment) if one is not None]
    texts = await context.read(lambda: context.services.store.texts(digests))
    asked = runtime_env_of(texts.get(job.runtime_env or "", b"{}"))
    given = texts.get(job.environment or "")
    return asked, None if given is None else environment_of(given)


def _place(context: Context, caller: Caller, job: Job, asked: Mapping[str, Any]) -> SessionPlace:
    """Where its notebooks are; its Jupyter is asked while it answers."""
    place = SessionPlace(
        session_id=job.id, root=job.working_dir, prefix=_prefix(_service(context), job, asked)
    )
    if job.session is None or not job.session.app.startswith(JUPYTER):
        return SessionPlace(
            session_id=job.id, root=place.root, prefix=place.prefix, silent="it is no Jupyter"
        )
    try:
        way = sessions.route(context, job.id, caller)
    except NotFound:
        return place
    return SessionPlace(
        session_id=job.id,
        root=place.root,
        prefix=place.prefix,
        target=way.target,
        base="/" if way.strip_prefix else f"/session/{job.id}/",
        headers=way.headers,
    )


def _prefix(service: Notebooks, job: Job, asked: Mapping[str, Any]) -> str | None:
    """The Python environment that the app runs in, of which every session has its own copy."""
    env = check(asked)
    directory = service.environment(job)
    if env.requirements is not None:
        return f"{directory}/venv"
    return f"{directory}/conda" if env.conda is not None else None
