"""Answers sent in parts as they come, with the rules that all of them share.

A stream ends when its source ends, when the client goes, when the credential is revoked, or when the server
stops: whichever is first. A client that reads too slowly slows its source down, or is cut by it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from launchyard.api.answers import stream_headers
from launchyard.api.auth import identity_of
from launchyard.api.connection import connection_of
from launchyard.api.tokens import TokenTable

FINISH_MAX_S = 1.0


class Closing:
    """What open streams and terminals wait for beside their own ends: the server's stop, a revocation."""

    def __init__(self, tokens: TokenTable) -> None:
        self._tokens = tokens
        self._cuts: set[Callable[[], None]] = set()
        self._closed = False

    def on_close(self, scope: Scope, cut: Callable[[], None]) -> Callable[[], None]:
        """`cut` is called at the first of them; the answer ends that."""
        if self._closed:
            cut()
        self._cuts.add(cut)
        forget = self._tokens.on_revocation(identity_of(scope).token_id, cut)

        def end() -> None:
            self._cuts.discard(cut)
            forget()

        return end

    def close(self) -> None:
        """The server stops."""
        self._closed = True
        for cut in tuple(self._cuts):
            cut()


class Parts(Response):
    """Sends what `source` yields. Begins with the head at once, so that the client knows it is served."""

    def __init__(
        self,
        source: AsyncGenerator[bytes, None],
        media_type: str,
        closing: Closing,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        self.closing = closing
        self.status_code = 200
        self.background = None
        self.raw_headers = stream_headers(media_type, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send_parts(send))
        listening = asyncio.create_task(_disconnected(receive))
        closed = asyncio.Event()
        forget = self.closing.on_close(scope, closed.set)
        cutting = asyncio.create_task(closed.wait())
        try:
            await asyncio.wait({sending, listening, cutting}, return_when=asyncio.FIRST_COMPLETED)
            finished = sending.done()
        finally:
            forget()
            await settle(listening, cutting, sending)
        if finished:
            await sending
        await _finish(scope, send)

    async def _send_parts(self, send: Send) -> None:
        async with aclosing(self.source) as parts:
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})


async def _finish(scope: Scope, send: Send) -> None:
    """The last part; a client that does not even take what it was sent before is cut."""
    try:
        async with asyncio.timeout(FINISH_MAX_S):
            await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        connection_of(scope).abort()


async def settle(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel what still runs and wait until all have ended; their errors stay with them."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def wants(request: Request, name: str) -> bool:
    """Whether a query flag is set (`1`, `true`; absent, `0`, `false` are no)."""
    with suppress(KeyError):
        return request.query_params[name].lower() not in ("0", "false", "")
    return False
