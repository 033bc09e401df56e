"""HTTP through the proxy, at a session's own name: a real server, a real app behind it."""

import json
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from launchyard.api import crossing
from launchyard.controller.sessions import Endpoint
from tests.api_bench import eventually
from tests.proxy_bench import MIB, Yard, headers_of
from tests.proxy_bench import module_yard as module_yard
from tests.proxy_bench import yard as yard


@pytest.mark.parametrize("tcp", [False, True])
def test_a_request_reaches_the_app_as_it_was_sent(yard: Yard, tcp: bool) -> None:
    yard.open(tcp=tcp)
    headers = {**yard.let_in(), "Content-Type": "text/x-own", "X-Own": "1"}
    told = yard.ask("PUT", "/session/17/a%2Fb//c?q=%20x&q=2", headers, raw=b"body\x00").json
    assert (told["method"], told["target"], told["body"]) == (
        "PUT",
        "/session/17/a%2Fb//c?q=%20x&q=2",
        "body\0",
    )
    given = headers_of(told)
    assert (given["content-type"], given["x-own"], given["host"]) == ("text/x-own", "1", yard.host())
    assert given["x-forwarded-proto"] == "http"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_passes(yard: Yard, method: str) -> None:
    answer = yard.ask(method, "/session/17/x", yard.let_in())
    assert answer.status == 200
    assert yard.app.asked[-1]["method"] == method


def test_an_app_that_knows_no_prefix_is_not_told_of_it(yard: Yard) -> None:
    yard.open(strip_prefix=True)
    headers = yard.let_in()
    targets = [
        yard.ask("GET", path, headers).json["target"]
        for path in ("/session/17/a?b", "/session/17", "/static/x", "/session/170/a")
    ]
    assert targets == ["/a?b", "/", "/static/x", "/session/170/a"]


def test_the_sessions_own_headers_go_before_those_that_are_sent(yard: Yard) -> None:
    yard.open(headers={"Authorization": "token {secret}"})
    given = headers_of(yard.ask("GET", "/", {**yard.let_in(), "Authorization": "token guess"}).json)
    assert given["authorization"] == "token hush"


def test_a_large_upload_is_carried_as_it_comes(yard: Yard) -> None:
    size = 24 * MIB
    answer = yard.ask("POST", "/upload", yard.let_in(), raw=b"x" * size)
    assert answer.json == {"received": size}


def test_an_upload_in_parts_is_carried_in_parts(yard: Yard) -> None:
    headers = yard.let_in()
    with yard.bench.connect() as sock:
        head = f"POST /upload HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n"
        head += f"Origin: {headers['Origin']}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        sock.sendall(head.encode())
        sock.sendall(b"5\r\nhello\r\n")
        eventually(lambda: yard.app.received == 5)
        sock.sendall(b"3\r\nyou\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.endswith(b'{"received": 8}')


def test_an_upload_waits_for_an_app_that_is_slow_to_reach(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossing, "LASTS_AFTER_S", 0.1)
    headers = yard.let_in()
    yard.sessions.endpoints[17] = replaced(yard, "a-launch-far-away")
    yard.reach_s = 0.5
    assert yard.ask("POST", "/upload", headers, raw=b"x" * MIB).json == {"received": MIB}


def test_a_large_answer_is_carried_as_it_comes(yard: Yard) -> None:
    answer = yard.ask("GET", "/big?mib=24", yard.let_in())
    assert len(answer.body) == 24 * MIB
    assert answer.headers["content-length"] == str(24 * MIB)


def test_a_stream_begins_before_it_ends_and_ends_with_its_client(yard: Yard) -> None:
    headers = yard.let_in()
    with yard.bench.connect() as sock:
        sock.sendall(
            f"GET /stream HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n\r\n".encode()
        )
        received = b""
        while received.count(b"tick") < 3:
            received += sock.recv(65536)
        assert b"text/event-stream" in received
    eventually(lambda: yard.app.open_streams == 0, "the app's stream to end")


def test_an_answer_that_does_not_come_is_given_up_with_its_client(yard: Yard) -> None:
    headers = yard.let_in()
    with yard.bench.connect() as sock:
        sock.sendall(
            f"GET /silent HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n\r\n".encode()
        )
        eventually(lambda: yard.app.open_streams == 1)
    eventually(lambda: yard.app.open_streams == 0, "the app's request to end")


def test_a_client_that_reads_nothing_holds_little_here(yard: Yard) -> None:
    """F13: what it does not take is not read from the app either."""
    headers = yard.let_in()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", yard.bench.port))
        before = resident_mib()
        head = f"GET /big?mib=512 HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n\r\n"
        sock.sendall(head.encode())
        eventually(lambda: yard.app.open_streams == 1)
        settled = time.monotonic() + 1
        eventually(lambda: time.monotonic() > settled)
        assert yard.app.open_streams == 1
        assert resident_mib() - before < 32
        assert yard.ask("GET", "/x", headers).status == 200
    eventually(lambda: yard.app.open_streams == 0)


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


def test_connections_to_the_app_are_kept_for_the_next_request(yard: Yard) -> None:
    headers = yard.let_in()
    before = len(yard.reached)
    for _ in range(20):
        assert yard.ask("GET", "/x", headers).status == 200
    assert len(yard.reached) - before <= 2


def test_an_app_that_cannot_be_reached_is_a_sentence(yard: Yard) -> None:
    headers = yard.let_in()
    yard.out_of_reach = True
    yard.sessions.endpoints[17] = replaced(yard, "another-launch")
    refused = yard.ask("GET", "/x", headers)
    assert (refused.status, refused.sentence) == (503, "nothing listens there")
    as_page = yard.ask("GET", "/x", {**headers, "Accept": "text/html"})
    assert b"<p>Nothing listens there.</p>" in as_page.body


def replaced(yard: Yard, launch_id: str) -> Endpoint:
    return replace(yard.sessions.endpoints[17], launch_id=launch_id)


def test_work_in_the_session_is_told_for_its_idle_stop(yard: Yard) -> None:
    headers = yard.let_in()
    before = len(yard.sessions.used)
    yard.ask("GET", "/x", headers)
    assert yard.sessions.used[before:] == [17]
    assert json.dumps(yard.app.asked[-1]["target"]) == '"/x"'
