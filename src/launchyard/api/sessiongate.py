"""The gate of sessions: at a name of its own each, and below `/session/ID/` of the portal.

At its own name a session is another origin than the portal, so what its pages do there is not done as the
portal's user. A browser gets there by a one-time code, which the portal asks for; from then on a cookie of
that name vouches for it, as long as the login that asked is good. No credential of the API counts there.
"""

import html
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from launchyard.api.access import enters
from launchyard.api.answers import problem
from launchyard.api.audit import Recorder
from launchyard.api.auth import Authenticator, Identity, check_origin, host_name, identity_of
from launchyard.api.carrying import Before, Carrier, Said
from launchyard.api.connection import connection_of
from launchyard.api.context import Context
from launchyard.api.guard import Guard
from launchyard.api.login import addresses, cookies
from launchyard.api.login.browser import is_strict
from launchyard.api.login.entry import ENTER, enter
from launchyard.api.login.keys import same
from launchyard.api.ray_jobs.door import RayDoor
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError, NotFound, Unauthenticated
from launchyard.model.token import Token
from launchyard.policy.rights import require

READS = frozenset({"GET", "HEAD"})
FROM_HERE = frozenset({b"none", b"same-origin"})
SAID = frozenset({b"host", b"cookie", b"origin", b"sec-fetch-site"})
KNOWN_MAX = 4096
KNOWN_S = 30.0
KNOWN_MAX_BYTES = 2048
HOST_MAX_BYTES = 300
PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">\
<meta name="color-scheme" content="light dark"><title>{title}</title>
<p>{sentence}</p><p><a href="{href}" target="_top">{link}</a></p>
"""
_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A session's own name: its origin, whose pages may frame it, which cookies let in."""

    session_id: int
    framed_by: str
    origin: bytes
    cookies: tuple[str, ...]


class Known(NamedTuple):
    """Who showed some cookies a moment ago; good as long as the login is the same."""

    login: Token
    identity: Identity
    until: float


