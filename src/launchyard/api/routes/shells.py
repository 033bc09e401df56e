"""Terminals in jobs, sessions and folders that stay when the browser's connection breaks.

Opened by POST, attached to by WebSocket as often as is wanted; the messages are those of a job's terminal.
"""

from typing import Any

from fastapi import APIRouter
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from launchyard.api import describefiles as describe
from launchyard.api.answers import answer
from launchyard.api.body import read_as
from launchyard.api.context import caller_of, context_of
from launchyard.api.folders import checked_path, who
from launchyard.api.lookup import find
from launchyard.api.query import Query
from launchyard.api.routes.terminal import SIZE_MAX, serve
from launchyard.api.services import Terminal
from launchyard.api.shells import Shell, Shells
from launchyard.controller.controller import JobRef
from launchyard.model.errors import Conflict, Invalid, Unavailable
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.wire.terminals import OpenTerminal

router = APIRouter()


@router.post("/v1/terminals", openapi_extra=describe.OPEN_TERMINAL)
async def open_terminal(request: Request) -> Response:
    body, shells, caller = await read_as(OpenTerminal, request), _shells(request), caller_of(request)
    if not (1 <= body.rows <= SIZE_MAX and 1 <= body.cols <= SIZE_MAX):
        raise Invalid(f"a terminal of {body.rows} rows and {body.cols} columns is not possible")
    if body.job is not None and body.path is not None:
        raise Invalid("a terminal opens in a job or in a folder; leave out job or path")
    if body.job is not None:
        job = await _running(request, body.job)
        shell = await shells.in_job(caller.uid, job, body.rows, body.cols)
    else:
        user = who(request)
        path = checked_path(body.path, user)
        shell = await shells.in_folder(user, path, body.rows, body.cols)
    return answer(_told(shell), 201)


@router.get("/v1/terminals", openapi_extra=describe.TERMINALS)
async def terminals(request: Request) -> Response:
    Query(request, ())
    return answer({"terminals": [_told(one) for one in _shells(request).of(caller_of(request).uid)]})


@router.delete("/v1/terminals/{terminal}", openapi_extra=describe.CLOSE_TERMINAL)
async def close(request: Request) -> Response:
    shell = _found(request)
    _shells(request).close(shell)
    return answer(_told(shell))


@router.websocket("/v1/terminals/{terminal}")
async def attach(socket: WebSocket) -> None:
    Query(socket, ())
    shell, shells = _found(socket), _shells(socket)

    async def attached() -> Terminal:
        return shells.attach(shell)

    await serve(socket, context_of(socket), attached)


def _shells(connection: HTTPConnection) -> Shells:
    shells = context_of(connection).services.shells
    if shells is None:
        raise Unavailable("this server opens no terminals")
    return shells


def _found(connection: HTTPConnection) -> Shell:
    return _shells(connection).find(caller_of(connection).uid, connection.path_params["terminal"])


async def _running(request: Request, job_id: int) -> Job:
    found = await find(context_of(request), caller_of(request), JobRef(job_id=job_id))
    if found.job.state is not JobState.RUNNING:
        raise Conflict(f"job {job_id} is {found.job.state}; a terminal opens in a running job only")
    return found.job


def _told(shell: Shell) -> dict[str, Any]:
    return {
        "id": shell.id,
        "title": shell.title,
        "host": shell.host,
        "job": shell.job,
        "path": shell.path,
        "opened_at": shell.opened_at,
        "watched": shell.watchers > 0,
        "closes_at": shell.closes_at,
    }
