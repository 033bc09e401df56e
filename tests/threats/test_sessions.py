"""What users of one machine try with their sessions: against the portal, each other and the server."""

import os
import re
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest

from tests.system.product import PATIENCE_S
from tests.threats.yard import ADA, LI, RUTH, Answer, Yard, as_, run_as

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as several users"),
]
FOREIGN = (
    "http://evil.example",
    "null",
    "http://127.0.0.1",
    "http://localhost:1",
    "file://",
    "http://18.localhost",
)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def hers(yard: Yard) -> Iterator[int]:
    """A session of ada's that listens at a socket."""
    number = yard.session(ADA)
    yield number
    yard.ask("POST", f"/v1/sessions/{number}/stop", user=ADA)


@pytest.fixture(scope="module")
def his(yard: Yard) -> Iterator[int]:
    """A session of li's that listens at a port of the loopback."""
    number = yard.session(LI, "port")
    yield number
    yard.ask("POST", f"/v1/sessions/{number}/stop", user=LI)


def seen(answer: Answer) -> dict[str, str]:
    """The headers that the app has got."""
    assert answer.status == 200, answer
    return dict(answer.json["headers"])


def asked_of(yard: Yard, session: int, user: str) -> list[Any]:
    """All that the app has been asked."""
    found: list[Any] = yard.ask("GET", f"/session/{session}/x?asked=1", user=user).json
    return found


# -- who opens a WebSocket


@pytest.fixture
def sockets(yard: Yard, hers: int) -> Iterator[list[str]]:
    """Every WebSocket of the portal, about things of ada's."""
    job = yard.submit(ADA, "sleep 600")
    yard.runs(ADA, job)
    terminal = yard.ask("POST", "/v1/terminals", {}, user=ADA).json["id"]
    sent = {"entrypoint": "sleep 600", "submission_id": f"raysubmit_ws{job}"}
    ray = yard.ask("POST", "/api/jobs/", sent, user=ADA).json["submission_id"]
    yield [
        f"/v1/jobs/{job}/terminal",
        f"/v1/jobs/{job}/shell",
        f"/v1/jobs/{job}/ray",
        f"/v1/terminals/{terminal}",
        f"/api/jobs/{ray}/logs/tail",
        f"/ray/api/jobs/{ray}/logs/tail",
        f"/session/{hers}/ws",
    ]
    for method, path in (
        ("POST", f"/v1/jobs/{job}/cancel"),
        ("POST", f"/api/jobs/{ray}/stop"),
        ("DELETE", f"/v1/terminals/{terminal}"),
    ):
        assert yard.ask(method, path, user=ADA).status == 200


def test_no_websocket_opens_for_another_site_or_for_nobody(yard: Yard, sockets: list[str]) -> None:
    """Threat 4: of the portal, of Ray's API, of a terminal, of a session; by cookie and by token."""
    portal = {"Cookie": yard.browser(ADA)["Cookie"]}
    token = {"Authorization": f"Bearer {yard.tokens[ADA]}"}
    for path in sockets:
        for origin in FOREIGN:
            for credential in (portal, token):
                assert yard.handshake(path, {**credential, "Origin": origin}).status == 403, (path, origin)
        assert yard.handshake(path, portal).status in (401, 403), path
        assert yard.handshake(path, {}).status == 401, path
        assert yard.handshake(path, {"Origin": f"http://{yard.host}"}).status == 401, path
        bad = yard.handshake(path, {"Authorization": "Bearer ly_wrong", "Origin": f"http://{yard.host}"})
        assert bad.status in (401, 403), path
        rebound = {
            **portal,
            "Host": f"evil.example:{yard.port}",
            "Origin": f"http://evil.example:{yard.port}",
        }
        assert yard.handshake(path, rebound).status == 421, path
        others = {"Cookie": yard.browser(LI)["Cookie"], "Origin": f"http://{yard.host}"}
        assert yard.handshake(path, others).status in (401, 403, 404), path


