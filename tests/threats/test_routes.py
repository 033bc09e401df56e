"""What can be tried on every route, by nobody, by another site's page and by users of the machine."""

import os

import pytest

from launchyard.api.access import ROUTES, WEBSOCKET
from tests.system.product import PATIENCE_S, wait_for
from tests.threats.routes import NEVER_ENDS, OPEN, Route, routes
from tests.threats.yard import ADA, LI, RUTH, Answer, Yard
from tests.tour.strangers import without

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as several users"),
]


@pytest.fixture(scope="module")
def every(yard: Yard) -> list[Route]:
    return routes(yard)


# -- by nobody


@pytest.fixture(scope="module")
def useless(yard: Yard) -> dict[str, str]:
    """Authorization headers that are none, by what is wrong with them."""
    made = {}
    for kind, wish in (("revoked", {}), ("expired", {"lasts_s": 1})):
        token = yard.ask("POST", "/v1/tokens", wish, user=ADA).json
        made[kind] = f"Bearer {token['token']}"
        if kind == "revoked":
            assert yard.ask("DELETE", f"/v1/tokens/{token['id']}", user=ADA).status == 200
    expired = {"Authorization": made["expired"]}
    wait_for(
        lambda: yard.ask("GET", "/v1/me", headers=expired).status == 401, PATIENCE_S, "it has expired", 0.1
    )
    good = yard.tokens[ADA]
    return {
        **made,
        **{"unknown": "Bearer ly_" + "A" * 43, "cut": f"Bearer {good[:-1]}", "long": f"Bearer {good}A"},
        **{
            "other case": f"Bearer {good.swapcase()}",
            "id": f"Bearer {yard.token_ids[ADA]}",
            "empty": "Bearer ",
        },
        **{
            "no scheme": good,
            "basic": f"Basic {good}",
            "doubled": f"Bearer {good},{good}",
            "NUL": "Bearer %00",
        },
    }


