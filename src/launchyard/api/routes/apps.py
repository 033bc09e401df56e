"""The apps that can be started as sessions, with their forms."""

import posixpath
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describesessions as describe
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.query import Query
from launchyard.api.sessionjson import app_json, broken_json
from launchyard.api.starting import apps_of, find_app
from launchyard.engine.apps import PATH, Found
from launchyard.model.job import Job
from launchyard.model.submission import Caller
from launchyard.store.protocol import JobQuery

CARDS_MAX = 1_000
"""Among so many of a person's latest sessions those are looked for whose settings are kept."""

router = APIRouter()


@router.get("/v1/apps", openapi_extra=describe.APPS)
async def list_apps(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    found = await apps_of(context).of(caller.uid, await context.services.login(caller.uid))
    cards = await _cards(context, caller)
    return answer({"apps": [_shown(one, cards) for one in found]})


@router.get("/v1/apps/{app}", openapi_extra=describe.APP)
async def show_app(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    found = await find_app(context, caller, request.path_params["app"])
    return answer(_shown(found, await _cards(context, caller)))


@router.get("/v1/pythons", openapi_extra=describe.PYTHONS)
async def pythons(request: Request) -> Response:
    """Asked of a process of the caller's, which starts each of them once: it takes a second or two."""
    context, caller = context_of(request), caller_of(request)
    folder = Query(request, ("dir",)).text("dir")
    entry = await context.services.users.load(caller.uid)
    home = "/" if entry is None else entry.home
    folders = [posixpath.join(home, folder.removeprefix("~/"))] if folder else []
    login = await context.services.login(caller.uid)
    found = await apps_of(context).pythons(caller.uid, folders, login.get("PATH", PATH))
    return answer({"pythons": found})


def _shown(found: Found, cards: dict[str, list[Job]]) -> dict[str, Any]:
    if found.app is None:
        return broken_json(found.name, found.origin, found.problem)
    return app_json(found.app, found.unavailable, cards.get(found.name, ()))


async def _cards(context: Context, caller: Caller) -> dict[str, list[Job]]:
    """The caller's sessions by app, newest first."""
    query = JobQuery(user=caller.user, cards=True, limit=CARDS_MAX)
    found: dict[str, list[Job]] = {}
    for job in await context.read(lambda: context.services.store.jobs(query)):
        if job.session is not None:
            found.setdefault(job.session.app, []).append(job)
    return found