def test_a_websocket_of_a_session_opens_for_its_own_page_alone(yard: Yard, hers: int) -> None:
    """Threat 4: at the session's own name, where its cookie lets in."""
    headers = yard.let_in(ADA, hers)
    assert yard.handshake(f"/session/{hers}/ws", headers).status == 101
    without = {name: value for name, value in headers.items() if name != "Origin"}
    assert yard.handshake(f"/session/{hers}/ws", without).status == 403
    for origin in (*FOREIGN, f"http://{yard.host}", f"http://launchyard.localhost:{yard.port}"):
        assert yard.handshake(f"/session/{hers}/ws", {**headers, "Origin": origin}).status == 403, origin
    nobody = {name: value for name, value in headers.items() if name != "Cookie"}
    assert yard.handshake(f"/session/{hers}/ws", nobody).status == 401
    there = {**headers, "Host": headers["Host"].replace(f"{hers}.", f"{hers}0.")}
    there["Origin"] = f"http://{there['Host']}"
    assert yard.handshake(f"/session/{hers}/ws", there).status in (401, 404)


# -- where the proxy leads


def test_no_user_leads_the_proxy_elsewhere(yard: Yard, his: int) -> None:
    """Threat 5: by path, by request line, by Host, or by what is told of a session's port."""
    own = yard.let_in(LI, his)
    app = yard.ask("GET", "/x", headers=own).json
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        port = listening.getsockname()[1]
        for target, headers in elsewhere(f"127.0.0.1:{port}", his, own, yard):
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            yard.send(f"{target} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode(), all_of_it=False)
        with pytest.raises(TimeoutError):
            listening.accept()
        # A user may say where the app of a session listens; what somebody else has there hears nothing.
        told = {"launch_id": app["launch"], "what": "answers", "secret": token_urlsafe(32), "port": port}
        assert yard.ask("POST", f"/v1/sessions/{his}/told", told, user=ADA).status == 404
        assert yard.ask("POST", f"/v1/sessions/{his}/told", told, user=LI).status < 300
        listening.settimeout(PATIENCE_S)
        # It has no connection yet, as those of earlier requests may be kept.
        assert yard.handshake(f"/session/{his}/ws?hush", own).status >= 500
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(65536) == b""
    told["port"] = int(app["port"])
    assert yard.ask("POST", f"/v1/sessions/{his}/told", told, user=LI).status < 300
    assert yard.ask("GET", "/x", headers=own).status == 200


def elsewhere(
    there: str, session: int, own: dict[str, str], yard: Yard
) -> Iterator[tuple[str, dict[str, str]]]:
    """Request lines and headers that name another server."""
    portal = {"Host": yard.host, "Authorization": f"Bearer {yard.tokens[LI]}"}
    yield f"CONNECT {there}", portal
    port = there.rpartition(":")[2]
    for path in (
        *(f"/session/{session}:{port}/x", f"/session/{there}/x", f"/session/http://{there}/"),
        *(f"/session//{there}/", f"/session/{session}@{there}/", f"/session/{session}/../{there}/"),
        *(f"/session/%2f%2f{there}/", f"http://{there}/", f"http://{there}/session/{session}/x"),
        *(f"//{there}/session/{session}/x", there),
    ):
        yield f"GET {path}", portal
        yield f"GET {path}", own
    for host in (there, f"{session}.localhost:{port}", f"{session}.localhost@{there}", f"{session}.{there}"):
        yield "GET /x", {**own, "Host": host}
    yield "GET /x", {**own, "X-Forwarded-Host": there, "Forwarded": f"host={there}"}


TAKES = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    print("listens", flush=True)
    while True:
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(60)
            data = connection.recv(65536)
            print(repr(data), flush=True)
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nstolen")
"""


def test_who_takes_over_the_port_of_a_session_hears_nothing(yard: Yard) -> None:
    """Threat 6: while the session still lives, once it is over, and when its own user has it next."""
    session = yard.session(ADA, "port")
    own = yard.let_in(ADA, session)
    port = yard.ask("GET", "/x", headers=own).json["port"]
    yard.ask("GET", "/x?leave=1", headers=own)
    command = [*as_(LI), "/usr/bin/python3", "-c", TAKES, port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as taker:
        try:
            assert taker.stdout is not None
            assert taker.stdout.readline() == "listens\n"
            token = {"Authorization": f"Bearer {yard.tokens[ADA]}"}
            for headers, path in ((own, "/x"), (token, f"/session/{session}/x")):
                answer = yard.ask("GET", f"{path}?hush", headers=headers)
                assert answer.status >= 500, answer
                assert yard.handshake(f"/session/{session}/ws", {**own, **headers}).status != 101
            assert yard.ask("POST", f"/v1/sessions/{session}/stop", user=ADA).status == 200
            yard.ended(ADA, session)
            answer = yard.ask("GET", "/x?hush", headers=own)
            assert answer.status in (401, 404), answer
        finally:
            taker.terminate()
            heard = taker.communicate(timeout=PATIENCE_S)[0]
    assert heard.replace("b''\n", "") == ""


# -- what an app is told, and what it says


CREDENTIALS = (
    ("Authorization", "Bearer {token}"),
    ("Authorization", "bearer  {token}"),
    ("Authorization", "BEARER {token} "),
    ("Authorization", "Token {token}"),
    ("X-Ray-Authorization", "Bearer {token}"),
    ("Proxy-Authorization", "Bearer {token}"),
    ("X-Launchyard-CSRF", "{token}"),
    ("Cookie", "a=1; ray-authentication-token={token}; b=2"),
    ("Cookie", 'a=1; ray-authentication-token="{token}"'),
    ("Cookie", "a=1; =launchyard-{port}={token}"),
    ("Cookie", 'a="; launchyard-{port}={token}; b="'),
    ("Cookie", "LAUNCHYARD-{port}={token}; __Host-launchyard-443={token}"),
    ("Cookie", "launchyard-session-{port} = {token}"),
)


@pytest.mark.parametrize(("name", "value"), CREDENTIALS)
def test_an_app_gets_no_credential_of_ours(yard: Yard, his: int, name: str, value: str) -> None:
    """Threat 7: whichever way it was presented; what is the app's own passes."""
    secret = yard.tokens[LI]
    given = value.format(token=secret, port=yard.port)
    own = yard.let_in(LI, his)
    both = {**own, name: f"{own['Cookie']}; {given}" if name == "Cookie" else given}
    by_path = {"Authorization": f"Bearer {secret}", name: given}
    for headers, path in ((both, "/x"), (by_path, f"/session/{his}/x")):
        answer = yard.ask("GET", path, headers=headers)
        assert secret not in answer.text, answer
        assert "launchyard-" not in answer.text.lower()
        if "a=1" in given:
            assert "a=1" in seen(answer)["cookie"]
    portal = {**yard.browser(LI), "Sec-Fetch-Site": "same-origin"}
    answer = yard.ask("GET", f"/session/{his}/x", headers=portal)
    assert "cookie" not in seen(answer)
    assert portal["Cookie"].partition("=")[2] not in answer.text


NOT_OURS_TO_SET = (
    "launchyard-{port}=fixed; Path=/",
    "=launchyard-{port}=fixed; Path=/",
    "= launchyard-{port}=fixed",
    "launchyard-{port}",
    "LaunchYard-session-{port}=fixed",
    "__Host-launchyard-{port}=fixed; Secure; Path=/",
    "__Secure-launchyard-{port}=fixed; Secure",
    "__HOST-launchyard-frame-{port}=fixed; Secure; Path=/",
)


@pytest.mark.parametrize("cookie", NOT_OURS_TO_SET)
def test_an_app_sets_no_cookie_of_ours(yard: Yard, hers: int, cookie: str) -> None:
    """Threat 7: at the session's name and below the portal's."""
    query = f"?header=Set-Cookie:{cookie.format(port=yard.port)}".replace(" ", "%20").replace(";", "%3B")
    query += "&header=Set-Cookie:mine=1%3B%20Domain=localhost%3B%20Path=/"
    named = yard.ask("GET", f"/x{query}", headers=yard.let_in(ADA, hers))
    below = yard.ask("GET", f"/session/{hers}/x{query}", user=ADA)
    assert named.all("set-cookie") == ["mine=1; Path=/"]
    assert below.all("set-cookie") == [f"mine=1; Path=/session/{hers}/"]


def test_a_page_of_a_session_is_nobody_at_the_portals_origin(yard: Yard, hers: int) -> None:
    """Threat 8: whatever the app says of itself, in an answer of any kind, and whoever looks."""
    said = [
        *("Content-Security-Policy:sandbox allow-same-origin allow-scripts", "Access-Control-Allow-Origin:*"),
        *(
            "Service-Worker-Allowed:/",
            "Clear-Site-Data:%22*%22",
            "Origin-Agent-Cluster:?0",
            "Set-Login:logged-in",
        ),
        *(
            "Access-Control-Allow-Credentials:true",
            "X-Frame-Options:ALLOWALL",
            "Strict-Transport-Security:max-age=1",
        ),
        *("Reporting-Endpoints:a=%22//evil%22", "Use-As-Dictionary:match=%22/*%22", "Alt-Svc:h2=%22:1%22"),
    ]
    query = "&".join(f"header={one}" for one in said).replace(" ", "%20")
    for path in (f"/session/{hers}/x?{query}", f"/session/{hers}/x.svg?{query}", f"/session/{hers}/?{query}"):
        for headers in ({"Authorization": f"Bearer {yard.tokens[ADA]}"}, yard.browser(ADA)):
            answer = yard.ask("GET", path, headers={**headers, "Sec-Fetch-Dest": "iframe"})
            policies = answer.all("content-security-policy")
            ours = [one for one in policies if one.startswith("sandbox") and "allow-same-origin" not in one]
            assert ours, answer
            assert "frame-ancestors 'self'" in policies
            for name in (
                *(
                    "access-control-allow-origin",
                    "access-control-allow-credentials",
                    "service-worker-allowed",
                ),
                *("clear-site-data", "origin-agent-cluster", "set-login", "strict-transport-security"),
                *("reporting-endpoints", "use-as-dictionary", "alt-svc", "x-frame-options"),
            ):
                assert not answer.all(name), name
    led = yard.ask("GET", f"/session/{hers}/x", headers={**yard.browser(ADA), "Sec-Fetch-Dest": "document"})
    assert (led.status, led.header("location")) == (303, f"/sessions/{hers}")


def test_a_page_of_a_session_does_nothing_in_the_portal_or_another_session(
    yard: Yard, hers: int, his: int
) -> None:
    """Threat 8: its own origin has no API; with the portal's cookie it is another site's page."""
    own = yard.let_in(ADA, hers)
    assert yard.ask("POST", "/v1/tokens", {}, headers=own).json["method"] == "POST"
    assert yard.ask("GET", "/v1/me", headers=own).json["target"] == "/v1/me"
    portal = yard.browser(ADA)
    for site in ("same-site", "cross-site"):
        page = {**portal, "Origin": own["Origin"], "Sec-Fetch-Site": site}
        for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/tokens"), ("DELETE", "/v1/tokens/x")):
            assert yard.ask(method, path, {"command": "true"}, headers=page).status == 403
    opaque = {**portal, "Origin": "null"}
    assert yard.ask("POST", "/v1/jobs", {"command": "true"}, headers=opaque).status == 403
    # Her cookie for her session is nothing at his, nor his session's at hers.
    other = yard.let_in(LI, his)
    swapped = {"Host": other["Host"], "Cookie": own["Cookie"], "Origin": other["Origin"]}
    assert yard.ask("GET", "/x", headers=swapped).status == 401
    for user in (ADA, RUTH):
        assert yard.ask("GET", f"/session/{his}/x", user=user).status == 404
        assert yard.ask("POST", f"/v1/sessions/{his}/open", {}, user=user).status == 404


# -- where a request ends


AMBIGUOUS = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    b"X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
    b"X: a\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"X: a\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"X: a\x00Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    b"Content-Length: 5, 5\r\n\r\nhello",
    b"Content-Length: +5\r\n\r\nhello",
    b"Content-Length: -5\r\n\r\nhello",
    b"Content-Length: 0x5\r\n\r\nhello",
    b"Content-Length: 5_0\r\n\r\nhello",
    b"Content-Length: 5 0\r\n\r\nhello",
    b"Content-Length:\r\n\r\nhello",
    b"Content-Length: 99999999999999999999999999\r\n\r\nhello",
    b"Content-Length : 5\r\n\r\nhello",
    b"Content_Length: 5\r\nContent-Length: 0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
)


