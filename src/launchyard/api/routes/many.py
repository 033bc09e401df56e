"""One thing done to many jobs in one request, each with a result of its own.

Up to `AT_ONCE` become durable together; more do in parts, between which others have their turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.audit import note_jobs
from launchyard.api.body import read_as
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.routes.acts import Act
from launchyard.api.rows import as_now
from launchyard.controller.controller import Controller, JobRef
from launchyard.model.errors import Conflict, Forbidden, Invalid, LaunchyardError, NotFound
from launchyard.model.job import Job
from launchyard.model.signals import parse_signal
from launchyard.model.submission import Caller
from launchyard.policy.rights import acts
from launchyard.wire.acts import ActOnJobs

router = APIRouter()

JOBS_MAX = 100_000
AT_ONCE = 250
JOBS_NOTED = 50

_ACTS: dict[str, Act] = {
    "cancel": Controller.cancel,
    "hold": Controller.hold,
    "release": Controller.release,
    "uhold": lambda controller, caller, ref: controller.hold(caller, ref, as_user=True),
    "requeue": lambda controller, caller, ref: controller.requeue(caller, ref, even_ended=True),
    "requeuehold": lambda controller, caller, ref: controller.requeue(
        caller, ref, held=True, even_ended=True
    ),
    "suspend": Controller.suspend,
    "resume": Controller.resume,
    "top": Controller.top,
}


@router.post("/v1/acts", openapi_extra=describe.ACTS)
async def many(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    body = await read_as(ActOnJobs, request)
    if len(body.jobs) > JOBS_MAX:
        raise Invalid(f"{len(body.jobs)} jobs are named; name at most {JOBS_MAX} in one request")
    act = _act_of(body, context.services.slurm.explicit_scancel)
    controller = context.services.controller
    results = await in_parts(
        body.jobs,
        lambda text: _one(context, caller, act, text),
        # Else one that waits would start in the place of one that is stopped, only to be stopped too.
        (lambda text: _at_work(controller, text)) if body.act == "cancel" else None,
    )
    refused = {one["job"]: one["status"] for one in results if one["status"] != 200}
    note_jobs(request.scope, body.jobs, act=body.act, refused=dict(islice(refused.items(), JOBS_NOTED)))
    return answer({"results": results})


async def in_parts(
    texts: Sequence[str],
    one: Callable[[str], Awaitable[dict[str, Any]]],
    late: Callable[[str], bool] | None = None,
) -> list[dict[str, Any]]:
    """The results, in the order of the texts; of more than `AT_ONCE` those that are `late` come last."""
    order = list(range(len(texts)))
    if late is not None and len(texts) > AT_ONCE:
        order.sort(key=lambda place: late(texts[place]))
    told: dict[int, dict[str, Any]] = {}
    for at in range(0, len(order), AT_ONCE):
        part = order[at : at + AT_ONCE]
        told.update(zip(part, await asyncio.gather(*(one(texts[place]) for place in part)), strict=True))
    return [told[place] for place in range(len(texts))]


def _at_work(controller: Controller, text: str) -> bool:
    try:
        ref = parse_ref(text)
    except Invalid:
        return False
    job = (
        controller.live_job(ref.job_id) if ref.index is None else controller.live_task(ref.job_id, ref.index)
    )
    return job is not None and job.attempt is not None


def _act_of(body: ActOnJobs, explicit: bool) -> Act:
    if body.act == "cancel" and explicit and not body.cron:
        return _cancel_but_cron
    if body.act != "signal":
        return _ACTS[body.act]
    if body.signal is None:
        raise Invalid("the act signal needs a signal, such as TERM or 10")
    number, target = parse_signal(body.signal), body.target
    return lambda controller, caller, ref: controller.signal(caller, ref, number, target)


async def _cancel_but_cron(controller: Controller, caller: Caller, ref: JobRef) -> Job:
    job = controller.live_job(ref.job_id)
    if job is not None and job.cron is not None:
        raise Conflict(f"job {ref} is a line of a crontab; say scancel --cron to cancel it", code="cron")
    return await controller.cancel(caller, ref)


async def _one(context: Context, caller: Caller, act: Act, text: str) -> dict[str, Any]:
    """What became of one; the state of a job that the caller may see says why it was refused."""
    try:
        ref = parse_ref(text)
        job = (await find(context, caller, ref, seen_by_all=True)).job
        if not acts(caller, job):
            raise Forbidden(f"job {text} is not yours")
    except LaunchyardError as error:
        return _refused(text, error, None)
    try:
        return {
            "job": text,
            "status": 200,
            "state": (await act(context.services.controller, caller, ref)).state,
        }
    except NotFound as error:
        return _refused(text, error, None)
    except LaunchyardError as error:
        # Some acts wait a while, in which it may have ended.
        (now,) = await as_now(context, [job])
        return _refused(text, error, now.state)


def _refused(text: str, error: LaunchyardError, state: str | None) -> dict[str, Any]:
    return {"job": text, "status": error.status, "code": error.code, "detail": str(error), "state": state}
