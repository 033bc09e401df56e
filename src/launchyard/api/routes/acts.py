"""What may be done to a job: cancel, hold, release, requeue, top, suspend, resume, signal, update."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.body import parse_json, read_as, read_body, refuse_other_formats
from launchyard.api.context import caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.routes.jobs import shown_job
from launchyard.controller.controller import Controller, JobRef
from launchyard.model.errors import Invalid
from launchyard.model.job import Job
from launchyard.model.signals import parse_signal
from launchyard.model.submission import Caller
from launchyard.wire.convert import to_update
from launchyard.wire.orders import SignalJob
from launchyard.wire.submit import UpdateJob

router = APIRouter()

Act = Callable[[Controller, Caller, JobRef], Awaitable[Job]]


async def _act(request: Request, act: Act) -> Response:
    """Find it, so that what the caller may not see is not there; the controller asks whose it is."""
    context, caller = context_of(request), caller_of(request)
    ref = parse_ref(request.path_params["job"])
    await find(context, caller, ref, seen_by_all=True)
    job = await act(context.services.controller, caller, ref)
    return answer(shown_job(context, caller, job))


async def nothing_more(request: Request) -> None:
    """These take no options: a body must be empty or an empty object."""
    Query(request, ())
    body = await read_body(request)
    if body:
        refuse_other_formats(request)
        data: Any = parse_json(body)
        if data not in ({}, None):
            raise Invalid("this request takes no options; send no body")


@router.post("/v1/jobs/{job}/cancel", openapi_extra=describe.act("Cancel a job, or a task of an array."))
async def cancel(request: Request) -> Response:
    await nothing_more(request)
    return await _act(request, lambda controller, caller, ref: controller.cancel(caller, ref))


@router.post("/v1/jobs/{job}/hold", openapi_extra=describe.act("Keep a waiting job from starting."))
async def hold(request: Request) -> Response:
    await nothing_more(request)
    return await _act(request, lambda controller, caller, ref: controller.hold(caller, ref))


@router.post("/v1/jobs/{job}/release", openapi_extra=describe.act("Let a held job start."))
async def release(request: Request) -> Response:
    await nothing_more(request)
    return await _act(request, lambda controller, caller, ref: controller.release(caller, ref))


@router.post("/v1/jobs/{job}/requeue", openapi_extra=describe.act("Stop a running job; it waits again."))
async def requeue(request: Request) -> Response:
    await nothing_more(request)
    return await _act(request, lambda controller, caller, ref: controller.requeue(caller, ref))


@router.post("/v1/jobs/{job}/top", openapi_extra=describe.act("Put a waiting job before one's others."))
async def top(request: Request) -> Response:
    await nothing_more(request)
    return await _act(request, lambda controller, caller, ref: controller.top(caller, ref))


@router.post("/v1/jobs/{job}/suspend", openapi_extra=describe.act("Let a running job stand still."))
async def suspend(request: Request) -> Response:
    await nothing_more(request)
    return await _act(request, lambda controller, caller, ref: controller.suspend(caller, ref))


@router.post("/v1/jobs/{job}/resume", openapi_extra=describe.act("Let a suspended job go on."))
async def resume(request: Request) -> Response:
    await nothing_more(request)
    return await _act(request, lambda controller, caller, ref: controller.resume(caller, ref))


@router.post(
    "/v1/jobs/{job}/signal",
    openapi_extra=describe.act("Send a signal to a job; one that is being started gets it then.", SignalJob),
)
async def signal(request: Request) -> Response:
    body = await read_as(SignalJob, request)
    number, target = parse_signal(body.signal), body.target
    return await _act(request, lambda controller, caller, ref: controller.signal(caller, ref, number, target))


@router.post("/v1/jobs/{job}/update", openapi_extra=describe.act("Change a job.", UpdateJob))
async def update(request: Request) -> Response:
    changes = to_update(await read_as(UpdateJob, request))
    return await _act(request, lambda controller, caller, ref: controller.update(caller, ref, changes))
