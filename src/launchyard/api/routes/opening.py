"""Where a browser goes to be in a session: the portal asks when somebody clicks Open."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api.answers import answer
from launchyard.api.auth import host_name, identity_of
from launchyard.api.body import read_as
from launchyard.api.context import Context, context_of
from launchyard.api.login import addresses, described
from launchyard.api.login.entry import CODE_S, ENTER
from launchyard.api.login.links import Grant
from launchyard.api.routes.login import base_of
from launchyard.api.sessions import Speaks, route
from launchyard.model.errors import NotFound
from launchyard.model.number import shown
from launchyard.wire.login import OpenSession

router = APIRouter()


@router.post("/v1/sessions/{session}/open", openapi_extra=described.OPEN)
async def open_session(request: Request) -> Response:
    context, identity = context_of(request), identity_of(request.scope)
    body = await read_as(OpenSession, request)
    session_id = _id_of(request.path_params["session"])
    found = route(context, session_id, identity.caller)
    base = base_of(context, request)
    if found.speaks is not Speaks.HTTP:
        return answer({"url": f"{base}/sessions/{session_id}", "expires_in_s": None})
    scheme, _, host = base.partition("://")
    pattern = addresses.session_host(host, host_name(host), context.services.hosts)
    path = f"{addresses.PATH}{session_id}{addresses.local_path(body.path or _start(context, session_id))}"
    if pattern is None:
        return answer({"url": f"{base}{path}", "expires_in_s": None})
    grant = Grant(
        uid=identity.caller.uid,
        user=identity.caller.user,
        parent=identity.token_id,
        next=path,
        session_id=session_id,
    )
    code = context.logins.crossings.make(grant, context.services.clock(), CODE_S)
    host = pattern.replace("{id}", str(session_id))
    return answer({"url": f"{scheme}://{host}{ENTER}?code={code}", "expires_in_s": CODE_S})


def _start(context: Context, session_id: int) -> str:
    job = context.services.controller.live_job(session_id)
    return job.session.opens if job is not None and job.session is not None else "/"


def _id_of(text: str) -> int:
    found = addresses.session_of_path(f"{addresses.PATH}{text}")
    if found is None:
        raise NotFound(f"no session {shown(text)}, or it is not yours")
    return found
