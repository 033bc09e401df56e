"""Attacks on sessions and through them: by sockets, against a real server with an app behind it."""

import contextlib
from dataclasses import replace
from typing import NoReturn

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from launchyard.api import crossing
from launchyard.api.context import Context
from launchyard.api.login.entry import CODE_S
from launchyard.api.sessiongate import place_of
from launchyard.controller.sessions import Endpoint
from launchyard.proxy.headers import Unfit, from_app
from launchyard.proxy.way import Way
from tests.api_bench import ADA, T0, Answer, eventually
from tests.pieces import first_line
from tests.proxy_bench import Yard, headers_of
from tests.proxy_bench import module_yard as module_yard
from tests.proxy_bench import yard as yard


def refused_socket(yard: Yard, headers: dict[str, str], session_id: int = 17) -> int:
    with pytest.raises(InvalidStatus) as refused, yard.dial(headers, session_id=session_id):
        pass
    return refused.value.response.status_code


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND"])
def test_nobody_comes_in_without_being_let_in(yard: Yard, method: str) -> None:
    """Threat 1: a session answers to no one who has no credential for it."""
    origin = {"Origin": f"http://{yard.host()}"}
    for headers in ({}, {"Cookie": "a=b"}, {"Cookie": f"launchyard-session-{yard.bench.port}=x.y"}):
        assert yard.ask(method, "/x", {**origin, **headers}).status == 401
    assert yard.bench.ask(method, "/session/17/x", user="").status == 401
    assert refused_socket(yard, origin) == 401
    assert not yard.app.asked


def test_no_credential_of_the_api_opens_a_session_at_its_name(yard: Yard) -> None:
    """Threats 1 and 7: what is meant for the portal counts nowhere else."""
    by_token = {"Authorization": f"Bearer {yard.bench.secrets['ada']}"}
    assert yard.ask("GET", "/x", by_token).status == 401
    as_cookie = {"Cookie": f"launchyard-{yard.bench.port}={yard.bench.secrets['ada']}"}
    assert yard.ask("GET", "/x", as_cookie).status == 401


@pytest.mark.parametrize(
    "host",
    [
        "17.evil.example",
        "17.localhost.evil.example",
        "x.localhost",
        "17.127.0.0.1",
        "0x11.localhost",
        "17.17.localhost",
    ],
)
def test_another_name_for_a_session_is_no_session(yard: Yard, host: str) -> None:
    """Threat 2: DNS rebinding; also of session names."""
    headers = {**yard.let_in(), "Host": f"{host}:{yard.bench.port}"}
    refused = yard.bench.ask("GET", "/x", user="", headers=headers)
    assert refused.status == 421
    assert not yard.app.asked


def test_a_host_of_any_length_is_no_session_and_not_remembered(yard: Yard) -> None:
    """Threat 2; and what strangers send fills no memory."""
    before = place_of.cache_info().currsize
    for n in range(20):
        assert yard.ask("GET", "/x", {"Host": f"17.{n}{'x' * 20_000}.localhost"}).status == 421
    assert place_of.cache_info().currsize == before


def test_the_api_is_not_there_at_a_sessions_name(yard: Yard) -> None:
    """Threat 8: pages of an app find nothing of the portal at their own origin."""
    headers = yard.let_in()
    for path in ("/v1/me", "/v1/jobs", "/login", "/openapi.json", "/v1/health"):
        assert yard.ask("GET", path, headers).json["target"] == path
    assert yard.ask("POST", "/v1/login-links", headers, raw=b"{}").json["method"] == "POST"


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://18.localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_page_from_elsewhere_asks_nothing_of_a_session(
    yard: Yard, page: dict[str, str], method: str
) -> None:
    """Threat 3: also the portal's pages and those of other sessions, whatever the method."""
    assert yard.ask(method, "/x", {**yard.let_in(), **page}).status == 403
    assert not yard.app.asked


def test_a_write_that_names_no_page_is_refused(yard: Yard) -> None:
    """Threat 3: browsers name the page with everything that is no plain reading."""
    headers = yard.let_in()
    del headers["Origin"]
    assert yard.ask("POST", "/x", headers).status == 403
    assert yard.ask("GET", "/x", headers).status == 200


@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "null", "http://127.0.0.1", "http://18.localhost"]
)
def test_a_websocket_is_opened_by_the_sessions_own_pages_alone(yard: Yard, origin: str | None) -> None:
    """Threat 4: cross-site WebSocket hijack (CVE-2024-28179), of proxied sessions too."""
    headers = yard.let_in()
    del headers["Origin"]
    given = headers if origin is None else {**headers, "Origin": origin}
    assert refused_socket(yard, given) == 403
    assert yard.app.sockets == 0


