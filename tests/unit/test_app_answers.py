"""How what an app sends is read: where an answer ends, what is none, whether the connection may be kept."""

from collections.abc import Iterable

import pytest

from launchyard.proxy.headers import Unfit, lines_of
from launchyard.proxy.reader import LOOSE_MAX_BYTES, Broken, Reader

OK = b"HTTP/1.1 200 OK\r\n"
TWO = OK + b"Content-Length: 2\r\n\r\nhi"


def read(parts: Iterable[bytes], *, only_head: bool = False) -> Reader:
    reader = Reader()
    reader.expect(only_head=only_head)
    for part in parts:
        reader.feed(part)
    return reader


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (TWO, 200, b"hi"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\nX-Late: 1\r\n\r\n",
            200,
            b"hi",
        ),
        (OK + b"TRANSFER-ENCODING:Chunked \r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, b"hi"),
        (b"HTTP/1.1 404\r\ncontent-length:0\r\n\r\n", 404, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + TWO, 200, b"hi"),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\nLink: x\r\n\r\n" + TWO, 200, b"hi"),
    ],
)
@pytest.mark.parametrize("piecemeal", [False, True])
def test_an_answer_ends_where_it_says(sent: bytes, status: int, body: bytes, piecemeal: bool) -> None:
    reader = read([sent[n : n + 1] for n in range(len(sent))] if piecemeal else [sent])

    assert (reader.status, reader.take(), reader.over, reader.keeps) == (status, body, True, True)
    assert b"Link" not in dict(reader.headers)


def test_one_answer_after_another_is_read() -> None:
    reader = read([TWO])
    reader.take()
    reader.expect(only_head=True)
    reader.feed(OK + b"Content-Length: 100\r\n\r\n")
    assert (reader.take(), reader.over, reader.keeps) == (b"", True, True)

    reader.expect(only_head=False)
    reader.feed(TWO)

    assert (reader.take(), reader.over, reader.keeps) == (b"hi", True, True)


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    reader = read([OK + b"X: y\r\n\r\nhal", b"f"])
    assert not reader.ended

    reader.end()

    assert (reader.take(), reader.over, reader.keeps) == (b"half", True, False)


@pytest.mark.parametrize(
    "sent",
    [b"", OK, OK + b"Content-Length: 3\r\n\r\nhi", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"],
)
def test_an_answer_that_is_cut_off_is_none(sent: bytes) -> None:
    reader = read([sent])

    with pytest.raises(Broken, match="ended"):
        reader.end()


@pytest.mark.parametrize(
    "sent",
    [
        TWO + b"more",
        TWO + TWO,
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhimore",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ],
)
def test_a_connection_is_not_kept_after_more_than_the_answer(sent: bytes) -> None:
    """Threat 43: what comes behind an answer is never the answer to the next request."""
    reader = read([sent])

    assert (reader.take(), reader.over, reader.keeps) == (b"hi", True, False)


def test_an_answer_to_head_that_has_a_body_ends_the_connection() -> None:
    reader = read([TWO], only_head=True)

    assert (reader.take(), reader.over, reader.keeps) == (b"", True, False)


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 5, 5\r\n\r\nhello",
        OK + b"Content-Length: +5\r\n\r\nhello",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\nx",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n",
        OK + b"X: a\r\n folded\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"X : a\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"X: a\x00b\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"X: a\nY: b\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_answer(sent: bytes) -> None:
    """Threats 43 and 44."""
    with pytest.raises(Broken):
        read([sent])


@pytest.mark.parametrize(
    ("begin", "endless"),
    [
        (OK, b"X: " + b"y" * 997 + b"\r\n"),
        (OK + b"X: ", b"y" * 1000),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"y" * 1000),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"y" * 1000),
    ],
)
def test_what_describes_an_answer_does_not_go_on_for_ever(begin: bytes, endless: bytes) -> None:
    with pytest.raises(Broken):
        read([begin, *[endless] * (LOOSE_MAX_BYTES // 1000 + 2)])


def test_a_body_is_as_long_as_it_likes() -> None:
    reader = read([OK + b"Content-Length: 1000000\r\n\r\n", *[b"x" * 1000] * 1000])

    assert (len(reader.take()), reader.over) == (1_000_000, True)


@pytest.mark.parametrize("value", [b"a\r\nX: b", b"a\nb", b"a\rb", b"a\x00b", b"a\r\n"])
def test_a_request_to_an_app_is_never_split(value: bytes) -> None:
    """Threat 44: neither by what a client sends nor by what an app's own settings put to it."""
    with pytest.raises(Unfit):
        lines_of([(b"x", value)])
    assert lines_of([(b"x", b"a\tb"), (b"y", b"")]) == b"x: a\tb\r\ny: \r\n"
