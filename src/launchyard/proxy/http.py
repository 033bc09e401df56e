"""Carries one HTTP request to an app and its answer back, both as they come and neither held whole.

Whoever is slower slows the other down. A client that goes, or what cuts it off, ends the request to the app.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from starlette.types import Receive, Scope, Send

from launchyard.model.errors import Unavailable
from launchyard.proxy.headers import Raw, Unfit, from_app, to_app
from launchyard.proxy.pool import Pool
from launchyard.proxy.way import Way

WATCH_AFTER_S = 0.5
"""An answer that takes longer is given up when its client goes; for others it would not pay to listen."""

_TARGET = re.compile(rb"[!\"$-~]*")


class AppGone(Unavailable):
    """The app did not answer as a server does."""

    status = 502
    code = "app-gone"


class Interrupted(Exception):
    """The client has gone, or may not go on; nobody waits for an answer any more."""


class Visitor:
    """Who sends through the proxy: the address it comes from, and what is ours of what it sends."""

    def __init__(
        self, client: str, without_ours: Callable[[str], str], is_ours: Callable[[str], bool]
    ) -> None:
        self.client = client
        self.without_ours = without_ours
        self.is_ours = is_ours

    def to_app(self, scope: Scope, way: Way, *, handshake: bool = False) -> list[tuple[str, str]]:
        secure = scope["scheme"] in ("https", "wss")
        return to_app(
            scope["headers"],
            way,
            client=self.client,
            scheme="https" if secure else "http",
            without_ours=self.without_ours,
            handshake=handshake,
        )

    def from_app(self, given: Raw, way: Way) -> list[tuple[bytes, bytes]]:
        return from_app(given, way, is_ours=self.is_ours)


class Exchange:
    """One request and its answer. `cut` may be called at any time and ends it."""

    def __init__(self, pool: Pool, way: Way, visitor: Visitor) -> None:
        self._pool = pool
        self._way = way
        self._visitor = visitor
        self._task = asyncio.current_task()
        self._interrupted = False
        self._done = False
        self._sent = True
        """The request's body is with the app."""

    def cut(self) -> None:
        if not self._done and self._task is not None and not self._interrupted:
            self._interrupted = True
            self._task.cancel()

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `Interrupted`, `AppGone`, or what connecting raises."""
        watching = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._watch, receive)
        try:
            await self._carry(scope, receive, send)
        except asyncio.CancelledError:
            if not self._interrupted or self._task is None:
                raise
            self._task.uncancel()
            raise Interrupted from None
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"the session cannot be reached now: {error.strerror}") from None
        except (aiohttp.ClientError, Unfit, OSError, TimeoutError) as error:
            raise AppGone(f"the app in the session gave no proper answer ({type(error).__name__})") from None
        finally:
            self._done = True
            watching.cancel()

    async def _carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self._visitor.to_app(scope, self._way)
        self._sent = not has_body(headers, scope)
        body = None if self._sent else self._body(receive)
        address = self._pool.address(self._way, *target_of(scope))
        async with self._pool.client.request(
            scope["method"], address, headers=headers, data=body, allow_redirects=False
        ) as response:
            start: dict[str, Any] = {"type": "http.response.start", "status": response.status}
            start["headers"] = self._visitor.from_app(response.raw_headers, self._way)
            await send(start)
            content = response.content
            part = content.read_nowait()
            while not content.at_eof():
                if part:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                part = await content.readany()
            await send({"type": "http.response.body", "body": part})

    async def _body(self, receive: Receive) -> AsyncGenerator[bytes, None]:
        while True:
            message = await receive()
            if message["type"] != "http.request":
                self.cut()
                raise ConnectionResetError("the client went while it sent")
            if part := message.get("body"):
                yield part
            if not message.get("more_body"):
                self._sent = True
                return

    def _watch(self, receive: Receive) -> None:
        """From here on the client is listened to; while it sends, its going is noticed by that."""
        watching = asyncio.ensure_future(self._listen(receive))
        if self._task is not None:
            self._task.add_done_callback(lambda _: watching.cancel())

    async def _listen(self, receive: Receive) -> None:
        while not self._sent:
            await asyncio.sleep(WATCH_AFTER_S)
        with suppress(Exception):
            while (await receive())["type"] != "http.disconnect":
                pass
        self.cut()


def has_body(headers: list[tuple[str, str]], scope: Scope) -> bool:
    """Whether the client sends one: it says how long it is, or sends it in parts."""
    if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        return True
    return any(name == "content-length" and value.strip() != "0" for name, value in headers)


def target_of(scope: Scope) -> tuple[str, str]:
    """Path and query as they were sent. Raises `Unfit` for what no request line can have."""
    path, query = scope["raw_path"], scope["query_string"]
    if not path.startswith(b"/") or not _TARGET.fullmatch(path) or not _TARGET.fullmatch(query):
        raise Unfit("the address has a character that no address has")
    return path.decode("ascii"), query.decode("ascii")