@pytest.mark.parametrize(
    "path",
    [
        "/session/17:22/x",
        "/session/127.0.0.1/22/",
        "/session/http://evil/",
        "/session//17/x",
        "/session/../v1/jobs",
        "/session/%31%37x/",
        "/session/-17/",
        "/session/17.0/",
        "/session/99999999999999999999/",
        "/session/",
    ],
)
def test_only_a_live_session_names_where_a_request_goes(yard: Yard, path: str) -> None:
    """Threat 5: no address in a request ever names a host, a port or a file."""
    before = len(yard.reached)
    answer = yard.bench.ask("GET", path, user="ada")
    assert answer.status == 404
    assert len(yard.reached) == before


@pytest.mark.parametrize("target", ["http://169.254.169.254/x", "//evil.example/x", "/x@evil.example:80/"])
def test_a_request_line_leads_nowhere_else(yard: Yard, target: str) -> None:
    """Threat 5: nor does one that names a server, as requests to proxies do."""
    headers = yard.let_in()
    head = f"GET {target} HTTP/1.1\r\nHost: {yard.host()}\r\nCookie: {headers['Cookie']}\r\n"
    head += "Connection: close\r\n\r\n"
    with yard.bench.connect() as sock:
        sock.sendall(head.encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert b" 200 " in answer.partition(b"\r\n")[0]
    assert headers_of(yard.app.asked[-1])["host"] == yard.host()
    assert {target for _, target in yard.reached} <= {yard.sessions.endpoints[17].target}


def test_a_session_that_ended_is_not_reached_where_it_listened(yard: Yard) -> None:
    """Threat 6: the way is dropped with the session, and whoever listens there now hears nothing."""
    headers = yard.let_in()
    assert yard.ask("GET", "/x", headers).status == 200
    yard.close()
    asked = len(yard.app.asked)
    assert yard.ask("GET", "/x", headers).status == 404
    assert len(yard.app.asked) == asked


def test_an_open_connection_is_never_used_for_another_launch(yard: Yard) -> None:
    """Threat 6: connections are kept by launch, so a new one is made for the next."""
    headers = yard.let_in()
    yard.ask("GET", "/x", headers)
    before = len(yard.reached)
    yard.sessions.endpoints[17] = replaced_launch(yard)
    yard.ask("GET", "/x", headers)
    assert len(yard.reached) == before + 1


def replaced_launch(yard: Yard, launch_id: str = "launch-17-again") -> Endpoint:
    return replace(yard.sessions.endpoints[17], launch_id=launch_id)


def test_the_app_is_reached_as_the_sessions_owner(yard: Yard) -> None:
    """Threats 5 and 9: also when somebody opens it with whom it is shared."""
    yard.open(18, sharers=("bob",))
    assert yard.ask("GET", "/x", yard.let_in(18, "bob"), 18).status == 200
    assert yard.reached[-1][0] == ADA.uid


def test_credentials_of_ours_never_reach_an_app(yard: Yard) -> None:
    """Threat 7."""
    headers = yard.let_in()
    given = {
        **headers,
        "Cookie": f"{headers['Cookie']}; launchyard-{yard.bench.port}=portal; theirs=1",
        "Authorization": f"Bearer {yard.bench.secrets['ada']}",
        "X-Launchyard-CSRF": "token",
        "X-Forwarded-User": "root",
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
    }
    seen = headers_of(yard.ask("GET", "/x", given).json)
    assert seen["cookie"] == "theirs=1"
    assert not {"authorization", "x-launchyard-csrf", "x-forwarded-user", "forwarded"} & seen.keys()
    assert seen["x-forwarded-for"] == "127.0.0.1"
    with yard.dial({**headers, "Cookie": given["Cookie"]}):
        eventually(lambda: bool(yard.app.asked))
    assert headers_of(yard.app.asked[-1])["cookie"] == "theirs=1"


def test_below_a_path_of_the_portal_no_token_reaches_the_app(yard: Yard) -> None:
    """Threat 7, where the portal's credential is what lets in."""
    seen = headers_of(yard.bench.ask("GET", "/session/17/x", user="ada").json)
    assert "authorization" not in seen


def test_cookies_of_an_app_stay_with_it(yard: Yard) -> None:
    """Threat 7: it sets none of ours, and none for another host."""
    yard.app.headers = [
        ("Set-Cookie", "a=1; Domain=localhost; Path=/; HttpOnly"),
        ("Set-Cookie", f"launchyard-{yard.bench.port}=fixed; Path=/"),
        ("Set-Cookie", "__Host-launchyard-443=fixed; Path=/; Secure"),
        ("Set-Cookie", "LaunchYard-session-1=fixed"),
    ]
    assert set_cookies(yard, yard.host(), yard.let_in()) == ["a=1; Path=/; HttpOnly"]
    by_path = {"Authorization": f"Bearer {yard.bench.secrets['ada']}"}
    portal = f"127.0.0.1:{yard.bench.port}"
    assert set_cookies(yard, portal, by_path, "/session/17/x") == ["a=1; HttpOnly; Path=/session/17/"]


def set_cookies(yard: Yard, host: str, headers: dict[str, str], path: str = "/x") -> list[str]:
    head = "".join(
        f"{name}: {value}\r\n" for name, value in {"Host": host, **headers, "Connection": "close"}.items()
    )
    with yard.bench.connect() as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    lines = answer.partition("\r\n\r\n")[0].split("\r\n")
    return [line.partition(": ")[2] for line in lines if line.lower().startswith("set-cookie:")]


def test_pages_below_a_path_of_the_portal_are_in_a_sandbox(yard: Yard) -> None:
    """Threat 8: at the portal's origin an app's page is nobody, whatever it says of itself."""
    yard.app.headers = [
        ("Content-Security-Policy", "sandbox allow-same-origin allow-scripts; frame-ancestors *"),
        ("X-Frame-Options", "ALLOWALL"),
        ("Service-Worker-Allowed", "/"),
        ("Clear-Site-Data", '"*"'),
        ("Strict-Transport-Security", "max-age=1; includeSubDomains"),
        ("Access-Control-Allow-Origin", "*"),
        ("Report-To", '{"endpoints": [{"url": "http://evil.example"}]}'),
        ("NEL", '{"report_to": "x"}'),
    ]
    answer = yard.bench.ask("GET", "/session/17/x", user="ada")
    policy = answer.headers["content-security-policy"]
    assert "sandbox allow-scripts allow-forms" in policy
    assert "allow-same-origin" not in policy.rpartition("sandbox allow-scripts")[2]
    assert "frame-ancestors *" not in policy
    names = {
        "service-worker-allowed",
        "clear-site-data",
        "strict-transport-security",
        "access-control-allow-origin",
        "report-to",
        "nel",
    }
    assert not names & answer.headers.keys()


def test_whoever_goes_to_a_session_by_its_path_is_led_to_where_it_has_a_name(yard: Yard) -> None:
    """Threat 8: at the portal's origin only where nothing better is there."""
    url = yard.bench.ask("POST", "/v1/login-links", {}, user="ada").json["url"]
    code = url.partition("#")[2]
    portal = {"Host": f"127.0.0.1:{yard.bench.port}"}
    entered = yard.bench.ask("POST", "/login", {"code": code}, user="", headers=portal)
    going = {"Cookie": entered.headers["set-cookie"].partition(";")[0], "Sec-Fetch-Dest": "document"}
    led = yard.bench.ask("GET", "/session/17/x", user="", headers={**portal, **going})
    assert (led.status, led.headers["location"]) == (303, "/sessions/17")
    going["Sec-Fetch-Dest"] = "iframe"
    assert yard.bench.ask("GET", "/session/17/x", user="", headers={**portal, **going}).status == 200


def test_a_session_is_shown_in_frames_of_the_portal_alone(yard: Yard) -> None:
    """Threat 8: clickjacking of a session by another page."""
    yard.app.headers = [
        ("X-Frame-Options", "ALLOWALL"),
        ("Content-Security-Policy", "img-src *; frame-ancestors *"),
    ]
    answer = yard.ask("GET", "/x", yard.let_in())
    port = yard.bench.port
    expected = f"frame-ancestors 'self' 127.0.0.1:{port} localhost:{port}"
    assert expected in answer.headers["content-security-policy"]
    assert "frame-ancestors *" not in answer.headers["content-security-policy"]
    assert "x-frame-options" not in answer.headers


def test_a_session_is_its_owners_and_of_those_it_is_shared_with(yard: Yard) -> None:
    """Threat 9; an administrator is nobody special, and what is not yours is not there."""
    yard.open(18, sharers=("bob",))
    for user in ("bob", "root"):
        others = yard.bench.ask("POST", "/v1/sessions/17/open", {}, user=user)
        missing = yard.bench.ask("POST", "/v1/sessions/99/open", {}, user=user)
        assert (others.status, missing.status) == (404, 404)
        assert others.sentence.replace("17", "99") == missing.sentence
        assert yard.bench.ask("GET", "/session/17/x", user=user).status == 404
    shared = yard.let_in(18, "bob")
    assert yard.ask("GET", "/x", shared, 18).status == 200
    yard.open(18)
    assert yard.ask("GET", "/x", shared, 18).status == 404


def test_with_whom_it_is_shared_no_longer_loses_what_is_open(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threats 9 and 30: also WebSockets and answers that last, within a few seconds."""
    assert crossing.LOOK_AGAIN_S + crossing.LASTS_AFTER_S <= 5
    monkeypatch.setattr(crossing, "LOOK_AGAIN_S", 0.2)
    yard.open(18, sharers=("bob",))
    headers = yard.let_in(18, "bob")
    with yard.dial(headers, session_id=18) as sock, yard.bench.connect() as stream:
        head = f"GET /stream HTTP/1.1\r\nHost: {yard.host(18)}\r\nCookie: {headers['Cookie']}\r\n\r\n"
        stream.sendall(head.encode())
        assert stream.recv(100)
        yard.open(18)
        with pytest.raises(ConnectionClosed):
            sock.recv(30)
        with contextlib.suppress(ConnectionResetError):
            while stream.recv(65536):
                pass
    eventually(lambda: (yard.app.sockets, yard.app.open_streams) == (0, 0))


def test_what_lets_in_to_one_session_opens_no_other(yard: Yard) -> None:
    """Threat 28: cookie and code of session 17 at session 170."""
    yard.open(170)
    headers = yard.let_in()
    there = {"Cookie": headers["Cookie"], "Origin": f"http://{yard.host(170)}"}
    assert yard.ask("GET", "/x", there, 170).status == 401
    login, _, mac = headers["Cookie"].partition("=")[2].partition(".")
    name = headers["Cookie"].partition("=")[0]
    for wrong in (
        f"{login}.{mac[:-1]}",
        f"{login}.{mac}0",
        f"{login[:-1]}.{mac}",
        f"{login}.",
        f".{mac}",
        mac,
    ):
        assert yard.ask("GET", "/x", {"Cookie": f"{name}={wrong}"}).status == 401
    code = entry(yard)
    assert yard.ask("GET", code, {}, 170).status == 401


def test_the_code_that_leads_to_a_session_is_good_once_and_soon(yard: Yard) -> None:
    """Threat 15: what stands in an address is a one-time code; and nothing of it is logged or passed on."""
    code = entry(yard)
    first = yard.ask("GET", code, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert first.status == 200
    assert first.headers["referrer-policy"] == "no-referrer"
    assert yard.ask("GET", code, {}).status == 401
    late = entry(yard)
    codes = yard.bench.on_loop(lambda: context_of(yard).logins.crossings)
    with contextlib.suppress(Exception):
        codes.use(late.partition("code=")[2], T0 + CODE_S)
    assert yard.ask("GET", late, {}).status == 401
    assert not yard.app.asked


def entry(yard: Yard, session_id: int = 17) -> str:
    url: str = yard.bench.ask("POST", f"/v1/sessions/{session_id}/open", {}, user="ada").json["url"]
    return url.partition(yard.host(session_id))[2]


def context_of(yard: Yard) -> Context:
    found: Context = yard.bench.controller.told[0].__self__  # type: ignore[attr-defined]
    return found


def test_a_refusal_of_a_session_is_recorded_without_secrets(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    """Threat 15."""
    with caplog.at_level("INFO", "launchyard.audit"):
        yard.ask("GET", "/.launchyard/enter?code=hush-hush", {})
        yard.ask("GET", "/x?token=hush-hush", {"Cookie": "launchyard-session-80=hush-hush"})
    assert len(caplog.records) == 2
    assert "hush" not in caplog.text


def test_what_stands_in_the_address_of_a_websocket_is_not_logged(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    """Threat 15 (CVE-2022-24758): apps have their tokens there."""
    with caplog.at_level("INFO"):
        with yard.dial(yard.let_in(), "/ws?token=hush-hush") as sock:
            sock.send("leave")
            with pytest.raises(ConnectionClosed):
                sock.recv(30)
        with pytest.raises(InvalidStatus), yard.dial(yard.let_in(), "/nothing?token=hush-hush"):
            pass
    assert "hush" not in caplog.text


def test_who_has_lost_the_session_gets_no_code(yard: Yard) -> None:
    """Threat 30: a code made by a credential that is revoked meanwhile."""
    made = yard.bench.ask("POST", "/v1/tokens", {}, user="ada").json
    by_it = {"Authorization": f"Bearer {made['token']}"}
    url = yard.bench.ask("POST", "/v1/sessions/17/open", {}, user="", headers=by_it).json["url"]
    yard.bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="ada")
    assert yard.ask("GET", url.partition(yard.host())[2], {}).status == 401


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "ambiguous",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + SMUGGLED,
        b"Content-Length: 5, 6\r\n\r\nhello" + SMUGGLED,
        b"Content-Length: +5\r\n\r\nhello" + SMUGGLED,
        b"Content-Length: 0x5\r\n\r\nhello" + SMUGGLED,
        b"Content-Length : 5\r\n\r\nhello" + SMUGGLED,
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"X: a\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    ],
)
def test_where_a_request_ends_is_never_open_to_two_readings(yard: Yard, ambiguous: bytes) -> None:
    """Threat 43: request smuggling; one parser, which refuses what is ambiguous, and nothing is passed on."""
    headers = yard.let_in()
    head = f"POST /x HTTP/1.1\r\nHost: {yard.host()}\r\n"
    head += f"Cookie: {headers['Cookie']}\r\nOrigin: {headers['Origin']}\r\n"
    with yard.bench.connect() as sock:
        sock.sendall(head.encode() + ambiguous)
        answer = first_line(sock)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 421 ", b"HTTP/1.1 502 ")) or answer == b""
    assert yard.ask("GET", "/after", headers).status == 200
    assert not any("smuggled" in str(asked.get("target")) for asked in yard.app.asked)


@pytest.mark.parametrize("name", ["Connection", "connection"])
def test_headers_of_one_connection_are_not_passed_on(yard: Yard, name: str) -> None:
    """Threat 43: and no client has our own headers taken away."""
    headers = {
        **yard.let_in(),
        name: "close, X-Own, Cookie, Content-Length, X-Forwarded-For",
        "X-Own": "1",
        "TE": "trailers",
        "Keep-Alive": "timeout=5",
        "Proxy-Authorization": "Basic x",
        "Upgrade": "h2c",
        "HTTP2-Settings": "x",
        "Trailer": "X",
    }
    seen = headers_of(yard.ask("POST", "/x", headers, raw=b"body").json)
    assert (
        not {"x-own", "te", "keep-alive", "proxy-authorization", "upgrade", "http2-settings", "trailer"}
        & seen.keys()
    )
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert yard.app.asked[-1]["body"] == "body"


@pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: b=1", b"a\nb", b"a\x00b", b"\x1b[31m"])
def test_an_answer_is_never_split(value: bytes) -> None:
    """Threat 44: a header with a line break in it is not passed."""
    way = Way(key="k", connect=nowhere, prefix="/session/1")
    with pytest.raises(Unfit):
        from_app([(b"x", value)], way, is_ours=lambda _: False)
    with pytest.raises(Unfit):
        from_app([(b"x y", b"a")], way, is_ours=lambda _: False)


async def nowhere() -> NoReturn:
    raise AssertionError


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX: y", "x"]
)
def test_the_way_into_a_session_leads_nowhere_else(yard: Yard, path: str) -> None:
    """Threat 44: open redirect."""
    assert yard.bench.ask("POST", "/v1/sessions/17/open", {"path": path}, user="ada").status == 400


def test_the_page_that_leads_on_escapes_where_to(yard: Yard) -> None:
    """Threats 23 and 44."""
    made = yard.bench.ask("POST", "/v1/sessions/17/open", {"path": "/a?<script>'&\""}, user="ada")
    if made.status == 200:
        page = yard.ask("GET", made.json["url"].partition(yard.host())[2], {}).body
        assert b"<script>" not in page
        assert b"'&\"" not in page


def test_errors_of_an_app_tell_nothing_of_this_server(yard: Yard) -> None:
    """Threat 45."""
    headers = yard.let_in()
    yard.out_of_reach = True
    yard.sessions.endpoints[17] = replaced_launch(yard, "launch-17-once-more")
    refused: Answer = yard.ask("GET", "/x", headers)
    yard.out_of_reach = False
    assert refused.status == 503
    assert b"Traceback" not in refused.body
    assert str(yard.unix).encode() not in refused.body


def test_each_session_has_its_own_secret_put_to_its_requests_alone(yard: Yard) -> None:
    """Threat 46: the secret of an app is the session's own, and comes from nowhere but here."""
    yard.open(17, headers={"Authorization": "token {secret}"})
    yard.open(18, headers={"Authorization": "token {secret}"})
    yard.sessions.endpoints[18] = replace(yard.sessions.endpoints[18], secret="another")
    seen = [
        headers_of(yard.ask("GET", "/x", yard.let_in(session_id), session_id).json)["authorization"]
        for session_id in (17, 18)
    ]
    assert seen == ["token hush", "token another"]
    answer = yard.ask("GET", "/x", yard.let_in())
    assert "hush" not in str(answer.headers)
