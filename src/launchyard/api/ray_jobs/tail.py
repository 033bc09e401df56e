"""Following the log of a job over a WebSocket, as `ray job submit` and `ray job logs -f` do.

Closed with 1000 only when the job has ended and all was sent: a client takes that for the end of the job.
Whenever it ends otherwise (the server stops, the token is revoked) the connection is cut without a close
frame, which a client reports as an error.
"""

import asyncio
from contextlib import aclosing

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from launchyard.api.connection import connection_of
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.ray_jobs.finding import find_submission, only_submitted
from launchyard.api.ray_jobs.output import chunks, ended, followed
from launchyard.api.stream import settle
from launchyard.model.errors import LaunchyardError, Unavailable
from launchyard.model.job import Job

NORMAL = 1000

router = APIRouter()


@router.websocket("/api/jobs/{submission}/logs/tail")
async def tail(socket: WebSocket) -> None:
    context = context_of(socket)
    job = await find_submission(context, caller_of(socket), socket.path_params["submission"])
    only_submitted(job, "get logs of")
    await socket.accept()
    cut = connection_of(socket.scope).abort
    # At once, not by a task: the server would say goodbye politely before that had its turn.
    forget = context.closing.on_close(socket.scope, cut)
    sending = asyncio.create_task(_send(context, job, socket))
    listening = asyncio.create_task(_gone(socket))
    try:
        await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
        finished = sending.done()
    finally:
        forget()
        await settle(sending, listening)
    if finished and sending.exception() is None:
        await socket.close(NORMAL)
    else:
        cut()
        if finished and not isinstance(sending.exception(), WebSocketDisconnect):
            sending.result()


async def _send(context: Context, job: Job, socket: WebSocket) -> None:
    """What cannot be read (the log is gone) is said, and the job's end waited for all the same."""
    try:
        async with aclosing(followed(context, job)) as texts:
            async for text in texts:
                for chunk in chunks(text):
                    await socket.send_text(chunk)
    except Unavailable:
        raise
    except LaunchyardError as error:
        await socket.send_text(f"[launchyard: {error}]\n")
        await ended(context, job)


async def _gone(socket: WebSocket) -> None:
    """What a client says is not looked at; that it goes is."""
    try:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    except (WebSocketDisconnect, RuntimeError):
        return
