"""What our programs say to each other is understood in whatever pieces it arrives: bytes have no seams."""

from collections.abc import Callable

import pytest

from launchyard.agent import frames as agent
from launchyard.agent.inside import Pieces, piece
from launchyard.launcher import messages
from launchyard.proxy.reader import Reader as AnswerReader
from launchyard.raycluster.http2 import CONTINUATION, END_HEADERS, HEADERS, PREFACE, Bearer
from launchyard.runner import frames as runner
from launchyard.sdk.body import Body
from launchyard.sdk.events import EventParser
from tests.pieces import cuts

Hear = Callable[[list[bytes]], object]


def heard_by_launcher(pieces: list[bytes]) -> object:
    decoder = messages.Decoder()
    return [message for one in pieces for message in decoder.feed(one)]


def heard_by_agent(pieces: list[bytes]) -> object:
    decoder = agent.Decoder()
    return [frame for one in pieces for frame in decoder.feed(one)]


def heard_through_slurm(pieces: list[bytes]) -> object:
    whole = Pieces()
    return b"".join(whole.feed(one) for one in pieces)


def heard_by_runner(pieces: list[bytes]) -> object:
    reader = runner.Reader()
    return [frame for one in pieces for frame in reader.feed(one)]


def heard_by_sdk(pieces: list[bytes]) -> object:
    parser = EventParser()
    return [event for one in pieces for event in parser.feed(one)], parser.last_id


def heard_of_a_body(pieces: list[bytes]) -> object:
    body, found, rest = Body(200, {"transfer-encoding": "chunked"}), b"", b""
    for one in pieces:
        if body.finished:
            rest += one
        else:
            found += body.feed(one)
            rest += body.rest
    return found, rest, body.finished


def heard_by_proxy(pieces: list[bytes]) -> object:
    reader, found = AnswerReader(), b""
    for one in pieces:
        reader.feed(one)
        found += reader.take()
    return reader.status, reader.headers, found, reader.over, reader.keeps


def heard_by_ray(pieces: list[bytes]) -> object:
    bearer = Bearer("secret")
    return b"".join(bearer.feed(one) for one in pieces)


def http2(kind: int, flags: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + (1).to_bytes(4, "big") + payload


EXCHANGES: dict[str, tuple[bytes, Hear]] = {
    "launcher": (
        messages.encode(messages.hello()) + messages.encode({"t": "x", "of": "\udcff"}) * 2,
        heard_by_launcher,
    ),
    "agent": (
        agent.encode(agent.OPEN, 2, b"launcher")
        + agent.attach(2, agent.FILE, 4)
        + agent.encode(agent.END, 2),
        heard_by_agent,
    ),
    "through slurm": (piece(b"one\n") + piece(b"") + piece(b"\n\n"), heard_through_slurm),
    "runner": (
        runner.told(runner.HELLO, {"node": "n1"})
        + runner.frame(runner.OUTPUT, b"", 3)
        + runner.frame(runner.ERRORS, b"x\n", 3),
        heard_by_runner,
    ),
    "events": (
        ': quiet\n\nid: 7\nevent: job\ndata: {"name":\ndata: "ü"}\n\nevent: reset\r\n\r\nid: 8\n'.encode(),
        heard_by_sdk,
    ),
    "body": (b"3\r\nabc\r\nb;x=y\r\n\r\n0\r\n\r\nhell\r\n0\r\nT: u\r\n\r\nHTTP/1.1", heard_of_a_body),
    "answer": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
        heard_by_proxy,
    ),
    "ray": (
        PREFACE
        + http2(4, 0, b"")
        + http2(HEADERS, 0, b"\x82")
        + http2(CONTINUATION, END_HEADERS, b"\x84")
        + http2(0, 1, b"body"),
        heard_by_ray,
    ),
}


@pytest.mark.parametrize("who", EXCHANGES)
def test_it_is_understood_in_any_pieces(who: str) -> None:
    said, hear = EXCHANGES[who]
    whole = hear([said])
    assert whole
    for pieces in cuts(said):
        assert hear(pieces) == whole, pieces
