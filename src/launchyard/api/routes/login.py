"""Logging in and out of browsers, and who the caller is.

A one-time link is told to somebody who is known already (`ly open`); its page posts the code, and the answer
sets the cookie. The cookie's secret is another one after each login, and every hour.
"""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard import __version__
from launchyard.api.answers import answer
from launchyard.api.audit import note
from launchyard.api.auth import host_name, identity_of
from launchyard.api.body import read_as
from launchyard.api.connection import connection_of
from launchyard.api.context import Context, context_of
from launchyard.api.login import cookies, described
from launchyard.api.login.addresses import local_path, session_host
from launchyard.api.login.agents import agent_of
from launchyard.api.login.browser import is_strict
from launchyard.api.login.links import Grant
from launchyard.api.query import Query
from launchyard.api.routes.tokens import begin_login, end_token, token_json
from launchyard.api.tokens import LOGIN_S, RENEW_S, new_login, renewed
from launchyard.model.errors import Conflict, Invalid, LaunchyardError, Unauthenticated
from launchyard.model.number import shown
from launchyard.model.role import Role
from launchyard.model.submission import Caller
from launchyard.model.token import BROWSER, Token
from launchyard.policy.rights import rights_of
from launchyard.wire.login import LogIn, NewLoginLink

LINK_S = 600

router = APIRouter()


@router.post("/v1/login-links", openapi_extra=described.LINK)
async def make_link(request: Request) -> Response:
    context, identity = context_of(request), identity_of(request.scope)
    body = await read_as(NewLoginLink, request)
    grant = Grant(
        uid=identity.caller.uid,
        user=identity.caller.user,
        parent=identity.token_id,
        next=local_path(body.next),
    )
    code = context.logins.links.make(grant, context.services.clock(), LINK_S)
    return answer({"url": f"{base_of(context, request)}/login#{code}", "expires_in_s": LINK_S}, 201)


@router.post("/login", openapi_extra=described.LOG_IN)
async def log_in(request: Request) -> Response:
    context = context_of(request)
    form = await read_as(LogIn, request)
    note(request.scope, by=form.provider[:100], name=form.user[:100])
    grant = await _proved(context, request, form)
    caller = Caller(user=grant.user, uid=grant.uid)
    now = context.services.clock()
    if grant.parent is not None and context.tokens.good(grant.parent) is None:
        raise Unauthenticated("what this link was made with was revoked; take a new one: ly open")
    login, secret = new_login(caller, agent_of(request.headers), now, grant.parent)
    await begin_login(context, login)
    note(request.scope, user=login.user, made=login.id)
    response = answer({"next": grant.next})
    set_login(response, request, secret)
    return response


@router.get("/v1/login-ways", openapi_extra=described.WAYS)
async def ways(request: Request) -> Response:
    """What the login page offers, so it tells nothing that the page does not."""
    Query(request, ())
    offered = context_of(request).services.ways
    title = None if offered.oidc is None else offered.oidc.title
    return answer({"password": offered.passwords is not None, "oidc": title})


@router.post("/logout", openapi_extra=described.LOG_OUT)
async def log_out(request: Request) -> Response:
    context, identity = context_of(request), identity_of(request.scope)
    Query(request, ())
    if not identity.browser or identity.token_id is None:
        raise Invalid("only a browser logs out; a token is revoked by `ly token revoke ID`")
    login = context.tokens.get(identity.token_id)
    if login is None:
        raise Unauthenticated("the login has ended already")
    ended = await end_token(context, _first(context, login))
    response = answer(token_json(ended))
    _set_cookie(response, request, "", 0)
    return response