def test_no_route_answers_without_a_credential(
    yard: Yard, every: list[Route], useless: dict[str, str]
) -> None:
    """Threats 1, 28: with none, with one that is wrong, revoked or over; one answer for all routes."""
    assert {(one.method, one.path) for one in every} >= {
        pair for pair in ROUTES if pair[0] != WEBSOCKET and pair[1] != "/openapi.json"
    }
    asked = [(one.method, one.at()) for one in every if (one.method, one.path) not in OPEN]
    asked += [
        ("GET", "/openapi.json"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1"),
        ("GET", "/session/1/"),
        ("PUT", "/x"),
    ]
    asked += [
        ("GET", "/api/nothing"),
        ("POST", "/ray/api/jobs/"),
        ("DELETE", "/api/jobs/1"),
        ("GET", "/docs"),
    ]
    for kind, header in ("none", None), *useless.items():
        headers = {} if header is None else {"Authorization": header}
        said: dict[bool, set[bytes]] = {False: set(), True: set()}
        for method, path in asked:
            answer = yard.ask(method, path, headers=headers)
            of_ray = path.startswith(("/api/", "/ray/"))
            # Ray's own clients are told 403 of a token that is wrong.
            assert answer.status in ((401, 403) if of_ray and header else (401,)), (
                kind,
                method,
                path,
                answer,
            )
            said[of_ray].add(answer.body)
        assert len(said[False]) == 1, (kind, said)
        assert len(said[True]) == 1, (kind, said)


def test_what_is_open_tells_nothing_of_the_site(yard: Yard) -> None:
    """Threats 1, 45."""
    for path in ("/v1/health", "/v1/login-ways", "/api/authentication_mode", "/", "/login"):
        answer = yard.ask("GET", path, headers={"Accept": "text/html"})
        for word in (ADA, LI, RUTH, str(yard.state), "physics", "node", "0.1.0"):
            assert path in ("/", "/login") or word not in answer.text, (path, word)
    assert yard.product.facts["url"].startswith("http://127.0.0.1:")


def test_the_default_is_to_listen_on_this_machine_alone(yard: Yard) -> None:
    """Threat 1 (ShadowRay): nothing of ours listens anywhere else."""
    held = yard.listening()
    assert held
    assert {address for address, _ in held} <= {"0100007F", "00000000000000000000000001000000"}


# -- under another name

REBOUND = (
    *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example#127.0.0.1"),
    *("2130706433", "0x7f000001", "127.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "127.0.0.1@evil.example"),
    *("evil.example/127.0.0.1", "127.0.0.1, evil.example", "1.evil.localhost.example", "", "%6cocalhost"),
)


@pytest.mark.parametrize("name", REBOUND)
def test_under_no_other_name_is_anything_answered(yard: Yard, name: str) -> None:
    """Threat 2: not the page, not the API with a credential, no login, no session."""
    host = f"{name}:{yard.port}" if name else ""
    for method, path in (
        *(("GET", "/"), ("GET", "/login"), ("GET", "/v1/me"), ("POST", "/login"), ("GET", "/v1/health")),
        *(("GET", "/session/1/"), ("POST", "/v1/jobs"), ("GET", "/api/version"), ("GET", "/openapi.json")),
    ):
        by_both = {**yard.browser(ADA), "Host": host, "Accept": "text/html", "Origin": f"http://{host}"}
        answer = yard.ask(method, path, {"command": "true"} if method == "POST" else None, headers=by_both)
        assert answer.status in (400, 421), (path, answer)
        assert not answer.all("set-cookie")
    if name:
        target = f"http://{host}/v1/me"
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {yard.tokens[ADA]}\r\n"
        assert b" 200 " not in yard.send(f"{head}Connection: close\r\n\r\n".encode())[:20]


def test_no_header_of_a_proxy_makes_another_name(yard: Yard) -> None:
    """Threats 2, 44: where links lead is not for the asker to say."""
    given = {
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "host=evil.example",
        "X-Forwarded-Proto": "https",
    }
    made = yard.ask("POST", "/v1/login-links", {}, user=ADA, headers={**given, "X-Forwarded-For": "1.2.3.4"})
    assert made.json["url"].startswith(f"http://{yard.host}/login#")
    assert yard.audit()[-1]["from"].startswith("127.0.0.1:")


# -- by another site's page


def test_no_write_is_done_by_a_cookie_alone(yard: Yard, every: list[Route]) -> None:
    """Threat 3: on every writing route, for every other site, without the login's token or with another's."""
    own, others = yard.browser(ADA), yard.browser(LI)
    cookie = {"Cookie": own["Cookie"]}
    forged: list[dict[str, str]] = [
        cookie,
        {**cookie, "Origin": own["Origin"]},
        {**cookie, "X-Launchyard-CSRF": own["X-Launchyard-CSRF"]},
        {**own, "X-Launchyard-CSRF": others["X-Launchyard-CSRF"]},
        {**own, "X-Launchyard-CSRF": ""},
        {**own, "Origin": "http://evil.example"},
        {**own, "Origin": "null"},
        {**own, "Origin": own["Origin"] + ".evil.example"},
        {**own, "Sec-Fetch-Site": "cross-site"},
        {**own, "Sec-Fetch-Site": "same-site"},
        {**own, "Origin": f"http://1.localhost:{yard.port}"},
    ]
    writing = [(one.method, one.at()) for one in every if one.writes and (one.method, one.path) not in OPEN]
    assert len(writing) > 40
    for method, path in writing:
        for headers in forged:
            answer = yard.ask(method, path, {}, headers=headers)
            expected = (401, 403) if path.startswith("/api/") else (403,)
            assert answer.status in expected, (method, path, headers, answer)


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json+x", ""],
)
def test_what_a_form_can_send_is_taken_by_no_route(yard: Yard, every: list[Route], kind: str) -> None:
    """Threat 3: also where everything else is right."""
    headers = {**yard.browser(ADA), "Content-Type": kind}
    for one in every:
        if one.writes and one.fields and not one.path.startswith("/api/"):
            answer = yard.ask(one.method, one.at(), headers=headers, raw=b'{"command": "true"}')
            assert answer.status >= 400, (one, answer)
            assert answer.status in (400, 403, 404, 415), (one, answer)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "PUT", "TRACE", "DELETE", "PROPFIND", "get"])
