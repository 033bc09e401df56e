"""The stream of what happens to jobs (server-sent events)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import pages
from launchyard.api.connection import connection_of
from launchyard.api.context import caller_of, context_of
from launchyard.api.events import Hearer
from launchyard.api.query import Query
from launchyard.api.stream import Parts
from launchyard.policy.rights import Right, may, sight

router = APIRouter()


@router.get("/v1/events", openapi_extra=pages.EVENTS)
async def events(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    # The header is of a client that comes back, so it is the later one.
    after = Query(request, ("after",)).text("after")
    last_id = request.headers.get("last-event-id", after)
    jobs = sight(caller, visible_to_all=context.services.jobs_visible_to_all)
    hearer = Hearer(caller.user, jobs, all_sessions=may(caller, Right.SEE_ALL))
    stream = context.events.stream(hearer, last_id, connection_of(request.scope).abort)
    return Parts(stream, "text/event-stream", context.closing)
