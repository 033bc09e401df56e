"""Is it alive (open to all, tells nothing more), and how it is."""

from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.model.role import Role
from launchyard.policy.rights import knows

router = APIRouter()


@router.get("/v1/health", openapi_extra=describe.HEALTH)
async def health(request: Request) -> Response:
    degraded = context_of(request).services.controller.degraded is not None
    return answer({"status": "degraded" if degraded else "ok"}, 503 if degraded else 200)


@router.get("/v1/status", openapi_extra=describe.STATUS)
async def status(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    controller = context.services.controller
    return answer(
        {
            **context.services.status(),
            "degraded": controller.degraded,
            "user": caller.user,
            "admin": caller.role is Role.ADMINISTRATOR,
            "jobs": controller.states(partial(knows, caller)),
        }
    )