def test_forgotten_methods_do_nothing(yard: Yard, every: list[Route], method: str) -> None:
    """Threat 3: what a route does not name is not possible, and asks for what a write asks for."""
    cookie = {"Cookie": yard.browser(ADA)["Cookie"]}
    known = {(one.method, one.path) for one in every}
    for path in sorted({one.path for one in every} - {NEVER_ENDS}):
        if (method, path) in known:
            continue
        at = Route(method, path, (), ()).at()
        by_token = yard.ask(method, at, user=ADA)
        assert by_token.status in (400, 404, 405), (path, by_token)
        assert not by_token.all("access-control-allow-origin")
        by_cookie = yard.ask(method, at, headers={**cookie, "Origin": "http://evil.example"})
        assert by_cookie.status in (400, 401, 403), (path, by_cookie)


# -- what an answer says

LEAKS = (
    "Traceback",
    ".py:",
    "most recent call",
    "site-packages",
    "sqlite",
    "SELECT ",
    "INSERT ",
    "psycopg",
    "/daemon/",
    "errno",
    "0x7f",
)
OF_OPERATORS = ("/v1/admin", "/v1/nodes", "/v1/reservations", "/v1/counters", "/metrics")
ODD = (
    *("%00", "%0d%0aX-Made:1", "%ed%a0%80", "..%2f..%2f..%2fetc%2fpasswd", "9" * 40, "-1", "%1b%5b31m"),
    *("%27%20OR%201=1--", "%3Cscript%3E", "%F0%9F%92%A9", "a" * 3000, "1e9"),
)
BODIES = (
    *(b"", b"{", b"[]", b"null", b"1e999", b'"x"', b"[[[[", b"\xff\xfe", b'{"a": "\\ud800"}', b"NaN", b"{}"),
    *(b"[" * 60_000, b'{"x": ' * 60_000, b"9" * 5_000, b'{"\\u0000": 1}', b'{"command": 1e400}', b"[1,2]"),
)


def clean(yard: Yard, answer: Answer, asked: object) -> None:
    """Nothing of the inside is in it."""
    assert answer.status < 500 or answer.status == 503, (asked, answer)
    if answer.status < 400:
        return
    text = answer.text + str(answer.headers)
    for word in (*LEAKS, str(yard.state), "launchyard.", "/src/"):
        assert word not in text, (asked, word, answer)
    assert len(answer.body) < 20_000


def test_no_odd_name_value_or_body_makes_an_answer_tell_of_the_inside(yard: Yard, every: list[Route]) -> None:
    """Threats 26, 44, 45: on every route, in each part of a path, each parameter and each field."""
    for one in every:
        # The second one tells an administrator which file it cannot read.
        if one.path in (NEVER_ENDS, "/v1/admin/reload"):
            continue
        user = RUTH if one.path.startswith(OF_OPERATORS) else ADA
        for odd in ODD:
            for name in one.parameters:
                answer = yard.ask(one.method, one.at(**{name: odd}), {} if one.fields else None, user=user)
                clean(yard, answer, (one, odd))
                assert "x-made" not in dict(answer.headers)
            for query in one.queries if one.method == "GET" else ():
                clean(yard, yard.ask("GET", f"{one.at()}?{query}={odd}", user=user), (one, query, odd))
        for body in BODIES if one.writes else ():
            clean(yard, yard.ask(one.method, one.at(), user=user, raw=body), (one, body[:40]))


HEADERS = (
    *(
        ("Content-Type", "application/json; charset=utf-7"),
        ("Content-Encoding", "gzip"),
        ("Range", "bytes=9-1"),
    ),
    *(
        ("Idempotency-Key", "x" * 5000),
        ("If-None-Match", '"' * 500),
        ("Accept", "\xff/*"),
        ("Last-Event-ID", "x-9"),
    ),
    *(
        ("Cookie", "launchyard-1=" + ";" * 5000),
        ("Authorization", "Bearer " + "\xe9" * 300),
        ("X", "\x01\x02"),
    ),
    *(("Accept-Encoding", "gzip;q=x"), ("Expect", "200-maybe"), ("Origin", "http://["), ("Host", "[::1")),
)


