"""The gate in front of every route, as plain ASGI: host, origin, credential; and the net behind them.

Whatever is raised leaves as one sentence. What is our own fault is logged with an id and answered with that
id alone: no traceback, path or SQL leaves. Every refusal is an audit record.
"""

import logging
import secrets
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from launchyard.api.access import Needs
from launchyard.api.answers import problem
from launchyard.api.auth import Authenticator, check_host, check_origin
from launchyard.api.connection import connection_of
from launchyard.api.ray_jobs.door import RayDoor, as_sentence
from launchyard.model.errors import LaunchyardError, Unavailable
from launchyard.policy.rights import require

OPEN_PATHS = frozenset({"/v1/health", "/login"})
REFUSALS = frozenset({401, 403, 404, 421, 429})

log = logging.getLogger("launchyard.api")
audit = logging.getLogger("launchyard.audit")


class Guard:
    """Wraps the application."""

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator, hosts: frozenset[str], ray: RayDoor, needs: Needs
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._hosts = hosts
        self._ray = ray
        self._needs = needs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._admit(scope)
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            connection_of(scope).abort()
        except Exception as error:
            known = _answerable(error, scope)
            if begun:
                connection_of(scope).abort()
            else:
                await self._refuse(known, scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        check_host(scope, headers, self._hosts)
        check_origin(headers)
        if self._ray.leads_to(scope["path"]):
            scope["state"]["identity"] = await self._ray.identify(scope, headers)
        elif scope["path"] not in OPEN_PATHS:
            scope["state"]["identity"] = await self._authenticator.identify(scope, headers)
        self._refuse_without_right(scope)

    def _refuse_without_right(self, scope: Scope) -> None:
        """Raises `Forbidden` where the caller's role or credential does not give what the route needs."""
        identity = scope["state"].get("identity")
        if identity is not None:
            require(identity.caller, self._needs(scope))

    async def _refuse(self, error: LaunchyardError, scope: Scope, receive: Receive, send: Send) -> None:
        self._record(error, scope)
        response = self._problem(error, scope)
        if scope["type"] == "http":
            await response(scope, receive, send)
            return
        start = {"type": "websocket.http.response.start", "status": response.status_code}
        await send({**start, "headers": response.raw_headers})
        await send({"type": "websocket.http.response.body", "body": response.body})

    def _record(self, error: LaunchyardError, scope: Scope) -> None:
        if error.status in REFUSALS:
            _record_refusal(error, scope)

    def _problem(self, error: LaunchyardError, scope: Scope) -> Response:
        return as_sentence(error) if self._ray.leads_to(scope["path"]) else problem(error)


def _answerable(error: Exception, scope: Scope) -> LaunchyardError:
    """The error if it was meant for the caller, else one that tells the id under which it is logged."""
    if isinstance(error, LaunchyardError) and (error.status < 500 or isinstance(error, Unavailable)):
        return error
    number = secrets.token_hex(6)
    log.error("error %s in %s", number, _what(scope), exc_info=error)
    return LaunchyardError(
        f"something went wrong in the server; its log has more under {number}", code="internal"
    )


def _record_refusal(error: LaunchyardError, scope: Scope) -> None:
    """Who, what, from where; JSON, so that no name can break out of its line; no query, no header."""
    identity = scope["state"].get("identity")
    peer = connection_of(scope).peer
    record: dict[str, Any] = {
        "event": "refused",
        "status": error.status,
        "code": error.code,
        "user": None if identity is None else identity.caller.user,
        "token": None if identity is None else identity.token_id,
        "from": f"uid {peer.uid} pid {peer.pid}" if peer is not None else _address(scope),
        "request": _what(scope),
    }
    audit.info("%s", msgspec.json.encode(record).decode())


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else "unknown"


def _what(scope: Scope) -> str:
    path: str = scope["path"]
    shown = "".join(c if c.isprintable() else "?" for c in path[:200])
    return f"{scope.get('method', 'WEBSOCKET')} {shown}"