@pytest.mark.parametrize("framing", AMBIGUOUS)
def test_no_request_is_hidden_in_another(yard: Yard, hers: int, framing: bytes) -> None:
    """Threat 43: nothing that the app is asked is what nobody was let in to ask; the portal answers none."""
    own = yard.let_in(ADA, hers)
    before = len(asked_of(yard, hers, ADA))
    head = (
        f"POST /x HTTP/1.1\r\nHost: {own['Host']}\r\nCookie: {own['Cookie']}\r\nOrigin: {own['Origin']}\r\n"
    )
    named = yard.send(head.encode() + framing + SMUGGLED)
    by_token = f"Host: {yard.host}\r\nAuthorization: Bearer {yard.tokens[ADA]}\r\n"
    head = f"POST /session/{hers}/x HTTP/1.1\r\n{by_token}"
    below = yard.send(head.encode() + framing + SMUGGLED)
    head = f"POST /v1/jobs HTTP/1.1\r\n{by_token}Content-Type: application/json\r\n"
    portal = yard.send(head.encode() + framing + SMUGGLED)
    asked = asked_of(yard, hers, ADA)[before:]
    assert not [one for one in asked if "smuggled" in one["target"] or "smuggled" in str(one["headers"])]
    assert len(asked) <= 2, asked
    for one in asked:
        # What the app was asked has one body, and that is the one that was sent.
        assert one["body"] in ("", "hello"), one
        names = [name for name, _ in one["headers"]]
        assert names.count("content-length") + names.count("transfer-encoding") <= 1, names
    for said in (named, below, portal):
        statuses = re.findall(rb"HTTP/1\.1 (\d+)", said)
        assert statuses in ([], [b"400"], [b"421"], [b"413"]) or b"401" in statuses or b"421" in statuses, (
            said
        )


