"""The client's WebSocket: frames by RFC 6455, and a connection against a small server of the test's own."""

import asyncio
import base64
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Conflict
from launchyard.sdk.address import Address
from launchyard.sdk.connection import Connection
from launchyard.sdk.errors import ProtocolError
from launchyard.sdk.jobsubmission import JobSubmissionClient
from launchyard.sdk.transport import Transport
from launchyard.sdk.websocket import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    FrameReader,
    WebSocket,
    encode_frame,
    masked,
    open_websocket,
)
from tests.pieces import cuts, first_bytes

Peer = Callable[[socket.socket, bytes], None]


def server_frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame as a server sends it: not masked."""
    length = len(payload)
    head = bytes([(0x80 if final else 0) | opcode])
    if length < 126:
        return head + bytes([length]) + payload
    if length < 65536:
        return head + bytes([126]) + length.to_bytes(2, "big") + payload
    return head + bytes([127]) + length.to_bytes(8, "big") + payload


@contextmanager
def peer(
    directory: Path, behave: Peer, *, answer: bytes | None = None, behind: bytes = b""
) -> Iterator[Transport]:
    """A server that agrees to one WebSocket and then behaves as told (or answers something else).

    What comes `behind` its answer comes with it.
    """
    path = directory / "api.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(65536)
            key = next(
                line.split(b":")[1].strip()
                for line in request.split(b"\r\n")
                if line.lower().startswith(b"sec-websocket-key")
            )
            digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            agreed = (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
            )
            connection.sendall((answer or agreed) + behind)
            behave(connection, request)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Transport(Address(socket=str(path)), timeout_s=30, patience_s=0)
    finally:
        thread.join(30)
        listener.close()


def everything(connection: WebSocket) -> list[bytes | str]:
    messages: list[bytes | str] = []
    while connection.close_code is None:
        messages += connection.receive()
    return messages


@given(st.binary(max_size=70_000), st.binary(min_size=4, max_size=4))
def test_masking_twice_gives_the_payload_back(payload: bytes, mask: bytes) -> None:
    assert masked(masked(payload, mask), mask) == payload


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_client_frame_has_the_length_form_that_the_rfc_asks_for(length: int) -> None:
    frame = encode_frame(BINARY, bytes(length), b"\0\0\0\0")

    form = frame[1] & 0x7F
    assert frame[0] == 0x82
    assert frame[1] & 0x80
    assert form == (length if length < 126 else 126 if length < 65_536 else 127)
    assert len(frame) == length + {126: 8, 127: 14}.get(form, 6)


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(min_value=1, max_value=50))
def test_frames_are_read_in_any_slicing(payloads: list[bytes], size: int) -> None:
    raw = b"".join(server_frame(BINARY, payload) for payload in payloads)
    reader, read = FrameReader(), []

    for start in range(0, len(raw), size):
        read += reader.feed(raw[start : start + size])

    assert [frame.payload for frame in read] == payloads


def test_fragments_become_one_message_with_a_ping_between() -> None:
    raw = server_frame(TEXT, b"he", final=False) + server_frame(PING, b"?") + server_frame(0, b"llo")

    frames = FrameReader().feed(raw)

    assert [(frame.opcode, frame.payload) for frame in frames] == [(PING, b"?"), (TEXT, b"hello")]


@pytest.mark.parametrize(
    "raw", [bytes([0x82, 0x81]), bytes([0xF2, 0x01]), bytes([0x82, 127]) + (1 << 40).to_bytes(8, "big")]
)
def test_frame_that_is_masked_reserved_or_huge_is_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        FrameReader().feed(raw)


def test_messages_go_both_ways_until_the_server_closes(tmp_path: Path) -> None:
    received: list[bytes] = []

    def behave(connection: socket.socket, request: bytes) -> None:
        received.append(first_bytes(connection, 10))
        connection.sendall(server_frame(BINARY, b"out") + server_frame(TEXT, b'{"exit_code": 3}'))
        connection.sendall(server_frame(CLOSE, (1000).to_bytes(2, "big") + b"bye"))

    with peer(tmp_path, behave) as transport:
        connection = open_websocket(transport, "/v1/jobs/7/terminal")
        connection.send_bytes(b"keys")
        messages = everything(connection)

    assert messages == [b"out", '{"exit_code": 3}']
    assert (connection.close_code, connection.close_reason) == (1000, "bye")
    assert masked(received[0][6:], received[0][2:6]) == b"keys"


def test_ping_is_answered_with_its_own_payload(tmp_path: Path) -> None:
    answers: list[bytes] = []

    def behave(connection: socket.socket, request: bytes) -> None:
        connection.sendall(server_frame(PING, b"abc"))
        answers.append(first_bytes(connection, 9))

    with peer(tmp_path, behave) as transport:
        connection = open_websocket(transport, "/x")
        everything(connection)

    assert answers[0][0] == 0x8A
    assert masked(answers[0][6:], answers[0][2:6]) == b"abc"


@pytest.mark.parametrize("behind", [b"", b"$ "])
def test_what_came_with_the_agreement_is_there_to_be_received(tmp_path: Path, behind: bytes) -> None:
    """Nothing more comes then, and the socket says nothing of it."""
    gone = threading.Event()

    def behave(connection: socket.socket, request: bytes) -> None:
        assert gone.wait(60)

    with peer(tmp_path, behave, behind=server_frame(BINARY, behind) if behind else b"") as transport:
        connection = open_websocket(transport, "/x")
        assert connection.came == bool(behind)
        assert connection.readable(0) == bool(behind)
        if behind:
            assert connection.receive() == [behind]
            assert not connection.came
        gone.set()
        everything(connection)


def test_an_exchange_is_understood_in_any_pieces(tmp_path: Path) -> None:
    raw = server_frame(TEXT, b"he", final=False) + server_frame(PING, b"?") + server_frame(0, b"llo")
    raw += server_frame(BINARY, bytes(130)) + server_frame(CLOSE, (1000).to_bytes(2, "big") + b"bye")
    whole = FrameReader().feed(raw)
    assert len(whole) == 4
    for pieces in cuts(raw):
        reader = FrameReader()
        assert [frame for piece in pieces for frame in reader.feed(piece)] == whole


def test_connection_that_ends_without_a_word_is_1006(tmp_path: Path) -> None:
    with peer(tmp_path, lambda connection, request: None) as transport:
        connection = open_websocket(transport, "/x")
        everything(connection)
        connection.send_bytes(b"into the void")

    assert connection.close_code == 1006


def test_refusal_instead_of_agreement_is_the_servers_sentence(tmp_path: Path) -> None:
    body = b'{"detail": "job 7 has ended", "code": "conflict"}'
    answer = b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    with (
        peer(tmp_path, lambda connection, request: None, answer=answer) as transport,
        pytest.raises(Conflict, match="job 7 has ended"),
    ):
        open_websocket(transport, "/x")


def test_large_messages_arrive_whole(tmp_path: Path) -> None:
    payload = os.urandom(300_000)

    def behave(connection: socket.socket, request: bytes) -> None:
        connection.sendall(server_frame(BINARY, payload) + server_frame(CLOSE, (1000).to_bytes(2, "big")))

    with peer(tmp_path, behave) as transport:
        messages = everything(open_websocket(transport, "/x"))

    assert messages == [payload]


class Said:
    """A connection that gives what was said piece by piece, then its end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self.sock = socket.socket()

    def read_some(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def send_bytes(self, data: bytes) -> None: ...

    def close(self) -> None:
        self.sock.close()


BYE = server_frame(CLOSE, (1000).to_bytes(2, "big"))


def tailed(monkeypatch: pytest.MonkeyPatch, *connections: list[bytes]) -> str:
    """What a client is told of a log by these connections, one after the other."""
    client = JobSubmissionClient.__new__(JobSubmissionClient)
    left = [WebSocket(cast(Connection, Said(pieces))) for pieces in connections]
    monkeypatch.setattr(client, "_tail", lambda job: left.pop(0))

    async def told() -> str:
        return "".join([text async for text in client.tail_job_logs("one")])

    return asyncio.run(asyncio.wait_for(told(), 60))


def test_a_tail_ends_with_its_job_and_not_with_a_quiet_moment_or_a_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ping says that the server is there still, and part of a message that the rest of it comes."""
    ping = server_frame(PING, b"")
    said = ping + server_frame(TEXT, b"one\n") + ping + server_frame(TEXT, "zwölf\n".encode()) + BYE
    for pieces in cuts(said):
        assert tailed(monkeypatch, pieces) == "one\nzwölf\n"


@pytest.mark.parametrize("end", [0, 1, 5, 6, 8, 12])
def test_a_tail_that_was_cut_anywhere_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch, end: int) -> None:
    said = server_frame(TEXT, b"one\n") + server_frame(TEXT, b"two\n")
    assert tailed(monkeypatch, [said[:end]], [said + BYE]) == "one\ntwo\n"
