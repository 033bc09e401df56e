"""The client side of a WebSocket (RFC 6455): frames as pure functions, and one small blocking connection."""

import base64
import contextlib
import hashlib
import os
import threading
from _socket import SHUT_RDWR
from typing import NamedTuple

from launchyard.sdk.connection import Connection
from launchyard.sdk.errors import ConnectionLost, ProtocolError, from_problem
from launchyard.sdk.transport import Transport

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
MESSAGE_BYTES_MAX = 16 * 1024 * 1024


class Frame(NamedTuple):
    """A whole message (`TEXT`, `BINARY`: fragments are already joined) or a control frame."""

    opcode: int
    payload: bytes


def encode_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """One final, masked frame, as a client must send it (RFC 6455, 5.3)."""
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | opcode, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + length.to_bytes(8, "big")
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """`payload` XORed with the repeated mask, as one big number: fast without a loop over bytes."""
    length = len(payload)
    repeated = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")


class FrameReader:
    """Turns the bytes that came into frames; keeps what is not whole yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._message = bytearray()
        self._opcode = 0

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        frames = []
        while (raw := self._next()) is not None:
            final, opcode, payload = raw
            if opcode >= CLOSE:
                frames.append(Frame(opcode, payload))
                continue
            if opcode:
                self._opcode = opcode
            self._message += payload
            if len(self._message) > MESSAGE_BYTES_MAX:
                raise ProtocolError("the server sent a message over 16 MiB")
            if final:
                frames.append(Frame(self._opcode, bytes(self._message)))
                self._message.clear()
        return frames

    def _next(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        if buffer[1] & 0x80 or buffer[0] & 0x70 or length > MESSAGE_BYTES_MAX:
            raise ProtocolError("the server sent a frame that RFC 6455 forbids or that is over 16 MiB")
        if len(buffer) < start + length:
            return None
        final, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        payload = bytes(buffer[start : start + length])
        del buffer[: start + length]
        return final, opcode, payload


class WebSocket:
    """A connected WebSocket. `close_code` is the server's once it closed (1006: without a word)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader = FrameReader()
        self._sending = threading.Lock()
        """One thread may send while another receives, which answers pings."""
        self.close_code: int | None = None
        self.close_reason = ""

    def fileno(self) -> int:
        return self._connection.sock.fileno()

    @property
    def came(self) -> bool:
        """Whether something came with the server's agreement: `receive` it, and then look at the socket."""
        return self._connection.came

    def readable(self, timeout_s: float | None) -> bool:
        """Whether `receive` would not wait, waiting for that at most `timeout_s` seconds."""
        return self._connection.readable(timeout_s)

    def send_text(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def send_bytes(self, data: bytes) -> None:
        self._send(BINARY, data)

    def receive(self) -> list[bytes | str]:
        """What came next: some messages, or none (then look at `close_code`). Blocks for one read."""
        try:
            data = self._connection.read_some()
        except ConnectionLost:
            data = b""
        if not data:
            self._closed(1006, "")
            return []
        messages: list[bytes | str] = []
        for frame in self._reader.feed(data):
            if frame.opcode == PING:
                self._send(PONG, frame.payload)
            elif frame.opcode == CLOSE:
                code = int.from_bytes(frame.payload[:2], "big") if len(frame.payload) >= 2 else 1005
                self._closed(code, frame.payload[2:].decode(errors="replace"))
            elif frame.opcode == TEXT:
                messages.append(frame.payload.decode(errors="replace"))
            elif frame.opcode == BINARY:
                messages.append(frame.payload)
        return messages

    def close(self, code: int = 1000) -> None:
        """Say that we go, and go."""
        if self.close_code is None:
            self._send(CLOSE, code.to_bytes(2, "big"))
            self._closed(code, "")

    def abort(self) -> None:
        """Go without a word; a thread that waits in `receive` is woken."""
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(SHUT_RDWR)
        self._connection.close()

    def _closed(self, code: int, reason: str) -> None:
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
        self._connection.close()

    def _send(self, opcode: int, payload: bytes) -> None:
        if self.close_code is not None:
            return
        try:
            with self._sending:
                self._connection.send_bytes(encode_frame(opcode, payload, os.urandom(4)))
        except ConnectionLost:
            self._closed(1006, "")


def open_websocket(transport: Transport, target: str) -> WebSocket:
    """A WebSocket at the route `target`; raises what the server answers instead of agreeing."""

    def attempt() -> WebSocket:
        connection = Connection(transport.address, transport.timeout_s)
        key = base64.b64encode(os.urandom(16)).decode()
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        }
        connection.send("GET", target, headers, b"")
        head = connection.read_head()
        if head.status != 101:
            problem = b"".join(connection.read_body(head))
            connection.close()
            raise from_problem(head.status, problem)
        accept = hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
        if head.headers.get("sec-websocket-accept") != base64.b64encode(accept).decode():
            connection.close()
            raise ProtocolError(f"what answers at {transport.address} is not a WebSocket server")
        connection.sock.settimeout(None)
        return WebSocket(connection)

    return transport.patiently(attempt)
