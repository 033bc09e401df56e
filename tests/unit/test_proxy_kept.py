"""One request after another over one connection: what was found of the last holds for the next, no longer."""

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from launchyard.api import crossing, server
from launchyard.api.auth import Authenticator, Identity
from launchyard.api.forwarded import Doors
from launchyard.model.token import Token
from tests.api_bench import Answer, eventually
from tests.pieces import first_bytes, first_line
from tests.proxy_bench import MIB, Yard, headers_of, yard_in
from tests.proxy_bench import module_yard as module_yard
from tests.proxy_bench import yard as yard


class Kept:
    """A browser's connection, which is never made anew."""

    def __init__(self, yard: Yard, headers: Mapping[str, str], session_id: int = 17) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", yard.bench.port, timeout=60)
        self._connection.connect()
        self._connection.auto_open = 0
        self._headers = {"Host": yard.host(session_id), **headers}

    def ask(
        self, method: str, path: str, more: Mapping[str, str] | None = None, *, raw: bytes | None = None
    ) -> Answer:
        self._connection.request(method, path, raw, {**self._headers, **(more or {})})
        response = self._connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def close(self) -> None:
        self._connection.close()


@contextmanager
def kept(yard: Yard, headers: Mapping[str, str], session_id: int = 17) -> Iterator[Kept]:
    """Over it the app was asked already, so who asks is known."""
    made = Kept(yard, headers, session_id)
    try:
        for _ in range(2):
            assert made.ask("GET", "/before").status == 200
        yield made
    finally:
        made.close()


def head_of(yard: Yard) -> str:
    """Headers of a browser that was let in and is known."""
    headers = yard.let_in()
    assert yard.ask("GET", "/before", headers).status == 200
    yard.app.asked.clear()
    return f"Host: {yard.host()}\r\nCookie: {headers['Cookie']}\r\nOrigin: {headers['Origin']}\r\n"


@contextmanager
def spoken(yard: Yard, sent: str) -> Iterator[socket.socket]:
    """A connection at which this was said; HEAD stands for such headers."""
    head = head_of(yard)
    with yard.bench.connect() as sock:
        sock.sendall(sent.replace("HEAD", head).encode())
        yield sock


def let_in_by_a_token(yard: Yard) -> tuple[str, str]:
    """A new token's id, and the cookie of a browser that was let in by it, which is not known yet."""
    made = yard.bench.ask("POST", "/v1/tokens", {}, user="ada").json
    by_it = {"Authorization": f"Bearer {made['token']}"}
    url = yard.bench.ask("POST", "/v1/sessions/17/open", {}, user="", headers=by_it).json["url"]
    entered = yard.ask("GET", url.partition(yard.host())[2], {})
    return made["id"], entered.headers["set-cookie"].partition(";")[0]


