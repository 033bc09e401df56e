"""The way in for Ray's clients: which paths are theirs, who asks there, and how they are told an error.

A token comes as `Authorization: Bearer TOKEN`, as `X-Ray-Authorization` (a proxy took the first away) or as
the cookie `ray-authentication-token`. Ray's clients print the body of an error as it is: one sentence.
"""

import asyncio
import os
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from launchyard.api.answers import problem, raw
from launchyard.api.auth import Authenticator, Identity, browser_like
from launchyard.api.connection import connection_of
from launchyard.loopback import peer_uid
from launchyard.model.errors import Forbidden, LaunchyardError, Unauthenticated
from launchyard.model.rayapi import RayApiSettings

ROOT = "/api/"
COOKIE = "ray-authentication-token"
OPEN = frozenset({"/api/authentication_mode"})

_TOKEN_HEADERS = ("authorization", "x-ray-authorization")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Who speaks for somebody else says so."""
_HOW = 'run eval "$(ly ray env)", which gives Ray\'s clients what they need'


class RayDoor:
    """Stands where the guard stands for all other paths."""

    def __init__(self, authenticator: Authenticator, settings: RayApiSettings) -> None:
        self._authenticator = authenticator
        self._settings = settings

    def leads_to(self, path: str) -> bool:
        return is_ray_path(path, self._settings.prefix)

    async def identify(self, scope: Scope, headers: Headers) -> Identity | None:
        """None where everybody may ask. Raises `Unauthenticated` or `Forbidden`."""
        path: str = scope["path"]
        if path in OPEN or path.removeprefix(self._settings.prefix) in OPEN:
            return None
        presented = authorization(headers)
        if not presented and connection_of(scope).peer is None:
            return await self._anonymous(scope, headers)
        try:
            return await self._authenticator.identify_by(scope, presented)
        except Unauthenticated as error:
            # As Ray answers it: 401 is for those who sent none.
            raise Forbidden(f"Forbidden: Invalid authentication token ({error}); {_HOW}") from None

    async def _anonymous(self, scope: Scope, headers: Headers) -> Identity:
        """Whom the configuration names, for a program that the server's own user runs on this machine."""
        uid = self._settings.anonymous_uid
        if uid is None and any(headers.get(name) for name in _TOKEN_HEADERS):
            raise Forbidden(
                f"Forbidden: Invalid authentication token (it does not begin with Bearer); {_HOW}"
            )
        if uid is None:
            raise Unauthenticated(f"Unauthorized: Missing authentication token; {_HOW}")
        if browser_like(headers) or any(name in headers for name in _FORWARDED):
            raise Unauthenticated(
                f"Unauthorized: Missing authentication token; pages and proxies always need one: {_HOW}"
            )
        if await asyncio.to_thread(peer_uid, scope["client"], scope["server"]) != os.geteuid():
            raise Unauthenticated(
                f"Unauthorized: Missing authentication token; only programs of the server's own user on its "
                f"own machine need none: {_HOW}"
            )
        return await self._authenticator.of_user(uid)


def is_ray_path(path: str, prefix: str) -> bool:
    """`/api/...`, or the same below the prefix."""
    return path.startswith(ROOT) or (bool(prefix) and path.startswith(prefix + ROOT))


def as_sentence(error: LaunchyardError) -> Response:
    """The error as Ray's clients show it."""
    answered = problem(error)
    headers = {name: value for name, value in answered.headers.items() if not name.startswith("content-")}
    return raw(str(error).encode(), "text/plain; charset=utf-8", error.status, headers)


def authorization(headers: Headers) -> str:
    """What is presented, as an Authorization header would say it; empty: nothing."""
    for name in _TOKEN_HEADERS:
        # Headers that people give Ray's clients for other servers on the way are no tokens of ours.
        given = headers.get(name, "")
        if given.partition(" ")[0].lower() == "bearer":
            return given
    token = cookie(headers)
    return f"Bearer {token}" if token else ""


def cookie(headers: Headers) -> str:
    """The token in the cookie of Ray's dashboard."""
    try:
        found = SimpleCookie(headers.get("cookie", "")[:8192]).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
