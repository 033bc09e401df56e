"""The gate of sessions: at a name of its own each, and below `/session/ID/` of the portal.

At its own name a session is another origin than the portal, so what its pages do there is not done as the
portal's user. A browser gets there by a one-time code, which the portal asks for; from then on a cookie of
that name vouches for it, as long as the login that asked is good. No credential of the API counts there.
"""

import html

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from launchyard.api.answers import problem
from launchyard.api.auth import Authenticator, Identity, check_origin, host_name
from launchyard.api.carrying import Carrier
from launchyard.api.connection import connection_of
from launchyard.api.context import Context
from launchyard.api.guard import Guard
from launchyard.api.login import addresses, cookies
from launchyard.api.login.browser import is_secure
from launchyard.api.login.entry import ENTER, enter
from launchyard.api.login.keys import same
from launchyard.api.ray_jobs.door import RayDoor
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError, NotFound, Unauthenticated

READS = frozenset({"GET", "HEAD"})
PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">\
<meta name="color-scheme" content="light dark"><title>{title}</title>
<p>{sentence}</p><p><a href="{href}" target="_top">{link}</a></p>
"""
_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class SessionNames(Guard):
    """Serves what is asked at the names of sessions, and nothing else."""

    def __init__(
        self, context: Context, carrier: Carrier, authenticator: Authenticator, ray: RayDoor
    ) -> None:
        super().__init__(self._serve, authenticator, context.services.hosts, ray)
        self._context = context
        self._carrier = carrier

    def leads_to(self, scope: Scope) -> bool:
        """Whether this request came by the name of a session."""
        for name, value in scope["headers"]:
            if name == b"host":
                host = host_name(value.decode("latin-1"))
                return addresses.session_of_host(host, self._hosts) is not None
        return False

    async def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1:
            raise Invalid("the Host header is not understood")
        _check_site(scope, headers)
        if scope["path"] != ENTER:
            scope["state"]["identity"] = await self._identify(scope, headers)

    async def _identify(self, scope: Scope, headers: Headers) -> Identity:
        if connection_of(scope).peer is not None:
            return await self._authenticator.identify_by(scope, "")
        host, session_id = headers["host"], _session_of(headers, self._hosts)
        secure = is_secure(scope)
        for kind in (cookies.SESSION, cookies.FRAME):
            name = cookies.name_of(kind, host, secure=secure)
            login_id, _, shown = (cookies.value_of(headers.getlist("cookie"), name) or "").partition(".")
            login = self._context.tokens.good(login_id)
            if login is not None and same(shown, self._context.logins.keys.session(login.id, session_id)):
                return await self._authenticator.of_token(login)
        raise Unauthenticated("this browser is not let in to the session; open it from the portal")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        session_id = _session_of(headers, self._hosts)
        framed_by = addresses.portals_of(scope["scheme"], headers["host"], self._hosts)
        if scope["path"] == ENTER:
            if scope["type"] != "http" or scope["method"] != "GET":
                raise NotFound("there is nothing here")
            response = await enter(self._context, scope, headers, session_id, framed_by)
            await response(scope, receive, send)
            return
        await self._carrier.carry(scope, receive, send, session_id, sandboxed=False, framed_by=framed_by)

    async def _refuse(self, error: LaunchyardError, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["type"] != "http" or "text/html" not in headers.get("accept", ""):
            await super()._refuse(error, scope, receive, send)
            return
        self._record(error, scope)
        response = _page(error, scope, headers, self._hosts)
        await response(scope, receive, send)

    def _problem(self, error: LaunchyardError, scope: Scope) -> Response:
        return problem(error)


class SessionPaths:
    """Serves sessions below `/session/ID/` of the portal, to whom the portal's gate has let in."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session_id = addresses.session_of_path(scope["path"])
        if session_id is None:
            raise NotFound("there is no such session, or it is not yours")
        await self._carrier.carry(scope, receive, send, session_id, sandboxed=True, framed_by="'self'")


def _check_site(scope: Scope, headers: Headers) -> None:
    """Only the session's own pages may ask; others may lead a browser to the entry, with a code."""
    if scope["path"] == ENTER and scope.get("method") == "GET":
        return
    reads = scope["type"] == "http" and scope["method"] in READS
    if not reads and connection_of(scope).peer is None and "origin" not in headers:
        raise Forbidden("a page of the session must ask for this; none is named")
    check_origin(headers)


def _session_of(headers: Headers, hosts: frozenset[str]) -> int:
    found = addresses.session_of_host(host_name(headers["host"]), hosts)
    if found is None:
        raise NotFound("there is no such session, or it is not yours")
    return found


def _page(error: LaunchyardError, scope: Scope, headers: Headers, hosts: frozenset[str]) -> Response:
    """The same sentence for a person, with a way back to the portal."""
    host = headers.get("host", "")
    session_id = addresses.session_of_host(host_name(host), hosts)
    portal = addresses.portal_of(scope["scheme"], host, hosts)
    text = PAGE.format(
        title="Session",
        sentence=html.escape(f"{str(error)[:1].upper()}{str(error)[1:]}."),
        href=html.escape(f"{portal}/sessions/{session_id}"),
        link="Open it from the portal",
    )
    framed_by = addresses.portals_of(scope["scheme"], host, hosts)
    policy = f"default-src 'none'; frame-ancestors {framed_by}"
    return Response(
        text, error.status, {**_HEADERS, "content-security-policy": policy}, "text/html; charset=utf-8"
    )


class SessionDoors:
    """Both ways to sessions, as one application."""

    def __init__(self, names: SessionNames, paths: ASGIApp) -> None:
        self._names = names
        self._paths = paths

    def lead_to(self, scope: Scope) -> bool:
        if scope["type"] == "lifespan":
            return False
        path: str = scope["path"]
        return path.startswith(addresses.PATH) or self._names.leads_to(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = self._names.leads_to(scope)
        await (self._names if named else self._paths)(scope, receive, send)
