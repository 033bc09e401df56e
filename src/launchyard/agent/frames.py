"""How streams between daemon and node are cut into frames. Pure; both ends are this module.

A frame is its kind, the stream it belongs to and its payload. File descriptors do not travel: what one refers
to becomes a stream of its own, which ATTACH announces before the DATA that it came with.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

OPEN = 1
"""The payload names what is to be connected to."""
DATA = 2
ATTACH = 3
"""On the stream whose next DATA a descriptor came with; the payload is that of `attachment`."""
END = 4
"""Nothing more comes in this direction."""
RESET = 5
"""Over in both directions."""
CREDIT = 6
"""As many bytes more may be sent."""

PAYLOAD_MAX = 256 * 1024
_HEAD = struct.Struct(">BII")
_NUMBER = struct.Struct(">I")
_ATTACHED = struct.Struct(">BI")
SOCKET = 1
FILE = 2


class Broken(ValueError):
    """The other end says what is no frame; the session cannot go on."""


class Frame(NamedTuple):
    kind: int
    stream: int
    payload: bytes = b""


def encode(kind: int, stream: int, payload: bytes = b"") -> bytes:
    return _HEAD.pack(kind, stream, len(payload)) + payload


def attach(stream: int, what: int, other: int) -> bytes:
    """`other` is the stream that stands for a descriptor of kind `what`."""
    return encode(ATTACH, stream, _ATTACHED.pack(what, other))


def credit(stream: int, count: int) -> bytes:
    return encode(CREDIT, stream, _NUMBER.pack(count))


def attachment(frame: Frame) -> tuple[int, int]:
    """(kind, stream) of an ATTACH."""
    what, other = _unpack(_ATTACHED, frame.payload)
    return what, other


def credited(frame: Frame) -> int:
    return _unpack(_NUMBER, frame.payload)[0]


def _unpack(form: struct.Struct, payload: bytes) -> tuple[int, ...]:
    if len(payload) != form.size:
        raise Broken(f"a payload of {len(payload)} bytes, expected {form.size}")
    return form.unpack(payload)


class Decoder:
    """Cuts what arrives into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """All frames that `data` completes. Raises `Broken`."""
        self._data += data
        frames = []
        position = 0
        while len(self._data) - position >= _HEAD.size:
            kind, stream, length = _HEAD.unpack_from(self._data, position)
            if not OPEN <= kind <= CREDIT or length > PAYLOAD_MAX:
                raise Broken(f"a frame of kind {kind} with {length} bytes")
            begin = position + _HEAD.size
            if len(self._data) < begin + length:
                break
            position = begin + length
            frames.append(Frame(kind, stream, bytes(self._data[begin:position])))
        del self._data[:position]
        return frames