@router.get("/v1/me", openapi_extra=described.ME)
async def me(request: Request) -> Response:
    context, identity = context_of(request), identity_of(request.scope)
    Query(request, ())
    login = context.tokens.get(identity.token_id) if identity.browser and identity.token_id else None
    services, caller = context.services, identity.caller
    response = answer(
        {
            "user": caller.user,
            "uid": caller.uid,
            "admin": caller.role is Role.ADMINISTRATOR,
            "role": caller.role,
            "coordinates": list(caller.coordinates),
            "rights": sorted(rights_of(caller)),
            "mode": "machine" if services.owner_uid is None else "one-user",
            "cluster": services.slurm.cluster,
            "version": __version__,
            "hosts": sorted(services.hosts),
            "session_host": _session_host(context, request),
            "last_event": context.events.last_id,
            "csrf": None if login is None else context.logins.keys.csrf(login.id),
            "login": None if login is None else _login_json(login),
        }
    )
    if login is not None:
        await _renew(context, request, response, login)
    return response


async def _proved(context: Context, request: Request, form: LogIn) -> Grant:
    """Failures are counted by address and by whom they are for; what succeeds is never counted."""
    provider = context.logins.providers.get(form.provider)
    if provider is None:
        known = ", ".join(context.logins.providers)
        raise Invalid(f"there is no way to log in called {shown(form.provider)}; there is: {known}")
    tries, now = context.logins.tries, context.services.clock()
    keys = [("from", address_of(request))]
    keys += [("for", subject[:100])] if (subject := provider.subject(form)) else []
    if provider.guessable:
        for key in keys:
            tries.refuse(key, now)
    try:
        return await provider.prove(form, now, address_of(request))
    except Unauthenticated:
        for key in keys:
            tries.refuse(key, now)
            tries.failed(key, now)
        raise


def _first(context: Context, login: Token) -> Token:
    """The login by which this one was made, where a page went on to another name of ours with it."""
    above = context.tokens.good(login.parent) if login.parent is not None else None
    return _first(context, above) if above is not None and above.kind == BROWSER else login


async def _renew(context: Context, request: Request, response: Response, login: Token) -> None:
    """Another secret, once it is durable; where it cannot be, the old one goes on."""
    now = context.services.clock()
    if login.renewed_at is None or now - login.renewed_at < RENEW_S:
        return
    fresh, secret = renewed(login, now)
    context.tokens.put(fresh)
    try:
        await context.services.controller.keep_token(fresh)
    except LaunchyardError:
        context.tokens.put(login)
        return
    _set_cookie(response, request, secret, int((login.expires_at or now) - now))


def set_login(response: Response, request: Request, secret: str) -> None:
    """The browser is logged in by this answer."""
    _set_cookie(response, request, secret, int(LOGIN_S))


def _set_cookie(response: Response, request: Request, secret: str, max_age_s: int) -> None:
    host = request.headers.get("host", "")
    secure = is_strict(request.scope["scheme"], host, context_of(request).services.hosts)
    name = cookies.name_of(cookies.PORTAL, host, secure=secure)
    response.headers["set-cookie"] = cookies.set_cookie(name, secret, secure=secure, max_age_s=max_age_s)


def _login_json(login: Token) -> dict[str, Any]:
    told = token_json(login)
    return {key: told[key] for key in ("id", "name", "created_at", "expires_at")}


def base_of(context: Context, request: Request) -> str:
    """The address under which the caller reaches us; by the unix socket, where we listen."""
    if connection_of(request.scope).peer is None:
        # A page of ours says where it is from, and a proxy before us may speak TLS.
        return (
            request.headers.get("origin") or f"{request.scope['scheme']}://{request.headers.get('host', '')}"
        )
    url = str(context.services.status().get("url", ""))
    if not url:
        raise Conflict("this server does not listen for browsers")
    return url


def _session_host(context: Context, request: Request) -> str | None:
    """Where sessions are shown to whoever reaches us as this request did."""
    host = request.headers.get("host", "")
    return session_host(host, host_name(host), context.services.hosts)


def address_of(request: Request) -> str:
    """From where somebody tries to log in."""
    peer = connection_of(request.scope).peer
    if peer is not None:
        return f"uid {peer.uid}"
    return request.client.host if request.client is not None else ""
