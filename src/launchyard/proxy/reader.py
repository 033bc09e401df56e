"""Reads what an app answers, one answer after another. No I/O.

The parser is the one that reads our own clients' requests, at its strictest: an answer whose end could be
seen in two places is no answer.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

LOOSE_MAX_BYTES = 128 * 1024
"""Of what is no body: a head, the sizes of parts, what follows the last one."""
BODILESS = frozenset({204, 304})

_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_FRAMING = frozenset({len(_LENGTH), len(_CODING)})


class Broken(Exception):
    """What came is no answer, or it ended before the answer did."""


class Reader:
    """`expect` an answer, then `feed` what comes. `status` and `headers` hold once it has `begun`.

    `keeps`: nothing speaks against another request over the same connection.
    """

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._only_head = False
        self.expect(only_head=False)

    def expect(self, *, only_head: bool) -> None:
        """The next answer; `only_head`: it has no body, whatever it says of one."""
        if self._only_head:
            # To the old one that body is yet to come.
            self._parser = HttpResponseParser(self)
        self._only_head = only_head
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.begun = self.ended = self.keeps = False
        self._parts: list[bytes] = []
        self._loose_bytes = 0
        self._interim = self._measured = self._in_parts = False

    def feed(self, data: bytes) -> None:
        """Raises `Broken`. What comes after an answer does not belong to it, and to no other one."""
        self._loose_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keeps = False
            if not self.ended:
                raise Broken(str(error.__context__ or error)) from None
        if self._loose_bytes > LOOSE_MAX_BYTES:
            raise Broken("what describes the answer is too long")

    def end(self) -> None:
        """The connection has ended. Raises `Broken` if the answer has not."""
        self.keeps = False
        to_the_end = self.begun and not (self._measured or self._in_parts)
        if not self.ended and not to_the_end:
            raise Broken("the connection ended")
        self.ended = True

    def take(self) -> bytes:
        """What of the body has come and was not taken yet."""
        parts = self._parts
        if not parts:
            return b""
        self._parts = []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def over(self) -> bool:
        """Whether all of the body has been taken."""
        return self.ended and not self._parts

    # ---- from the parser

    def on_message_begin(self) -> None:
        if self.ended:
            raise Broken("more than one answer came")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.begun:
            self.headers.append((name, value))
            if len(name) in _FRAMING:
                self._frame(name.lower(), value)

    def _frame(self, name: bytes, value: bytes) -> None:
        if name == _LENGTH:
            self._measured = True
        elif name == _CODING:
            if value.strip().lower() != b"chunked":
                raise Broken(f"it is sent in a way that is not known: {value[:60]!r}")
            self._in_parts = True

    def on_headers_complete(self) -> None:
        self._loose_bytes = 0
        status = self._parser.get_status_code()
        if not 100 <= status < 600:
            raise Broken(f"its status is {status}")
        self._interim = status < 200
        if self._interim:
            self.headers, self._measured, self._in_parts = [], False, False
            return
        self.status = status
        self.begun = True
        self.keeps = self._parser.should_keep_alive()
        self._measured = self._measured or self._only_head or status in BODILESS
        self.ended = self._only_head

    def on_body(self, body: bytes) -> None:
        if self.ended:
            raise Broken("a body came where none can be")
        self._loose_bytes = 0
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._loose_bytes = 0
        if not self._interim:
            self.ended = True
