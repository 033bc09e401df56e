"""Requests to the server: kept connections, answers as JSON, streams, and retries that cannot do harm.

A server that has answered once is waited for: when it restarts, requests that are safe to repeat (GET, and
POST with an Idempotency-Key) are sent again for `patience_s` seconds.
"""

import time
from collections.abc import Callable, Iterator, Mapping

from launchyard.model import lightjson
from launchyard.model.light import Any, TypeVar
from launchyard.sdk.address import Address
from launchyard.sdk.body import Body
from launchyard.sdk.connection import Connection, Head
from launchyard.sdk.errors import ConnectionLost, NotRunning, ProtocolError, TimedOut, from_problem

T = TypeVar("T")
Query = Mapping[str, str | int | float | None]

PAUSE_FIRST_S = 0.02
PAUSE_MAX_S = 0.5
PATIENCE_S = 60.0
"""A server that is updated, or one that takes over for another, is there again by then."""
UNKNOWN_PATIENCE_S = 10.0
"""With one that has not answered yet."""


class Stream:
    """An answer whose body comes bit by bit. Close it, or use it as a context manager."""

    def __init__(self, connection: Connection, head: Head) -> None:
        self.headers = head.headers
        self._connection = connection
        self._body = Body(head.status, head.headers)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        while (data := self.read()) is not None:
            yield data

    def read(self, timeout_s: float | None = None) -> bytes | None:
        """What came next of the body: empty after `timeout_s` without anything, None at its end.

        Raises `ConnectionLost` when the connection ends before the body does.
        """
        while not self._body.finished:
            if not self._connection.readable(timeout_s):
                return b""
            data = self._connection.read_some()
            if not data:
                if self._body.until_close:
                    return None
                raise ConnectionLost(f"the connection to the server at {self._connection.address} was lost")
            if part := self._body.feed(data):
                return part
        return None

    def close(self) -> None:
        self._connection.close()


class Transport:
    """Speaks HTTP/1.1 with one server; may be used by several threads at once."""

    def __init__(self, address: Address, *, timeout_s: float = 30.0, patience_s: float = PATIENCE_S) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self._idle: list[Connection] = []
        self._answered = False

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def json(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON value (None for an empty body); raises what `sdk.errors` has for a refusal."""
        sent = dict(headers or {})
        data = b""
        if body is not None:
            data = lightjson.write(body).encode()
            sent["Content-Type"] = "application/json"
        raw = self.content(method, path, data, query=query, headers=sent)
        try:
            return lightjson.read(raw.decode()) if raw else None
        except ValueError:
            raise ProtocolError(f"what answers at {self.address} is not a Launchyard server") from None

    def content(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The answer's body as it is."""
        target = path + query_string(query)
        sent = headers or {}
        safe = method in ("GET", "HEAD") or "Idempotency-Key" in sent
        if safe:
            return self.patiently(lambda: self._exchange(method, target, sent, body))
        return self._exchange(method, target, sent, body)

    def stream(
        self,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Stream:
        """GET with the body left to be read."""

        def attempt() -> Stream:
            connection = Connection(self.address, self.timeout_s)
            connection.send("GET", path + query_string(query), headers or {}, b"")
            head = connection.read_head()
            if head.status >= 400:
                problem = b"".join(connection.read_body(head))
                connection.close()
                raise from_problem(head.status, problem)
            connection.sock.settimeout(None)
            return Stream(connection, head)

        return self.patiently(attempt)

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Do it again while the server is away, if it was there before."""
        began = time.monotonic()
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                result = attempt()
                self._answered = True
                return result
            except (ConnectionLost, NotRunning, TimedOut) as error:
                if isinstance(error, NotRunning) and not self._answered:
                    raise
                most_s = self.patience_s if self._answered else min(self.patience_s, UNKNOWN_PATIENCE_S)
                if time.monotonic() - began > most_s:
                    raise
            time.sleep(pause_s)
            pause_s = min(PAUSE_MAX_S, pause_s * 2)

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
        connection, kept = self._connection()
        try:
            connection.send(method, target, headers, body)
            head = connection.read_head()
        except ConnectionLost:
            connection.close()
            # A kept connection that the server closed meanwhile: it never read this request, so GET and
            # POST with a key go again at once; anything else is for the caller to decide.
            if not kept or (method != "GET" and "Idempotency-Key" not in headers):
                raise
            return self._exchange(method, target, headers, body)
        self._answered = True
        answer = b"".join(connection.read_body(head))
        self._keep(connection, head)
        if head.status >= 400:
            raise from_problem(head.status, answer)
        return answer

    def _connection(self) -> tuple[Connection, bool]:
        try:
            return self._idle.pop(), True
        except IndexError:
            return Connection(self.address, self.timeout_s), False

    def _keep(self, connection: Connection, head: Head) -> None:
        length_known = "content-length" in head.headers or "transfer-encoding" in head.headers
        if head.headers.get("connection", "").lower() == "close" or not (length_known or head.status == 204):
            connection.close()
        else:
            self._idle.append(connection)


def query_string(query: Query | None) -> str:
    """`?a=1&b=2` of what is not None; empty when nothing is."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return "?" + "&".join(f"{name}={_quoted(str(value))}" for name, value in given.items()) if given else ""


def _quoted(text: str) -> str:
    """Percent-encoded but for letters, digits and what no URL reads otherwise."""
    if text.isalnum() and text.isascii():
        return text
    return "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape")
    )


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,")
