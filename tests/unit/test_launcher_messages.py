"""Framing of the launcher's protocol."""

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.launcher import messages
from launchyard.launcher.link import Link
from launchyard.launcher.messages import FRAME_MAX, BrokenStream, Decoder, encode

texts = st.text(st.characters(exclude_categories=[]), max_size=30)


@pytest.mark.long
@given(st.lists(st.dictionaries(texts, texts | st.integers() | st.none(), max_size=4), max_size=5), st.data())
def test_messages_survive_however_the_stream_is_cut(
    contents: list[dict[str, object]], data: st.DataObject
) -> None:
    sent = [{**content, "t": "launch"} for content in contents]
    stream = b"".join(encode(message) for message in sent)
    decoder, received, position = Decoder(), [], 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        received += decoder.feed(stream[position : position + size])
        position += size
    assert received == sent


def test_bytes_that_are_not_utf8_survive() -> None:
    name = os.fsdecode(b"/home/a/\xff\xfe.txt")
    (message,) = Decoder().feed(encode({"t": "launch", "cwd": name}))
    assert os.fsencode(message["cwd"]) == b"/home/a/\xff\xfe.txt"


@pytest.mark.parametrize(
    "stream", [b"\xff\xff\xff\xff", b"\0\0\0\x02[]", b"\0\0\0\x02{}", b"\0\0\0\x01x", b'\0\0\0\x07{"t":1}']
)
def test_what_is_not_a_frame_breaks_the_stream(stream: bytes) -> None:
    with pytest.raises(BrokenStream):
        Decoder().feed(stream)


def test_deeply_nested_json_breaks_the_stream_only() -> None:
    body = b"[" * 100_000
    with pytest.raises(BrokenStream):
        Decoder().feed(len(body).to_bytes(4, "big") + body)


@pytest.mark.long
def test_a_message_that_is_too_long_is_refused_by_the_sender() -> None:
    with pytest.raises(ValueError, match="longer"):
        encode({"t": "launch", "script": "x" * FRAME_MAX})


def test_a_launch_says_only_what_was_asked() -> None:
    message = messages.launch(l="a", job=1, uid=2, node="n", argv=("x",), env={}, cwd="/", spool_log="a.log")
    assert "memory_mib" not in message
    assert message["argv"] == ["x"]


def test_an_end_leaves_out_what_is_unknown_or_false() -> None:
    assert messages.ended(3, "a", at=1.0, exit_code=0, signal=None, oom=False) == {
        "t": "ended",
        "seq": 3,
        "l": "a",
        "at": 1.0,
        "exit_code": 0,
    }


def test_a_link_carries_descriptors_in_the_order_of_their_messages() -> None:
    ours, theirs = socket.socketpair()
    link = Link(ours)
    pipes = [os.pipe(), os.pipe()]
    link.send({"t": "before"})
    for number, (read, _) in enumerate(pipes):
        link.send(messages.helper_started(str(number)), read)
    link.send({"t": "after"})
    link.flush()
    decoder = Decoder()
    received: list[messages.Message] = []
    fds: list[int] = []
    while len(received) < 4:
        data, new = messages.receive(theirs)
        received += decoder.feed(data)
        fds += new
    assert [message["t"] for message in received] == ["before", "helper", "helper", "after"]
    for (_, write), fd in zip(pipes, fds, strict=True):
        os.write(write, b"x")
        assert os.read(fd, 1) == b"x"
        os.close(write)
        os.close(fd)
    link.close()
    theirs.close()


def test_a_link_closes_when_its_peer_never_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launchyard.launcher.link._WAITING_MAX", 1 << 20)
    ours, theirs = socket.socketpair()
    link = Link(ours)
    while not link.closed:
        link.send({"t": "x", "text": "y" * 100_000})
        link.flush()
    link.close()
    theirs.close()
