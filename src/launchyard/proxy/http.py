"""Carries one HTTP request to an app and its answer back, both as they come and neither held whole.

Whoever is slower slows the other down. A client that goes, or what cuts it off, ends the request to the app.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Scope

from launchyard.model.errors import Unavailable
from launchyard.proxy.headers import Pairs, Raw, Unfit, from_app, lines_of, to_app
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


@dataclass(frozen=True, slots=True)
class Lines:
    """Headers of an answer as they are sent; `measured`: they tell how long its body is."""

    text: bytes
    measured: bool


class Words:
    """All that a request says but its address, as the app is told it; and what was answered. Raises `Unfit`.

    Clients say the same again and again over a connection, and apps answer in the same words: this is good
    for whatever is asked in these.
    """

    def __init__(self, scope: Scope, way: Way, visitor: Visitor) -> None:
        said = dict(scope["headers"])
        self.way = way
        self.visitor = visitor
        self.method: str = scope["method"]
        self.in_parts = b"transfer-encoding" in said
        self.bodiless = not self.in_parts and said.get(b"content-length", b"0").strip() == b"0"
        headers = visitor.to_app(scope, way)
        if self.in_parts:
            headers.append((b"transfer-encoding", b"chunked"))
        self._begin: bytes = self.method.encode("latin-1") + b" "
        self._end = b" HTTP/1.1\r\n" + lines_of(headers) + b"\r\n"
        self._answered: tuple[int, Raw, Lines] = (0, (), Lines(b"", measured=False))

    def head(self, scope: Scope) -> bytes:
        """The whole of it, for this address. Raises `Unfit`."""
        path, query = target_of(scope)
        target = self.way.path(path) + (f"?{query}" if query else "")
        return self._begin + target.encode("ascii") + self._end

    def answered(self, status: int, given: Raw) -> Lines:
        """The headers of an answer as the client gets them. Raises `Unfit`."""
        if (status, given) != self._answered[:2]:
            headers = self.visitor.from_app(given, self.way)
            if status in BODILESS:
                # It is that of another answer's body, and would be taken for this one's.
                headers = [pair for pair in headers if pair[0] != b"content-length"]
            measured = any(name == b"content-length" for name, _ in headers)
            self._answered = status, given, Lines(lines_of(headers), measured=measured)
        return self._answered[2]


class Client(Protocol):
    """Who sends a request and takes its answer: a connection of our server."""

    def came(self, exchange: "Exchange") -> tuple[bytes, bool]:
        """What of the body has come so far, and whether that is all; the rest is told to the exchange.

        Raises `Interrupted` for a client that has gone already.
        """

    def pause(self) -> None:
        """Let no more of the body come for now."""

    def resume(self) -> None: ...
    def encourage(self) -> None:
        """Say that the body may come, to one that waits to be told."""

    def answer(self, status: int, lines: Lines, part: bytes, *, more: bool) -> None: ...
    def send(self, part: bytes, *, more: bool) -> None:
        """Another part of the answer."""

    def leave(self) -> None:
        """It hears nothing more of this exchange, which has failed."""


Ended = Callable[[Exception | None], None]
"""Called once, at the end. `Interrupted`: the client is to be cut off; it has gone, or has half an answer."""


class Exchange:
    """One request and its answer, by calls of both sides. `cut` may be called at any time and ends it."""

    def __init__(self, pool: Pool, words: Words, client: Client, ended: Ended) -> None:
        self._pool = pool
        self._words = words
        self._client = client
        self._sent = words.bodiless
        self._ended: Ended | None = ended
        self._link: Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        """What of the request's body came before there was a connection."""
        self._begun = self._holds = False

    def ask(self, scope: Scope) -> None:
        """Send the request on. Whatever is wrong with it is told by `ended` alone."""
        try:
            self._head = self._words.head(scope)
            part, ended = self._client.came(self)
            self._find_link()
            if part:
                self.body(part)
            if ended:
                self.body_ended()
        except Exception as error:
            self._fail(error)

    def cut(self) -> None:
        """The client has gone, or may not go on."""
        self._fail(Interrupted())

    # ---- from the client

    def body(self, part: bytes) -> None:
        """Some of the request's body."""
        if self._words.in_parts:
            part = b"%x\r\n%b\r\n" % (len(part), part)
        self._send(part)

    def body_ended(self) -> None:
        if self._words.in_parts and not self._sent:
            self._send(b"0\r\n\r\n")
        self._sent = True

    def pause(self) -> None:
        """The client takes no more of the answer for now."""
        if self._link is not None:
            self._link.pause()

    def resume(self) -> None:
        if self._link is not None:
            self._link.resume()

    # ---- from the link

    def heard(self) -> None:
        """See `Link.ask`."""
        link = self._link
        if link is None:
            return
        try:
            if link.reader.begun:
                self._pass_on(link)
        except Unfit as error:
            self._fail(error)
        if link.broken is not None and self._link is link:
            self._broke(link)

    def full(self) -> None:
        if not self._sent:
            self._holds = True
            self._client.pause()

    def drained(self) -> None:
        if self._holds:
            self._holds = False
            self._client.resume()

    # ---- the request

    def _find_link(self) -> None:
        link = self._pool.kept(self._words.way)
        if link is None:
            self._connecting = asyncio.ensure_future(self._connect())
        else:
            self._ask(link)

    async def _connect(self) -> None:
        try:
            link = await self._pool.link(self._words.way)
        except Exception as error:
            self._connecting = None
            self._fail(error)
        else:
            self._connecting = None
            self._ask(link)

    def _ask(self, link: Link) -> None:
        self._link = link
        link.ask(self._head, self, only_head=self._words.method == "HEAD")
        if not self._words.bodiless:
            self._client.encourage()
        early, self._early = self._early, []
        for part in early:
            link.send(part)
        if early and not self._holds:
            self._client.resume()

    def _send(self, part: bytes) -> None:
        if self._link is not None:
            self._link.send(part)
        elif self._ended is not None:
            self._early.append(part)
            self._client.pause()

    # ---- the answer

    def _pass_on(self, link: Link) -> None:
        reader, client = link.reader, self._client
        part, over = reader.take(), reader.over
        if self._begun:
            if over:
                self._leave()
            if part or over:
                client.send(part, more=not over)
        else:
            status = reader.status
            lines = self._words.answered(status, reader.headers)
            self._begun = True
            if over:
                self._leave()
            client.answer(status, lines, part, more=not over)
        if over:
            self._end(None)

    def _broke(self, link: Link) -> None:
        """Nothing more comes of it: ask once more, where that can do no harm, or give up."""
        again = link.used and not link.heard and self._words.bodiless and self._words.method in ASKED_AGAIN
        if not again:
            self._fail(link.broken or Broken("the connection ended"))
            return
        self._leave()
        self._find_link()

    # ---- the end

    def _leave(self) -> None:
        """Give the connection back; with some of the body yet to be sent it is good for nothing."""
        link, self._link = self._link, None
        if link is not None:
            if not self._sent:
                link.close()
            self._pool.give_back(self._words.way, link)

    def _fail(self, error: Exception) -> None:
        if self._ended is None:
            return
        if self._connecting is not None:
            self._connecting.cancel()
        self._leave()
        self._client.leave()
        self._end(Interrupted() if self._begun else error)

    def _end(self, error: Exception | None) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(_as_sentence(error))


def _as_sentence(error: Exception | None) -> Exception | None:
    """What went wrong with the app, as it is told."""
    if isinstance(error, Broken | Unfit):
        return AppGone(f"the app in the session gave no proper answer ({error})")
    if isinstance(error, OSError):
        return Unavailable(f"the session cannot be reached now ({error.strerror or 'it is busy'})")
    return error


def target_of(scope: Scope) -> tuple[str, str]:
    """Path and query as they were sent. Raises `Unfit` for what no request line can have."""
    path, query = scope["raw_path"], scope["query_string"]
    if not path.startswith(b"/") or not _TARGET.fullmatch(path) or not _TARGET.fullmatch(query):
        raise Unfit("the address has a character that no address has")
    return path.decode("ascii"), query.decode("ascii")
