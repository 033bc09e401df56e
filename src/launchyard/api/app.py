"""The application: routes behind the gate, and what lives as long as they do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from launchyard.api import packages
from launchyard.api.access import Needed, enters
from launchyard.api.answers import answer, problem
from launchyard.api.audit import Recorder, to_log
from launchyard.api.auth import Authenticator, is_our_name
from launchyard.api.carrying import Carrier
from launchyard.api.context import Context
from launchyard.api.durable import Durable
from launchyard.api.events import EventHub
from launchyard.api.guard import Guard
from launchyard.api.login.browser import Browsers
from launchyard.api.metrics import Metrics
from launchyard.api.openapi import document
from launchyard.api.ray_jobs import routes as ray_routes
from launchyard.api.ray_jobs import tail as ray_tail
from launchyard.api.ray_jobs.door import RayDoor, as_sentence, is_ray_path
from launchyard.api.routes import (
    accounting,
    acts,
    apps,
    associations,
    cluster,
    crontabs,
    debugging,
    efficiency,
    events,
    files,
    joblist,
    jobs,
    login,
    logs,
    logsearch,
    many,
    messages,
    metrics,
    nodes,
    notebooks,
    oidc,
    opening,
    operating,
    reservations,
    rules,
    series,
    sessions,
    shells,
    slurm,
    status,
    steps,
    steptable,
    tables,
    tasks,
    terminal,
    timeline,
    tokens,
    triggers,
    uploads,
)
from launchyard.api.services import Services
from launchyard.api.sessiongate import SessionDoors, SessionNames, SessionPaths
from launchyard.api.stream import Closing
from launchyard.api.tending import tended
from launchyard.api.tokens import TokenTable
from launchyard.model.errors import LaunchyardError
from launchyard.model.number import shown
from launchyard.portal.serve import Portal

Handler = Callable[[Request], Awaitable[Response]]

_ROUTERS = [
    part.router
    for part in (
        jobs,
        acts,
        associations,
        crontabs,
        triggers,
        efficiency,
        series,
        tasks,
        timeline,
        logsearch,
        logs,
        many,
        messages,
        metrics,
        nodes,
        notebooks,
        reservations,
        rules,
        events,
        status,
        steps,
        steptable,
        joblist,
        tables,
        cluster,
        slurm,
        accounting,
        tokens,
        login,
        oidc,
        opening,
        apps,
        sessions,
        debugging,
        terminal,
        files,
        uploads,
        shells,
        operating,
        packages,
        ray_routes,
        ray_tail,
    )
]

OF_RAY = (ray_routes, ray_tail, packages)
"""Served below a prefix too."""


def create_app(services: Services, *, heartbeat_s: float = 15.0) -> "Application":
    """Everything under `/v1`, and `/openapi.json`. To be served by `api.server.serve`, which knows peers."""
    tokens = TokenTable(clock=services.clock)
    context = Context(services, tokens, Closing(tokens), EventHub(heartbeat_s=heartbeat_s))
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        exception_handlers={HTTPException: _no_such_route},
    )
    app.state.context = context
    for router in _ROUTERS:
        app.include_router(router)
    for part in OF_RAY if services.ray.prefix else ():
        app.include_router(part.router, prefix=services.ray.prefix, include_in_schema=False)
    app.add_api_route("/openapi.json", _openapi, include_in_schema=False)
    browsers = Browsers(tokens, context.logins.keys, services.hosts)
    rules = services.controller.administration
    authenticator = Authenticator(services.users, tokens, services.owner_uid, lambda: rules.rules, browsers)
    door = RayDoor(authenticator, services.ray)
    at_gate = partial(Guard, authenticator=authenticator, hosts=services.hosts, ray=door)
    audit = services.operating.record if services.operating is not None else to_log
    ours, of_apps = Recorder(audit, services.clock), Recorder(audit, services.clock, of_apps=True)
    guard = partial(at_gate, needs=Needed(_routes(services.ray.prefix)), recorder=ours)
    app.add_middleware(Durable, controller=services.controller)
    app.add_middleware(guard)
    is_ours = partial(is_our_name, hosts=services.hosts)
    portal = Portal(is_ours, reserved=(services.ray.prefix,), hosts=services.hosts)
    carrier = app.state.carrier = Carrier(context)
    names = SessionNames(context, carrier, authenticator, door, of_apps)
    doors = SessionDoors(
        names, at_gate(SessionPaths(carrier, services.hosts), needs=enters, recorder=of_apps)
    )
    return Application(
        app, guard, portal, doors, hot={("POST", "/v1/jobs"): jobs.submit}, metrics=services.metrics
    )


def _routes(prefix: str) -> Iterator[tuple[str, BaseRoute]]:
    """All routes behind the gate, each with the prefix that it is served below."""
    yield "", APIRoute("/openapi.json", _openapi)
    yield from (("", route) for router in _ROUTERS for route in router.routes)
    if prefix:
        yield from ((prefix, route) for part in OF_RAY for route in part.router.routes)


class Application:
    """What is served: sessions, the portal to all, the routes and the `hot` ones behind the gate.

    The hot ones are exact paths, asked so often that the framework's own work would be half of theirs.
    They are ordinary routes too, for the OpenAPI document and the answer to a wrong method.
    """

    def __init__(
        self,
        routes: FastAPI,
        guard: Callable[[ASGIApp], Guard],
        portal: Portal,
        sessions: SessionDoors,
        hot: Mapping[tuple[str, str], Handler],
        metrics: Metrics | None = None,
    ) -> None:
        self._routes = routes
        self._portal = portal
        self._sessions = sessions
        self._guarded = guard(self._answer)
        self._hot = hot
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._sessions.lead_to(scope):
            await self._sessions(scope, receive, send)
            return
        if self._portal.serves(scope):
            await self._portal(scope, receive, send)
            return
        if self._metrics is not None and scope["type"] == "http":
            if self._metrics.open_to(scope):
                await self._metrics.response()(scope, receive, send)
                return
            send = self._metrics.timed(scope, send)
        hot = scope["type"] == "http" and (scope["method"], scope["path"]) in self._hot
        await (self._guarded if hot else self._routes)(scope, receive, send)

    def carry_at_once(self, scope: Scope) -> bool:
        """Whether this request is on its way to a session already."""
        return self._sessions.carry_at_once(scope)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._routes
        handler = self._hot[scope["method"], scope["path"]]
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    def close_streams(self) -> None:
        """End what would otherwise go on for ever: event streams, followed logs, terminals."""
        context: Context = self._routes.state.context
        context.closing.close()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: Context = app.state.context
    for token in await context.read(context.services.store.tokens):
        context.tokens.put(token)
    end = context.services.controller.watch(context.tell)
    end_sessions = context.services.controller.sessions.watch(context.events.tell_session)
    end_nodes = context.services.controller.watch_nodes(context.events.tell_node)
    try:
        async with tended(context):
            yield
    finally:
        end()
        end_sessions()
        end_nodes()
        await app.state.carrier.close()
        context.readers.shutdown(wait=False, cancel_futures=True)


async def _openapi(request: Request) -> Response:
    app: FastAPI = request.app
    context: Context = app.state.context
    return answer(await context.read(lambda: document(app, app.routes)))


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = shown(request.url.path)
    if status == 405:
        sentence = f"{request.method} is not possible at {path}; see /openapi.json"
    else:
        sentence = f"there is nothing at {path}; see /openapi.json"
    refused = LaunchyardError(sentence, code="no-such-method" if status == 405 else "no-such-route")
    refused.status = status
    context: Context = request.app.state.context
    of_ray = is_ray_path(request.url.path, context.services.ray.prefix)
    response = as_sentence(refused) if of_ray else problem(refused)
    if status == 405:
        response.headers["allow"] = ", ".join(sorted(_methods(request)))
    return response


def _methods(request: Request) -> set[str]:
    """What can be done at this path, by all of its routes; the router tells of the first alone."""
    fitting = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return {
        method for route in fitting if isinstance(route, Route | APIRoute) for method in route.methods or ()
    }
