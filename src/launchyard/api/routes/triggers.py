"""Triggers: programs that are run as the caller once something has happened."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.body import read_as
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.controller.triggers import Triggering
from launchyard.model.errors import Invalid
from launchyard.model.submission import Caller
from launchyard.wire.triggers import SetTrigger, TriggerList, to_trigger, trigger_shown

router = APIRouter()


@router.get("/v1/slurm/triggers", openapi_extra=describe.TRIGGERS)
async def show(request: Request) -> Response:
    Query(request, ())
    return _all(_triggers(request), caller_of(request))


@router.post("/v1/slurm/triggers", openapi_extra=describe.SET_TRIGGER)
async def add(request: Request) -> Response:
    caller = caller_of(request)
    asked = to_trigger(await read_as(SetTrigger, request), caller)
    return answer(trigger_shown(await _triggers(request).add(caller, asked)), 201)


@router.delete("/v1/slurm/triggers", openapi_extra=describe.CLEAR_TRIGGERS)
async def clear(request: Request) -> Response:
    caller, given = caller_of(request), Query(request, ("id", "job", "uid"))
    ids = {"id": given.whole("id", 1, 10**15 - 1), "job_id": given.whole("job", 1, 10**15 - 1)}
    uid = given.whole("uid", 0, 2**32 - 1)
    if uid is None and not any(ids.values()):
        raise Invalid("say which triggers: by id, by job or by uid")
    await _triggers(request).clear(caller, uid=uid, **ids)
    return _all(_triggers(request), caller)


def _triggers(request: Request) -> Triggering:
    return context_of(request).services.controller.triggers


def _all(triggers: Triggering, caller: Caller) -> Response:
    return answer(TriggerList(triggers=[trigger_shown(one) for one in triggers.all(caller)]))
