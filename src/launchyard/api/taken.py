"""A request that is answered by calls, as its answer comes, rather than by an application's messages.

What an application needs (a task, events, a message for each part) costs more than all that is to be done for
a small answer of a session's app.
"""

from typing import Any, Protocol

from starlette.types import ASGIApp
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from launchyard.proxy.http import Interrupted, Lines
from launchyard.proxy.reader import BODILESS

LARGE_BYTES = 32 * 1024
"""By itself a part of this size is worth a write, and a copy of it is not."""


class Carried(Protocol):
    """Who answers: hears of the rest of the request, of how its answer is taken, and that the client went."""

    def body(self, part: bytes) -> None: ...
    def body_ended(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cut(self) -> None: ...


class Owner(Protocol):
    """The connection that the request came by."""

    plain: Any
    """What writes at once."""
    flow: FlowControl

    def left(self) -> None:
        """Nothing more is told to who answers."""

    def answered(self, cycle: RequestResponseCycle) -> None: ...
    def serve(self, cycle: RequestResponseCycle, app: ASGIApp) -> None: ...


class Taken:
    """The client's side of one request, until it is answered, left, or given to an application after all."""

    def __init__(self, owner: Owner, cycle: RequestResponseCycle) -> None:
        self.by: Carried | None = None
        self._owner = owner
        self._cycle = cycle
        self._in_parts = False

    def came(self, by: Carried) -> tuple[bytes, bool]:
        """What of the body has come so far, and whether that is all; `by` hears of the rest.

        Raises `Interrupted` for a client that has gone already: of that nobody would hear.
        """
        if self._owner.plain.is_closing():
            raise Interrupted
        self.by = by
        part = bytes(self._cycle.body)
        self._cycle.body.clear()
        return part, not self._cycle.more_body

    def pause(self) -> None:
        """Let no more of the body come for now."""
        self._owner.flow.pause_reading()

    def resume(self) -> None:
        self._owner.flow.resume_reading()

    def encourage(self) -> None:
        """Say that the body may come, to one that waits to be told."""
        if self._cycle.waiting_for_100_continue:
            self._cycle.waiting_for_100_continue = False
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        self.resume()

    def answer(self, status: int, lines: Lines, part: bytes, *, more: bool) -> None:
        """Begin the answer, with the first part of its body."""
        cycle = self._cycle
        cycle.response_started, cycle.waiting_for_100_continue = True, False
        said = [STATUS_LINE[status], *[b"%b: %b\r\n" % pair for pair in cycle.default_headers], lines.text]
        if not lines.measured and cycle.scope["method"] != "HEAD" and status not in BODILESS:
            self._in_parts = cycle.scope["http_version"] == "1.1"
        if self._in_parts:
            said.append(b"transfer-encoding: chunked\r\n")
        if not cycle.keep_alive:
            said.append(b"connection: close\r\n")
        said.append(b"\r\n")
        self._pass(b"".join(said), part, more)

    def send(self, part: bytes, *, more: bool) -> None:
        """Another part of the answer."""
        self._pass(b"", part, more)

    def leave(self) -> None:
        """Its answer fails: who answers hears nothing more."""
        self.by = None
        self._owner.left()

    def serve_by(self, app: ASGIApp) -> None:
        """An application answers instead."""
        self._owner.left()
        self._owner.serve(self._cycle, app)

    def _pass(self, head: bytes, part: bytes, more: bool) -> None:
        if self._in_parts:
            part = (b"%x\r\n%b\r\n" % (len(part), part) if part else b"") + (b"" if more else b"0\r\n\r\n")
        self._write(head, part)
        if not more:
            self.by, self._cycle.response_complete = None, True
            self._owner.answered(self._cycle)

    def _write(self, head: bytes, part: bytes) -> None:
        """By one system call."""
        plain = self._owner.plain
        if plain.is_closing():
            return
        if head and len(part) >= LARGE_BYTES:
            plain.writelines((head, part))
        else:
            plain.write(head + part)