class SessionNames(Guard):
    """Serves what is asked at the names of sessions, and nothing else."""

    def __init__(
        self,
        context: Context,
        carrier: Carrier,
        authenticator: Authenticator,
        ray: RayDoor,
        recorder: Recorder,
    ) -> None:
        super().__init__(self._serve, authenticator, context.services.hosts, ray, enters, recorder)
        self._context = context
        self._carrier = carrier
        self._known: OrderedDict[tuple[bytes, bytes], Known] = OrderedDict()
        """By the origin and the cookies."""

    def leads_to(self, scope: Scope) -> bool:
        """Whether this request came by the name of a session; then its state says which."""
        for name, value in scope["headers"]:
            if name == b"host":
                # What is remembered by it must not be as long as somebody likes.
                if len(value) > HOST_MAX_BYTES:
                    return False
                place = place_of(value, scope["scheme"], self._hosts)
                if place is not None:
                    scope["state"]["session"] = place
                return place is not None
        return False

    def carry_at_once(self, scope: Scope) -> bool:
        """Have a request carried without waiting, if who asks was found out a moment ago.

        What speaks against that, or goes wrong, is for the whole way to find once more, and to say.
        """
        connection = connection_of(scope)
        if scope["path"] == ENTER or connection.peer is not None:
            return False
        before: Before | None = connection.before
        said = scope["method"], scope["scheme"], scope["client"], scope["headers"]
        try:
            if before is None or before.said != said:
                before = self._examined(scope, said)
            if before is not None and not self._is_good(before):
                before = None
            connection.before = before
            if before is None:
                return False
            scope["state"]["identity"] = before.identity
            return self._carrier.carry_at_once(scope, before, self.refusal)
        except Exception:
            return False

    def _examined(self, scope: Scope, said: Said) -> Before | None:
        """Where it goes and who asks, if that is known. Raises `LaunchyardError` for what is not let in."""
        if not self.leads_to(scope):
            return None
        place: Place = scope["state"]["session"]
        words = _said(scope)
        _check_site(scope, place, words)
        known = self._known.get((place.origin, words.get(b"cookie", b"")))
        if known is None:
            return None
        require(known.identity.caller, enters(scope))
        return Before(
            said=said,
            session_id=place.session_id,
            framed_by=place.framed_by,
            login=known.login,
            identity=known.identity,
            until=known.until,
        )

    def _is_good(self, known: Known | Before) -> bool:
        """Whether the login is still the same, and good."""
        return time.monotonic() < known.until and self._context.tokens.good(known.login.id) is known.login

    async def _admit(self, scope: Scope) -> None:
        place: Place = scope["state"]["session"]
        said = _said(scope)
        _check_site(scope, place, said)
        if scope["path"] != ENTER:
            scope["state"]["identity"] = await self._identify(scope, place, said.get(b"cookie", b""))
            self._refuse_without_right(scope)

    async def _identify(self, scope: Scope, place: Place, given: bytes) -> Identity:
        if connection_of(scope).peer is not None:
            return await self._authenticator.identify_by(scope, "")
        known = self._known.get((place.origin, given))
        if known is not None and self._is_good(known):
            return known.identity
        login = self._login(place, given.decode("latin-1"))
        identity = await self._authenticator.of_token(login)
        if len(given) <= KNOWN_MAX_BYTES:
            self._known[place.origin, given] = Known(login, identity, time.monotonic() + KNOWN_S)
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return identity

    def _login(self, place: Place, given: str) -> Token:
        """The login whose cookie this is, made for this session. Raises `Unauthenticated`."""
        for name in place.cookies:
            login_id, _, shown = (cookies.value_of([given], name) or "").partition(".")
            login = self._context.tokens.good(login_id)
            if login is not None:
                expected = self._context.logins.keys.session(login.id, place.session_id)
                if same(shown, expected):
                    return login
        raise Unauthenticated("this browser is not let in to the session; open it from the portal")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        place: Place = scope["state"]["session"]
        if scope["path"] != ENTER:
            await self._carrier.carry(
                scope, receive, send, place.session_id, sandboxed=False, framed_by=place.framed_by
            )
            return
        if scope["type"] != "http" or scope["method"] != "GET":
            raise NotFound("there is nothing here")
        headers = Headers(scope=scope)
        response = await enter(self._context, scope, headers, place.session_id, place.framed_by)
        await response(scope, receive, send)

    async def _refuse(self, error: LaunchyardError, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["type"] != "http" or "text/html" not in headers.get("accept", ""):
            await super()._refuse(error, scope, receive, send)
            return
        self._recorder.refused(scope, error)
        response = _page(error, scope, headers, self._hosts)
        await response(scope, receive, send)

    def _problem(self, error: LaunchyardError, scope: Scope) -> Response:
        return problem(error)


class SessionPaths:
    """Serves sessions below `/session/ID/` of the portal, to whom the portal's gate has let in."""

    def __init__(self, carrier: Carrier, hosts: frozenset[str]) -> None:
        self._carrier = carrier
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session_id = addresses.session_of_path(scope["path"])
        if session_id is None:
            raise NotFound("there is no such session, or it is not yours")
        if self._is_somebody_going_there(scope):
            # Where it has a name of its own, nobody is to be shown it in a sandbox.
            response = Response(status_code=303, headers={**_HEADERS, "location": f"/sessions/{session_id}"})
            await response(scope, receive, send)
            return
        await self._carrier.carry(scope, receive, send, session_id, sandboxed=True, framed_by="'self'")

    def _is_somebody_going_there(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET" or not identity_of(scope).browser:
            return False
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        named = addresses.session_host(host, host_name(host), self._hosts) is not None
        return named and headers.get("sec-fetch-dest") == "document"


def _said(scope: Scope) -> dict[bytes, bytes]:
    """What a browser says of where a request goes, and where it comes from. Raises `Invalid`."""
    said: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in SAID:
            if name in said and name != b"cookie":
                raise Invalid(f"the header {name.decode()} stands there twice")
            said[name] = said[name] + b"; " + value if name in said else value
    return said


def _check_site(scope: Scope, place: Place, said: Mapping[bytes, bytes]) -> None:
    """Only the session's own pages may ask; others may lead a browser to the entry, with a code."""
    if scope["path"] == ENTER and scope.get("method") == "GET":
        return
    reads = scope["type"] == "http" and scope["method"] in READS
    if not reads and connection_of(scope).peer is None and b"origin" not in said:
        raise Forbidden("a page of the session must ask for this; none is named")
    own = said.get(b"origin", place.origin) == place.origin
    if not own or said.get(b"sec-fetch-site", b"none") not in FROM_HERE:
        check_origin(Headers(scope=scope))


@lru_cache(maxsize=4096)
def place_of(host: bytes, scheme: str, hosts: frozenset[str]) -> Place | None:
    """Where a request is that names this host; None: at no session's name."""
    text = host.decode("latin-1")
    session_id = addresses.session_of_host(host_name(text), hosts)
    if session_id is None:
        return None
    web = "https" if scheme in ("https", "wss") else "http"
    strict = is_strict(scheme, text, hosts)
    return Place(
        session_id=session_id,
        framed_by=addresses.portals_of(scheme, text, hosts),
        origin=f"{web}://{text}".encode("latin-1"),
        cookies=tuple(
            cookies.name_of(kind, text, secure=strict) for kind in (cookies.SESSION, cookies.FRAME)
        ),
    )


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
        return self._names.leads_to(scope) or path.startswith(addresses.PATH)

    def carry_at_once(self, scope: Scope) -> bool:
        """See `SessionNames`: at the portal's own address nothing is."""
        return self._names.carry_at_once(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = "session" in scope["state"]
        await (self._names if named else self._paths)(scope, receive, send)
