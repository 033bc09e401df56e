"""A token put into the requests of a gRPC client that has none, as they pass (RFC 9113, RFC 7541). Pure.

Each request begins with a block of header fields, in one HEADERS frame and CONTINUATION frames after it. The
block may be longer than the client made it: behind its last frame comes one more, with one field that no
table of either side remembers, so nothing of what the client has compressed needs to be understood.
"""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS = 1
CONTINUATION = 9
END_HEADERS = 0x4
_HEAD = struct.Struct(">BHBBI")
_NEVER_INDEXED = 0x10
_SHORT = 127
"""Longer texts have a length of several bytes."""


class NotHttp2(ValueError):
    """The client speaks something else."""


class Bearer:
    """What a client sends, with `authorization: Bearer TOKEN` in each request. The token is ASCII."""

    def __init__(self, token: str) -> None:
        name, value = b"authorization", b"Bearer " + token.encode("ascii")
        if len(value) >= _SHORT:
            raise ValueError("the token is too long")
        self._field = bytes([_NEVER_INDEXED, len(name), *name, len(value), *value])
        self._data = bytearray()
        self._begun = False
        self._passing = 0
        """Bytes of a frame of no concern to us, which pass as they come."""

    def feed(self, data: bytes) -> bytes:
        """What is to be sent on now. Raises `NotHttp2`."""
        self._data += data
        sent = bytearray()
        if not self._begun:
            if not PREFACE.startswith(bytes(self._data[: len(PREFACE)])):
                raise NotHttp2("a client of Ray speaks HTTP/2")
            if len(self._data) < len(PREFACE):
                return b""
            self._begun = True
            sent += self._take(len(PREFACE))
        while self._data and self._next(sent):
            pass
        return bytes(sent)

    def _next(self, sent: bytearray) -> bool:
        """One frame, or a part of it; False: more must come first."""
        if self._passing:
            part = self._take(min(self._passing, len(self._data)))
            self._passing -= len(part)
            sent += part
            return True
        if len(self._data) < _HEAD.size:
            return False
        high, low, kind, flags, stream = _HEAD.unpack_from(self._data)
        length = (high << 16) + low
        if kind not in (HEADERS, CONTINUATION) or not flags & END_HEADERS:
            self._passing = _HEAD.size + length
            return True
        if len(self._data) < _HEAD.size + length:
            return False
        frame = bytearray(self._take(_HEAD.size + length))
        frame[4] = flags & ~END_HEADERS
        sent += frame
        sent += _HEAD.pack(0, len(self._field), CONTINUATION, END_HEADERS, stream) + self._field
        return True

    def _take(self, count: int) -> bytes:
        part = bytes(self._data[:count])
        del self._data[:count]
        return part
