"""Carries one HTTP request to an app and its answer back, both as they come and neither held whole.

Whoever is slower slows the other down. A client that goes, or what cuts it off, ends the request to the app.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from starlette.types import Receive, Scope, Send

from launchyard.model.errors import Unavailable
from launchyard.proxy.headers import Pairs, Raw, Unfit, from_app, head_of, to_app
from launchyard.proxy.link import Link
from launchyard.proxy.pool import Pool
from launchyard.proxy.reader import BODILESS, Broken
from launchyard.proxy.way import Way

ASKED_AGAIN = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""To ask these twice is to ask them once: done where a connection that was kept had just been closed."""

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

    def to_app(self, scope: Scope, way: Way, *, handshake: bool = False) -> Pairs:
        secure = scope["scheme"] in ("https", "wss")
        return to_app(
            scope["headers"],
            way,
            client=self.client,
            scheme="https" if secure else "http",
            without_ours=self.without_ours,
            handshake=handshake,
        )

    def from_app(self, given: Raw, way: Way) -> Pairs:
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
        self._sending: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._to_hear: Receive | None = None

    def cut(self) -> None:
        if not self._done and self._task is not None and not self._interrupted:
            self._interrupted = True
            self._task.cancel()

    def listen(self, receive: Receive) -> None:
        """From here on the exchange ends when its client goes. For one that is short it would not pay."""
        self._to_hear = receive
        if self._sent and not self._done:
            self._listening = asyncio.ensure_future(self._listen(receive))

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `Interrupted`, `AppGone`, or what connecting raises."""
        try:
            await self._carry(scope, receive, send)
        except asyncio.CancelledError:
            if not self._interrupted or self._task is None:
                raise
            self._task.uncancel()
            raise Interrupted from None
        except (Broken, Unfit) as error:
            raise AppGone(f"the app in the session gave no proper answer ({error})") from None
        except OSError as error:
            raise Unavailable(
                f"the session cannot be reached now ({error.strerror or 'it is busy'})"
            ) from None
        finally:
            self._done = True
            for task in (self._sending, self._listening):
                if task is not None:
                    task.cancel()

    async def _carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        link = await self._asked(scope, receive)
        try:
            reader = link.reader
            headers = self._visitor.from_app(reader.headers, self._way)
            if reader.status in BODILESS:
                # It is that of another answer's body, and would be taken for this one's.
                headers = [pair for pair in headers if pair[0] != b"content-length"]
            await send({"type": "http.response.start", "status": reader.status, "headers": headers})
            more = True
            while more:
                part = await link.part()
                more = not reader.over
                await send({"type": "http.response.body", "body": part, "more_body": more})
        finally:
            self._leave(link)

    async def _asked(self, scope: Scope, receive: Receive) -> Link:
        """The connection over which the answer has begun."""
        method, way = scope["method"], self._way
        headers = self._visitor.to_app(scope, way)
        said = dict(scope["headers"])
        in_parts = b"transfer-encoding" in said
        if in_parts:
            headers.append((b"transfer-encoding", b"chunked"))
        self._sent = not in_parts and said.get(b"content-length", b"0").strip() == b"0"
        path, query = target_of(scope)
        path = way.path(path)
        head = head_of(method, f"{path}?{query}" if query else path, headers)
        while True:
            link = await self._pool.link(way)
            try:
                link.ask(head, only_head=method == "HEAD")
                if not self._sent:
                    self._sending = asyncio.ensure_future(self._send_body(link, receive, in_parts=in_parts))
                await link.answered()
            except BaseException as error:
                again = isinstance(error, Broken) and link.used and not link.heard and not self._sending
                self._leave(link)
                if not again or method not in ASKED_AGAIN:
                    raise
            else:
                return link

    def _leave(self, link: Link) -> None:
        if not self._sent:
            link.close()
        self._pool.give_back(self._way, link)

    async def _send_body(self, link: Link, receive: Receive, *, in_parts: bool) -> None:
        with suppress(Broken):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    self.cut()
                    return
                part, more = message.get("body", b""), message.get("more_body", False)
                if in_parts:
                    part = (b"%x\r\n%b\r\n" % (len(part), part) if part else b"") + (
                        b"" if more else b"0\r\n\r\n"
                    )
                if part:
                    await link.send(part)
            self._sent = True
            if self._to_hear is not None:
                self.listen(self._to_hear)

    async def _listen(self, receive: Receive) -> None:
        with suppress(Exception):
            while (await receive())["type"] != "http.disconnect":
                pass
        self.cut()


def target_of(scope: Scope) -> tuple[str, str]:
    """Path and query as they were sent. Raises `Unfit` for what no request line can have."""
    path, query = scope["raw_path"], scope["query_string"]
    if not path.startswith(b"/") or not _TARGET.fullmatch(path) or not _TARGET.fullmatch(query):
        raise Unfit("the address has a character that no address has")
    return path.decode("ascii"), query.decode("ascii")