def all_of(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_the_same_words_reach_the_app_each_time_with_their_own_address(yard: Yard) -> None:
    with kept(yard, yard.let_in()) as browser:
        told = [browser.ask("GET", path).json for path in ("/a?x=1", "/b", "/a%2Fb")]
    assert [one["target"] for one in told] == ["/a?x=1", "/b", "/a%2Fb"]
    assert told[0]["headers"] == told[1]["headers"] == told[2]["headers"]
    assert "launchyard" not in str(headers_of(told[1]).get("cookie"))


def test_other_words_are_told_as_they_are(yard: Yard) -> None:
    with kept(yard, {**yard.let_in(), "X-Own": "1"}) as browser:
        for own in ("2", "2", "3"):
            assert headers_of(browser.ask("GET", "/x", {"X-Own": own}).json)["x-own"] == own
        assert browser.ask("POST", "/x", raw=b"body").json["body"] == "body"
        assert browser.ask("POST", "/x", raw=b"more").json["body"] == "more"
        assert browser.ask("HEAD", "/x").body == b""
        assert browser.ask("GET", "/x").json["method"] == "GET"


def test_an_app_that_answers_otherwise_is_heard(yard: Yard) -> None:
    with kept(yard, yard.let_in()) as browser:
        for value in ("a=1", "a=1", "b=2; Domain=localhost"):
            yard.app.headers[:] = [("Set-Cookie", value)]
            assert browser.ask("GET", "/x").headers["set-cookie"] == value.partition(";")[0]


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_from_elsewhere_asks_nothing_over_a_connection_that_is_known(
    yard: Yard, page: dict[str, str]
) -> None:
    """Threat 3: who was let in before over the same connection vouches for no other page."""
    with kept(yard, yard.let_in()) as browser:
        yard.app.asked.clear()
        assert browser.ask("GET", "/x", page).status == 403
        assert browser.ask("POST", "/x", page, raw=b"body").status == 403
        assert not yard.app.asked
        assert browser.ask("GET", "/x").status == 200


def test_a_write_that_names_no_page_is_refused_after_readings(yard: Yard) -> None:
    """Threat 3: in the same words as a reading, a write is another matter."""
    headers = yard.let_in()
    del headers["Origin"]
    with kept(yard, headers) as browser:
        yard.app.asked.clear()
        for method in ("POST", "DELETE", "OPTIONS"):
            assert browser.ask(method, "/x").status == 403
        assert not yard.app.asked


def test_nobody_comes_in_over_the_connection_of_somebody_else(yard: Yard) -> None:
    """Threats 1 and 28: a proxy before us may send requests of many people over one connection."""
    yard.open(170)
    there = {"Host": yard.host(170), "Origin": f"http://{yard.host(170)}"}
    with kept(yard, yard.let_in()) as browser:
        assert browser.ask("GET", "/x", {"Cookie": "a=b"}).status == 401
        assert browser.ask("GET", "/x", there).status == 401
        assert browser.ask("GET", "/x", {"Host": "17.evil.example"}).status == 421
        assert browser.ask("GET", "/.launchyard/enter").status == 401


def test_a_trusted_proxy_speaks_for_one_client_after_another(tmp_path: Path) -> None:
    """Threat 7: over one connection, and each in the same words but for whom it speaks for."""
    with yard_in(tmp_path, doors=Doors(["127.0.0.1"])) as yard:
        yard.open()
        with kept(yard, yard.let_in()) as proxy:
            for client in ("203.0.113.7", "203.0.113.7", "203.0.113.8"):
                seen = headers_of(proxy.ask("GET", "/x", {"X-Forwarded-For": client}).json)
                assert seen["x-forwarded-for"] == client
            # By TLS it is another origin, at which another cookie lets in.
            schemes = [{"X-Forwarded-Proto": scheme} for scheme in ("http", "https", "http")]
            assert [proxy.ask("GET", "/x", scheme).status for scheme in schemes] == [200, 401, 200]


def test_a_revoked_login_is_asked_for_at_the_next_request(yard: Yard) -> None:
    """Threat 30: over a connection that is open already, and in the same words."""
    token_id, cookie = let_in_by_a_token(yard)
    with kept(yard, {"Cookie": cookie}) as browser:
        yard.bench.ask("DELETE", f"/v1/tokens/{token_id}", user="ada")
        yard.app.asked.clear()
        assert browser.ask("GET", "/before").status == 401
        assert not yard.app.asked


def test_a_revoked_login_loses_the_answer_that_it_waits_for(yard: Yard) -> None:
    """Threat 30: also where the request was let in by what was known."""
    assert crossing.LASTS_AFTER_S <= 5
    token_id, cookie = let_in_by_a_token(yard)
    head = f"Host: {yard.host()}\r\nCookie: {cookie}\r\n\r\n"
    with yard.bench.connect() as stream:
        stream.sendall(f"GET /before HTTP/1.1\r\n{head}".encode())
        assert stream.recv(65536)
        stream.sendall(f"GET /stream HTTP/1.1\r\n{head}".encode())
        eventually(lambda: yard.app.open_streams == 1, "the app's stream to begin")
        yard.bench.ask("DELETE", f"/v1/tokens/{token_id}", user="ada")
        with suppress(ConnectionResetError):
            all_of(stream)
    eventually(lambda: yard.app.open_streams == 0, "the app's stream to end")


def test_a_session_that_ended_is_not_reached_over_a_connection_that_is_known(yard: Yard) -> None:
    """Threat 6."""
    with kept(yard, yard.let_in()) as browser:
        endpoint = yard.sessions.endpoints[17]
        yard.close()
        yard.app.asked.clear()
        assert browser.ask("GET", "/before").status == 404
        before = len(yard.reached)
        yard.sessions.endpoints[17] = replace(endpoint, launch_id="launched-again", secret="new")
        assert browser.ask("GET", "/before").status == 200
        assert len(yard.reached) == before + 1


def test_with_whom_it_is_shared_no_longer_is_refused_at_the_next_request(yard: Yard) -> None:
    """Threat 9."""
    yard.open(18, sharers=("bob",))
    with kept(yard, yard.let_in(18, "bob"), 18) as browser:
        yard.open(18)
        assert browser.ask("GET", "/before").status == 404


def test_the_secret_of_a_session_is_put_to_its_requests_as_it_is_now(yard: Yard) -> None:
    """Threat 46."""
    yard.open(17, headers={"Authorization": "token {secret}"})
    with kept(yard, yard.let_in()) as browser:
        assert headers_of(browser.ask("GET", "/x").json)["authorization"] == "token hush"
        yard.sessions.endpoints[17] = replace(yard.sessions.endpoints[17], secret="another")
        assert headers_of(browser.ask("GET", "/x").json)["authorization"] == "token another"


def test_an_app_that_cannot_be_reached_is_a_sentence_over_a_kept_connection(yard: Yard) -> None:
    with kept(yard, yard.let_in()) as browser:
        yard.out_of_reach = True
        yard.sessions.endpoints[17] = replace(yard.sessions.endpoints[17], launch_id="gone")
        refused = browser.ask("GET", "/before")
        assert (refused.status, refused.sentence) == (503, "nothing listens there")
        page = browser.ask("GET", "/before", {"Accept": "text/html"})
        assert b"<p>Nothing listens there.</p>" in page.body
        yard.out_of_reach = False
        assert browser.ask("GET", "/before").status == 200


def test_requests_that_come_together_are_answered_in_their_order(yard: Yard) -> None:
    sent = "".join(f"GET /{n} HTTP/1.1\r\nHEAD\r\n" for n in range(5))
    sent += "POST /p HTTP/1.1\r\nHEADContent-Length: 4\r\n\r\nbody"
    sent += "GET /last HTTP/1.1\r\nHEADConnection: close\r\n\r\n"
    with spoken(yard, sent) as sock:
        answers = all_of(sock)
    assert [one["target"] for one in yard.app.asked] == ["/0", "/1", "/2", "/3", "/4", "/p", "/last"]
    places = [answers.index(f'"target": "/{name}"'.encode()) for name in (0, 1, 2, 3, 4, "p", "last")]
    assert places == sorted(places)
    assert yard.app.asked[5]["body"] == "body"
    assert answers.count(b"HTTP/1.1 200 OK") == 7
    assert answers.count(b"connection: close") == 1


def test_a_client_that_waits_to_be_told_is_told_to_send(yard: Yard) -> None:
    sent = (
        "POST /upload HTTP/1.1\r\nHEADContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with spoken(yard, sent) as sock:
        assert first_bytes(sock, 25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert all_of(sock).endswith(b'{"received": 5}')


def test_a_client_of_old_gets_an_answer_without_parts(yard: Yard) -> None:
    with spoken(yard, "GET /stream HTTP/1.0\r\nHEAD\r\n") as sock:
        answer = b""
        while answer.count(b"tick") < 2:
            answer += sock.recv(65536)
    assert b"transfer-encoding" not in answer
    assert b"connection: close\r\n" in answer
    assert b"\r\n\r\ndata: tick\n\ndata: tick\n\n" in answer
    eventually(lambda: yard.app.open_streams == 0)


def test_the_rest_of_an_upload_that_was_refused_is_no_request(yard: Yard) -> None:
    """Threat 43: and what follows it over the same connection is answered."""
    size = 2 * MIB
    head = head_of(yard)
    with yard.bench.connect() as sock:
        yard.out_of_reach = True
        yard.sessions.endpoints[17] = replace(yard.sessions.endpoints[17], launch_id="not there")
        sock.sendall(f"POST /a HTTP/1.1\r\n{head}Content-Length: {size}\r\n\r\n".encode())
        assert first_line(sock).startswith(b"HTTP/1.1 503 ")
        yard.out_of_reach = False
        sock.sendall(b"GET /smuggled HTTP/1.1\r\n\r\n".ljust(size, b"x"))
        sock.sendall(f"GET /after HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
        assert b'"target": "/after"' in all_of(sock)
    assert not any("smuggled" in str(one.get("target")) for one in yard.app.asked)


def test_a_client_that_reads_nothing_holds_little_over_a_kept_connection(yard: Yard) -> None:
    """F13."""
    headers = yard.let_in()
    head = f"Host: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n\r\n"
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", yard.bench.port))
        sock.sendall(f"GET /before HTTP/1.1\r\n{head}".encode())
        assert sock.recv(65536)
        before = resident_mib()
        sock.sendall(f"GET /big?mib=512 HTTP/1.1\r\n{head}".encode())
        eventually(lambda: yard.app.open_streams == 1)
        settled = time.monotonic() + 1
        eventually(lambda: time.monotonic() > settled)
        assert yard.app.open_streams == 1
        assert resident_mib() - before < 32
    eventually(lambda: yard.app.open_streams == 0)


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


def test_whoever_has_gone_before_it_is_let_in_asks_nothing(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would hear of it any more that it has gone, and what it asked for might last for ever."""
    _, cookie = let_in_by_a_token(yard)
    asked, gone, let_in = threading.Event(), threading.Event(), threading.Event()
    of_token = Authenticator.of_token

    async def late(self: Authenticator, token: Token) -> Identity:
        asked.set()
        await asyncio.to_thread(gone.wait, 30)
        for _ in range(50):
            await asyncio.sleep(0)
        let_in.set()
        return await of_token(self, token)

    with monkeypatch.context() as patched:
        patched.setattr(Authenticator, "of_token", late)
        with yard.bench.connect() as sock:
            sock.sendall(f"GET /gone HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {cookie}\r\n\r\n".encode())
            assert asked.wait(30)
        gone.set()
        assert let_in.wait(30)
    assert yard.ask("GET", "/after", {"Cookie": cookie}).status == 200
    assert [one["target"] for one in yard.app.asked] == ["/after"]


def test_a_quiet_connection_is_closed_in_its_time_and_one_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 2)
    with yard_in(tmp_path) as yard:
        yard.open()
        headers = yard.let_in()
        with kept(yard, headers) as browser, yard.dial(headers) as socket_:
            until = time.monotonic() + 4.5
            while time.monotonic() < until:
                assert browser.ask("GET", "/before").status == 200
            socket_.send("still there")
            assert socket_.recv(30) == "still there"
        with yard.bench.connect() as sock:
            sock.sendall(f"GET /x HTTP/1.1\r\nHost: {yard.host()}\r\n\r\n".encode())
            assert all_of(sock).startswith(b"HTTP/1.1 401 ")