def test_no_odd_header_does_either(yard: Yard) -> None:
    """Threat 45."""
    for name, value in HEADERS:
        for method, path in (
            ("GET", "/v1/jobs"),
            ("POST", "/v1/jobs"),
            ("GET", "/"),
            ("GET", "/session/1/x"),
        ):
            given = {"Authorization": f"Bearer {yard.tokens[ADA]}", name: value}
            body = {"command": 1} if method == "POST" else None
            clean(yard, yard.ask(method, path, body, headers=given), (method, path, name))


NEXT = (
    *("//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)"),
    *(
        "/\t/evil.example",
        "/%0d%0aSet-Cookie: a=1\r\nX: 1",
        "/\r\n/evil",
        "///evil.example",
        "evil.example",
        "",
    ),
    *("/\u2028/x", "http:evil.example", "/" + "a" * 5000, "/..//evil.example\\", "/.\\evil"),
)


@pytest.mark.parametrize("path", NEXT)
def test_a_login_leads_to_a_page_of_ours_alone(yard: Yard, path: str) -> None:
    """Threat 44: open redirection, and a header that becomes two."""
    for route in ("/v1/login-links", "/v1/sessions/1/open"):
        made = yard.ask("POST", route, {"next": path}, user=ADA)
        assert made.status in (400, 404), (route, path, made)
    for name in ("next", "to", "url", "redirect", "return_to"):
        for where in ("/login", "/v1/login/oidc", "/"):
            answer = yard.ask(
                "GET", f"{where}?{name}=//evil.example%0d%0aX-Made:1", headers={"Accept": "text/html"}
            )
            assert "evil.example" not in answer.header("location")
            assert not answer.all("x-made")


# -- what stays of it


def test_every_refusal_is_on_record_and_no_secret_is(yard: Yard, every: list[Route]) -> None:
    """Threat 15, also: who, what, from where, with what result; nothing of a credential, body or query."""
    secret = "ly_hushhush" + "A" * 36
    before = len(yard.audit())
    asked: list[tuple[int, str | None, str, str]] = []
    for one in every:
        if (one.method, one.path) in OPEN or one.path == NEVER_ENDS:
            continue
        # Without a credential; and li about what is not there, or not for him.
        asked.append((401, None, one.method, one.at()))
        yard.ask(
            one.method, f"{one.at()}?token={secret}", {"secret": secret}, headers={"Cookie": f"x={secret}"}
        )
        answer = yard.ask(one.method, one.at(job="987654321"), {}, user=LI)
        if answer.status in (401, 403, 404, 421):
            asked.append((answer.status, LI, one.method, one.at(job="987654321")))
    records = yard.audit()[before:]
    found = [(one["status"], one["user"], *one["request"].split(" ", 1)) for one in records]
    for refused in asked:
        assert refused in found, refused
    for record in records:
        assert {"at", "event", "status", "code", "user", "token", "from", "request"} <= record.keys()
        assert record["from"].startswith(("127.0.0.1:", "uid "))
    text = (yard.state / "daemon" / "audit.log").read_text()
    logs = "".join(path.read_text(errors="replace") for path in (yard.state / "daemon").glob("*.log*"))
    for word in (secret, *yard.tokens.values(), yard.browser(ADA)["X-Launchyard-CSRF"]):
        assert word not in text
        assert word not in logs


def test_what_is_not_there_and_what_is_anothers_are_one_answer(yard: Yard, every: list[Route]) -> None:
    """Threat 10, also: by TCP with a token, on every route that names a job."""
    job = yard.submit(ADA, "sleep 600", name="hers")
    yard.runs(ADA, job)
    missing = job + 100_000
    bodies: tuple[object, ...] = (None, {})
    for one in every:
        for name in {"job", "session"} & set(one.parameters):
            for body in bodies:
                answers = []
                for number in (job, missing):
                    answer = yard.ask(one.method, one.at(**{name: str(number)}), body, user=LI)
                    assert answer.status >= 400, (one, answer)
                    answers.append((answer.status, without([str(number)], answer.text)))
                assert answers[0] == answers[1], one
    assert yard.ask("GET", f"/v1/jobs/{job}", user=ADA).json["state"] == "RUNNING"
    assert yard.ask("POST", f"/v1/jobs/{job}/cancel", user=ADA).status == 200
