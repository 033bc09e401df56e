"""The gate in front of every route, as plain ASGI: host, origin, credential; and the net behind them.

Whatever is raised leaves as one sentence. What is our own fault is logged with an id and answered with that
id alone: no traceback, path or SQL leaves. What changes something is on record, and so is every refusal.
"""

import logging
import secrets
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from launchyard.api.access import Needs
from launchyard.api.answers import problem
from launchyard.api.audit import Recorder, what
from launchyard.api.auth import Authenticator, check_host, check_origin
from launchyard.api.connection import connection_of
from launchyard.api.ray_jobs.door import RayDoor, as_sentence
from launchyard.model.errors import LaunchyardError, Unavailable
from launchyard.policy.rights import require

FROM_PROVIDER = "/v1/login/oidc/callback"
"""Browsers are led there by a page of the provider, which has another origin."""
OPEN_PATHS = frozenset({"/v1/health", "/login", "/v1/login-ways", "/v1/login/oidc", FROM_PROVIDER})
BEGINNINGS = frozenset({"http.response.start", "websocket.http.response.start"})

Refusal = Callable[[Exception, Scope], ASGIApp]
"""What answers in place of what could not be done."""

log = logging.getLogger("launchyard.api")


class Guard:
    """Wraps the application."""

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        hosts: frozenset[str],
        ray: RayDoor,
        needs: Needs,
        recorder: Recorder,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._hosts = hosts
        self._ray = ray
        self._needs = needs
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            if not begun and (status := _status(message)) is not None:
                self._recorder.answered(scope, status)
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
        if scope["path"] != FROM_PROVIDER or scope.get("method") != "GET":
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

    def refusal(self, error: Exception, scope: Scope) -> ASGIApp:
        """Answers a request that was let in, and then could not be served."""

        async def refuse(_: Scope, receive: Receive, send: Send) -> None:
            await self._refuse(_answerable(error, scope), scope, receive, send)

        return refuse

    async def _refuse(self, error: LaunchyardError, scope: Scope, receive: Receive, send: Send) -> None:
        self._recorder.refused(scope, error)
        response = self._problem(error, scope)
        if scope["type"] == "http":
            await response(scope, receive, send)
            return
        start = {"type": "websocket.http.response.start", "status": response.status_code}
        await send({**start, "headers": response.raw_headers})
        await send({"type": "websocket.http.response.body", "body": response.body})

    def _problem(self, error: LaunchyardError, scope: Scope) -> Response:
        return as_sentence(error) if self._ray.leads_to(scope["path"]) else problem(error)


def _status(message: Message) -> int | None:
    """With what an answer begins."""
    if message["type"] in BEGINNINGS:
        status: int = message["status"]
        return status
    return 101 if message["type"] == "websocket.accept" else None


def _answerable(error: Exception, scope: Scope) -> LaunchyardError:
    """The error if it was meant for the caller, else one that tells the id under which it is logged."""
    if isinstance(error, LaunchyardError) and (error.status < 500 or isinstance(error, Unavailable)):
        return error
    number = secrets.token_hex(6)
    log.error("error %s in %s", number, what(scope), exc_info=error)
    return LaunchyardError(
        f"something went wrong in the server; its log has more under {number}", code="internal"
    )