def test_what_one_connection_says_ends_there(yard: Yard, hers: int) -> None:
    """Threat 43: hop-by-hop headers, and no header of ours can be had taken away or made up."""
    own = yard.let_in(ADA, hers)
    given = {
        "Connection": "close, X-Own, X-Session-Secret, X-Forwarded-For, Cookie",
        **{"X-Own": "1", "X-Session-Secret": "guess", "X_Session_Secret": "guess", "TE": "trailers"},
        **{"Keep-Alive": "timeout=5", "Upgrade": "h2c", "HTTP2-Settings": "x", "X-Forwarded-For": "1.2.3.4"},
        **{"X-Real-IP": "1.2.3.4", "X-Forwarded-User": "root", "Forwarded": "for=1.2.3.4", "Via": "1.0 x"},
    }
    found = seen(yard.ask("GET", "/x", headers={**own, **given}))
    assert not {"x-own", "te", "keep-alive", "upgrade", "http2-settings", "forwarded", "via"} & found.keys()
    assert not {"x-real-ip", "x-forwarded-user"} & found.keys()
    assert found["x-forwarded-for"] == "127.0.0.1"
    assert found["x-session-secret"] not in ("", "guess")


# -- secrets of apps


def test_the_secret_of_an_app_is_new_strong_and_for_its_user_alone(yard: Yard, hers: int, his: int) -> None:
    """Threat 46: not the same twice, in no arguments, environments or files that others read."""
    again = yard.session(ADA)
    secrets = {}
    for user, session in ((ADA, hers), (LI, his), (ADA, again)):
        secrets[session] = seen(yard.ask("GET", f"/session/{session}/x", user=user))["x-session-secret"]
    assert len(set(secrets.values())) == 3
    assert all(len(one) >= 43 for one in secrets.values())
    lines = b"".join(_read(path) for path in _processes("cmdline"))
    for session, secret in secrets.items():
        assert secret.encode() not in lines
        owner, other = (LI, ADA) if session == his else (ADA, LI)
        for path in _holding(yard.state, secret):
            assert path.owner() == owner, path
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
            assert run_as(other, "cat", str(path)).returncode != 0
        for told in (f"/v1/sessions/{session}", f"/v1/jobs/{session}", "/v1/sessions", "/v1/jobs"):
            assert secret not in yard.ask("GET", told, user=owner).text
    assert yard.ask("POST", f"/v1/sessions/{again}/stop", user=ADA).status == 200
    assert not [
        path for path in _processes("environ") if any(one.encode() in _read(path) for one in secrets.values())
    ]
    # Another user of the machine does not get to the app past the server either.
    path = Path(yard.ask("GET", f"/session/{hers}/x", user=ADA).json["socket"])
    assert run_as(LI, "python3", "-c", DIAL, str(path)).returncode != 0
    assert (path.owner(), stat.S_IMODE(path.stat().st_mode) & 0o077) == (ADA, 0)


DIAL = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def _processes(name: str) -> list[Path]:
    return [path / name for path in Path("/proc").glob("[0-9]*") if _read(path / name)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _holding(folder: Path, secret: str) -> list[Path]:
    """Files below the folder with the secret in them; those that go meanwhile are none."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if secret.encode() in _read(path)]
