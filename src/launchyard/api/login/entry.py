"""How a browser that has logged in to the portal comes to a session's own name: by a code, once."""

import html
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import Response

from launchyard.api.context import Context
from launchyard.api.login import cookies
from launchyard.api.login.agents import agent_of
from launchyard.api.login.browser import is_strict
from launchyard.api.login.links import Grant, WrongCode
from launchyard.api.routes.tokens import begin_login
from launchyard.api.tokens import LOGIN_S, new_login
from launchyard.model.errors import Unauthenticated
from launchyard.model.submission import Caller
from launchyard.model.token import Token

ENTER = "/.launchyard/enter"
"""No app has a page there."""
CODE_S = 60
PAGE = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">\
<meta http-equiv="refresh" content="0; url={next}"><title>Session</title>
"""


async def enter(context: Context, scope: Any, headers: Headers, session_id: int, framed_by: str) -> Response:
    """A page that sets the cookies and leads on: a redirection would still count as another site's."""
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    grant = context.logins.crossings.use(asked.get("code", [""])[0], context.services.clock())
    if grant.session_id != session_id:
        raise WrongCode("this link is of another session; open the session from the portal again")
    login = await _login(context, grant, headers)
    value = f"{login.id}.{context.logins.keys.session(login.id, session_id)}"
    page = PAGE.format(next=html.escape(grant.next, quote=True))
    policy = f"default-src 'none'; frame-ancestors {framed_by}"
    told = {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
    }
    response = Response(page, 200, told, "text/html; charset=utf-8")
    host = headers["host"]
    secure = is_strict(scope["scheme"], host, context.services.hosts)
    for kind, framed in ((cookies.SESSION, False), (cookies.FRAME, True)):
        name = cookies.name_of(kind, host, secure=secure)
        cookie = cookies.set_cookie(name, value, secure=secure, max_age_s=int(LOGIN_S), framed=framed)
        response.headers.append("set-cookie", cookie)
    return response


async def _login(context: Context, grant: Grant, headers: Headers) -> Token:
    """The login or token that asked; for whom the unix socket vouched, a login of this browser."""
    if grant.parent is not None:
        found = context.tokens.good(grant.parent)
        if found is None:
            raise Unauthenticated("the login that this link was made with has ended; log in again: ly open")
        return found
    name = f"{agent_of(headers)}, session {grant.session_id}"
    login, _ = new_login(Caller(user=grant.user, uid=grant.uid), name, context.services.clock(), None)
    await begin_login(context, login)
    return login
