"""Logging in by OpenID Connect: the browser is sent to the provider, and comes back with a code."""

import asyncio
import html
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api.audit import note
from launchyard.api.context import Context, context_of
from launchyard.api.login import cookies, described
from launchyard.api.login.addresses import local_path
from launchyard.api.login.agents import agent_of
from launchyard.api.login.browser import is_strict
from launchyard.api.query import Query
from launchyard.api.routes.login import address_of, set_login
from launchyard.api.routes.tokens import begin_login
from launchyard.api.tokens import new_login
from launchyard.controller.users import Users
from launchyard.model.errors import LaunchyardError, NotFound, Unauthenticated
from launchyard.model.submission import Caller

if TYPE_CHECKING:
    from launchyard.api.login.oidc import Oidc

START, CALLBACK = "/v1/login/oidc", "/v1/login/oidc/callback"
UID_MIN = 1000
COOKIE = "launchyard-oidc"
COOKIE_S = 600
PAGE = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">\
<meta http-equiv="refresh" content="0; url={next}"><title>Log in</title>
"""

router = APIRouter()


@router.get(START, openapi_extra=described.OIDC)
async def start(request: Request) -> Response:
    context = context_of(request)
    next_page = local_path(Query(request, ("next",)).text("next") or "/")
    oidc = await _oidc(context)
    base = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    url, browser = await oidc.begin(f"{base}{CALLBACK}", next_page)
    response = _led(url)
    name, secure = _cookie(context, request)
    made = cookies.set_cookie(name, browser, secure=secure, max_age_s=COOKIE_S, lax=True)
    response.headers["set-cookie"] = made
    return response


@router.get(CALLBACK, openapi_extra=described.OIDC_BACK)
async def callback(request: Request) -> Response:
    """Comes from the provider's page; what is not of a login that this browser began is refused."""
    context = context_of(request)
    tries, now, key = context.logins.tries, context.services.clock(), ("from", address_of(request))
    name, secure = _cookie(context, request)
    note(request.scope, by="oidc")
    try:
        tries.refuse(key, now)
        browser = cookies.value_of(request.headers.getlist("cookie"), name) or ""
        user, next_page = await (await _oidc(context)).finish(dict(request.query_params), browser)
        note(request.scope, name=user[:100])
        uid = await _uid_of(context, user)
    except LaunchyardError as error:
        if isinstance(error, Unauthenticated):
            tries.failed(key, now)
        note(request.scope, event="refused", code=error.code)
        # A page of the portal says it: nobody asked for JSON here, and no sentence comes from an address.
        return _led(f"/login?refused={error.code}")
    login, secret = new_login(Caller(user=user, uid=uid), agent_of(request.headers), now, None)
    await begin_login(context, login)
    note(request.scope, user=user, made=login.id)
    # Not a redirection: it would still count as another site's, and the login's cookie not be sent.
    response = Response(PAGE.format(next=html.escape(next_page)), 200, _HEADERS, "text/html; charset=utf-8")
    set_login(response, request, secret)
    gone = cookies.set_cookie(name, "", secure=secure, max_age_s=0, lax=True)
    response.headers.append("set-cookie", gone)
    return response


_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


def _led(url: str) -> Response:
    return Response(status_code=303, headers={**_HEADERS, "location": url})


async def _uid_of(context: Context, user: str) -> int:
    """Raises `Unauthenticated` for root, system users and who has no account on this machine."""
    users: Users = context.services.users
    uid, owner = await users.uid_of(user), context.services.owner_uid
    if uid is None or (uid != owner if owner is not None else uid < UID_MIN):
        raise Unauthenticated(
            "you have no account on this machine that may log in here; ask the administrators",
            code="oidc-user",
        )
    return uid


async def _oidc(context: Context) -> "Oidc":
    """Made when it is needed first: what it is made of takes a while to load."""
    settings = context.services.ways.oidc
    if settings is None:
        raise NotFound("nobody logs in here by OpenID Connect; see /login")
    if context.oidc.flow is None:
        module = await asyncio.to_thread(import_module, "launchyard.api.login.oidc")
        context.oidc.flow = context.oidc.flow or module.Oidc(settings, context.services.clock)
    flow: Oidc = context.oidc.flow
    return flow


def _cookie(context: Context, request: Request) -> tuple[str, bool]:
    host = request.headers.get("host", "")
    secure = is_strict(request.scope["scheme"], host, context.services.hosts)
    return cookies.name_of(COOKIE, host, secure=secure), secure
