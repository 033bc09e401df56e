"""The proxy before apps that close, cut off, add to or deny what they began: scripts at a socket."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api_bench import eventually
from tests.pieces import first_line
from tests.proxy_bench import MIB, Yard
from tests.proxy_bench import module_yard as module_yard
from tests.proxy_bench import yard as yard

OK = b"HTTP/1.1 200 OK\r\n"
FIRST, SECOND = OK + b"Content-Length: 5\r\n\r\nfirst", OK + b"Content-Length: 6\r\n\r\nsecond"
GOES = b""
"""Instead of an answer."""


@contextlib.contextmanager
def answering(yard: Yard, directory: Path, *connections: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Session 17 gives these answers at its first connection, those at its second; what it is asked."""
    path = directory / "odd.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(8)
    asked: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            for answers in connections:
                client, _ = listener.accept()
                with client:
                    for answer in answers:
                        request = b""
                        while b"\r\n\r\n" not in request and (data := client.recv(65536)):
                            request += data
                        if not request:
                            break
                        asked.append(request)
                        if answer is GOES:
                            break
                        client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    kept, yard.unix = yard.unix, path
    yard.open()
    yard.sessions.endpoints[17] = replace(yard.sessions.endpoints[17], launch_id=str(path))
    yard.unix = kept
    try:
        yield asked
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(30)


def test_what_was_asked_as_the_app_closed_is_asked_again(yard: Yard, tmp_path: Path) -> None:
    with answering(yard, tmp_path, [FIRST, GOES], [SECOND]) as asked:
        headers = yard.let_in()
        assert yard.ask("GET", "/a", headers).body == b"first"
        assert yard.ask("GET", "/b", headers).body == b"second"
    assert [one.split()[1] for one in asked] == [b"/a", b"/b", b"/b"]


@pytest.mark.parametrize(("method", "raw"), [("POST", None), ("PUT", b"body"), ("PATCH", b"body")])
def test_what_may_have_been_done_is_not_asked_again(
    yard: Yard, tmp_path: Path, method: str, raw: bytes | None
) -> None:
    with answering(yard, tmp_path, [FIRST, GOES], [SECOND]) as asked:
        headers = yard.let_in()
        yard.ask("GET", "/a", headers)
        refused = yard.ask(method, "/b", headers, raw=raw)
    assert refused.status == 502
    assert refused.sentence == "the app in the session gave no proper answer (the connection ended)"
    assert len(asked) == 2


def test_an_answer_that_is_cut_off_is_cut_off_for_the_client(yard: Yard, tmp_path: Path) -> None:
    """It is not made to look whole, neither by its length nor by its parts."""
    measured = OK + b"Content-Length: 10\r\n\r\nhalf"
    in_parts = OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    with answering(yard, tmp_path, [measured], [in_parts]):
        headers = yard.let_in()
        for _ in range(2):
            with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                yard.ask("GET", "/a", headers)


def test_an_answer_that_ends_with_its_connection_is_whole(yard: Yard, tmp_path: Path) -> None:
    with answering(yard, tmp_path, [OK + b"X: y\r\n\r\nall"], [SECOND]):
        headers = yard.let_in()
        assert yard.ask("GET", "/a", headers).body == b"all"
        assert yard.ask("GET", "/b", headers).body == b"second"


def test_what_an_app_adds_to_its_answer_answers_nothing_else(yard: Yard, tmp_path: Path) -> None:
    """Threat 43: response splitting by an app at the connection that is kept for others of its visitors."""
    with answering(yard, tmp_path, [FIRST + SECOND, SECOND], [SECOND]) as asked:
        headers = yard.let_in()
        assert yard.ask("GET", "/a", headers).body == b"first"
        assert yard.ask("GET", "/b", headers).body == b"second"
    assert len(asked) == 2


def test_not_modified_is_passed_with_nothing_behind_it(yard: Yard, tmp_path: Path) -> None:
    unchanged = b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 500\r\n\r\n"
    with answering(yard, tmp_path, [unchanged, SECOND]):
        headers = yard.let_in()
        answer = yard.ask("GET", "/a", headers)
        assert (answer.status, answer.headers["etag"], answer.body) == (304, "x", b"")
        assert yard.ask("GET", "/b", headers).body == b"second"


def test_an_upload_that_is_refused_at_once_is_answered_at_once(yard: Yard, tmp_path: Path) -> None:
    """And the connection with the rest of it on its way is not used again."""
    refused = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\ntoo"
    with answering(yard, tmp_path, [refused], [SECOND]):
        headers = yard.let_in()
        with yard.bench.connect() as sock:
            head = f"POST /a HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n"
            head += f"Origin: {headers['Origin']}\r\nContent-Length: {8 * MIB}\r\n\r\n"
            sock.sendall(head.encode() + b"x" * 1000)
            assert first_line(sock).startswith(b"HTTP/1.1 413 ")
        assert yard.ask("GET", "/b", headers).body == b"second"


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        OK + b"X: a\nb: c\r\n\r\n",
        b"HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_a_sentence(yard: Yard, tmp_path: Path, answer: bytes) -> None:
    with answering(yard, tmp_path, [answer]):
        refused = yard.ask("GET", "/a", yard.let_in())
    assert refused.status == 502
    assert refused.sentence.startswith("the app in the session gave no proper answer (")


@pytest.mark.slow
def test_a_connection_that_is_not_used_is_closed_before_the_app_would(yard: Yard, tmp_path: Path) -> None:
    with answering(yard, tmp_path, [FIRST, SECOND]) as asked:
        yard.ask("GET", "/a", yard.let_in())
        there = threading.active_count()
        # The app's script waits for another request and ends when the connection does.
        eventually(lambda: threading.active_count() < there, "the quiet connection to be closed")
    assert len(asked) == 1
