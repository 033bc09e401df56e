"""Terminals over WebSocket: binary messages are bytes, text messages JSON (`{"rows","cols"}`, `{"signal"}`).

`/v1/jobs/{id}/terminal` attaches to a job submitted with a terminal, once it starts;
`/v1/jobs/{id}/shell?command=..&command=..` runs a step in a running job, `/v1/jobs/{id}/ray` one that carries
bytes to its Ray cluster. Before it closes, the server sends
`{"exit_code","signal"}`. The gate has checked credential and origin before anything here runs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from launchyard.api.body import parse_json
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.services import Terminal
from launchyard.api.stream import settle
from launchyard.api.watching import until
from launchyard.controller.controller import not_found
from launchyard.model.errors import Conflict, Invalid, LaunchyardError
from launchyard.model.job import Job
from launchyard.model.raycluster import asks
from launchyard.model.signals import parse_signal
from launchyard.model.state import JobState
from launchyard.raycluster.started import pipe_argv
from launchyard.wire.decode import decode

SIZE_MAX = 4096
NOT_STARTED = frozenset({JobState.PENDING, JobState.STARTING})
INTERNAL_ERROR, GOING_AWAY, POLICY, NORMAL = 1011, 1001, 1008, 1000

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """The window's size in characters."""

    rows: int
    cols: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSignal:
    """A signal for what runs in the terminal."""

    signal: str | int


@router.websocket("/v1/jobs/{job}/terminal")
async def terminal(socket: WebSocket) -> None:
    context = context_of(socket)
    Query(socket, ())
    job = await _job(context, socket)
    if not job.terminal:
        raise Conflict(f"job {job.id} has no terminal; open a shell beside it by `ly shell {job.id}`")
    await serve(socket, context, lambda: _attached(context, job))


@router.websocket("/v1/jobs/{job}/shell")
async def shell(socket: WebSocket) -> None:
    context = context_of(socket)
    command = Query(socket, ("command",)).texts("command")
    job = await _job(context, socket)
    if job.state is not JobState.RUNNING:
        raise Conflict(f"job {job.id} is {job.state}; a shell opens in a running job only")
    await serve(socket, context, lambda: context.services.terminals.shell(job, command))


@router.websocket("/v1/jobs/{job}/ray")
async def ray(socket: WebSocket) -> None:
    """What comes in is done as the job's user, so nobody else is let in, administrators neither."""
    context = context_of(socket)
    Query(socket, ())
    job = await _job(context, socket)
    if job.uid != caller_of(socket).uid:
        raise not_found(parse_ref(socket.path_params["job"]))
    if not asks(job):
        raise Conflict(f"job {job.id} has no Ray cluster; `ly ray start` starts one, and so does --ray")
    if job.state is not JobState.RUNNING:
        raise Conflict(f"job {job.id} is {job.state}; its Ray cluster is there while it runs")
    await serve(socket, context, lambda: context.services.terminals.shell(job, pipe_argv()))


async def _job(context: Context, socket: WebSocket) -> Job:
    ref = parse_ref(socket.path_params["job"])
    found = await find(context, caller_of(socket), ref)
    if found.index is not None:
        raise Conflict(f"task {ref} has not been started")
    if found.job.ended:
        raise Conflict(f"job {ref} has ended ({found.job.state}); `ly logs {ref}` has its output")
    return found.job


async def _attached(context: Context, job: Job) -> Terminal:
    """Waits until the job has been started."""
    controller = context.services.controller
    moved = asyncio.Event()
    with until(controller, job.id, lambda now: now is None or now.state not in NOT_STARTED, moved):
        await moved.wait()
    now = controller.live_job(job.id)
    if now is None or now.ended:
        raise Conflict(f"job {job.id} ended before its terminal was attached")
    return await context.services.terminals.attach(now)


async def serve(socket: WebSocket, context: Context, open_it: Callable[[], Awaitable[Terminal]]) -> None:
    """Accept at once (a job may wait long); then carry bytes both ways until one side ends."""
    await socket.accept()
    cut = asyncio.Event()
    forget = context.closing.on_close(socket.scope, cut.set)
    inbox = asyncio.Queue[Any](maxsize=1)
    receiving = asyncio.create_task(_receive(socket, inbox))
    carrying = asyncio.create_task(_carry(socket, inbox, open_it))
    cutting = asyncio.create_task(cut.wait())
    try:
        await asyncio.wait({receiving, carrying, cutting}, return_when=asyncio.FIRST_COMPLETED)
        done = carrying.done()
        gone = receiving.done() and not done
    finally:
        forget()
        await settle(receiving, carrying, cutting)
    if gone:
        return
    if not done:
        await socket.close(GOING_AWAY, "the server stops, or the token was revoked")
        return
    await _close(socket, carrying.exception())


async def _close(socket: WebSocket, error: BaseException | None) -> None:
    if error is None:
        await socket.close(NORMAL)
    elif isinstance(error, LaunchyardError) and error.status < 500:
        await socket.send_text(_text({"error": str(error), "code": error.code}))
        await socket.close(POLICY, str(error).encode()[:120].decode(errors="ignore"))
    else:
        await socket.close(INTERNAL_ERROR, "something went wrong in the server")
        raise error


async def _receive(socket: WebSocket, inbox: "asyncio.Queue[Any]") -> None:
    """Reads also while the terminal is not there yet, so that a client that goes is noticed."""
    try:
        while True:
            await inbox.put(await socket.receive())
            if socket.client_state.name == "DISCONNECTED":
                return
    except (WebSocketDisconnect, RuntimeError):
        return


async def _carry(
    socket: WebSocket, inbox: "asyncio.Queue[Any]", open_it: Callable[[], Awaitable[Terminal]]
) -> None:
    end = await open_it()
    printing = asyncio.create_task(_print(socket, end))
    typing = asyncio.create_task(_type(inbox, end))
    try:
        await asyncio.wait({printing, typing}, return_when=asyncio.FIRST_COMPLETED)
        if typing.done():
            typing.result()
        printing.result()
        told = end.end()
        await socket.send_text(_text({"exit_code": told.exit_code, "signal": told.signal}))
    finally:
        await settle(printing, typing)
        await end.close()


async def _print(socket: WebSocket, end: Terminal) -> None:
    while data := await end.read():
        await socket.send_bytes(data)


async def _type(inbox: "asyncio.Queue[Any]", end: Terminal) -> None:
    """Ends only by an error: what is typed after the end is not wanted any more."""
    while True:
        message = await inbox.get()
        data = message.get("bytes")
        if data is not None:
            await end.write(data)
        elif message.get("text") is not None:
            await _obey(message["text"], end)


async def _obey(text: str, end: Terminal) -> None:
    order = parse_json(text.encode())
    if isinstance(order, dict) and "signal" in order:
        await end.signal(parse_signal(decode(SendSignal, order).signal))
        return
    size = decode(Resize, order)
    if not (1 <= size.rows <= SIZE_MAX and 1 <= size.cols <= SIZE_MAX):
        raise Invalid(f"a terminal of {size.rows} rows and {size.cols} columns is not possible")
    await end.resize(size.rows, size.cols)


def _text(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
