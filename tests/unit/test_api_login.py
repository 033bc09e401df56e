"""Logging in by a one-time link, what the cookie is good for, and how it ends: against a real server."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from launchyard.api.login.addresses import (
    local_path,
    portal_of,
    portals_of,
    session_host,
    session_of_host,
    session_of_path,
)
from launchyard.api.login.cookies import name_of, value_of, without_ours
from launchyard.api.login.keys import Keys
from launchyard.api.login.links import Codes, Grant, WrongCode
from launchyard.api.login.tries import FAILURES_MAX, WINDOW_S, TooManyTries, Tries
from launchyard.api.routes.tokens import LOGINS_MAX
from launchyard.api.tokens import LOGIN_S, RENEW_S, RENEWED_GOOD_S, TokenTable, new_login, renewed, revoked
from launchyard.model.errors import Invalid, Unavailable
from tests.api_bench import ADA, T0, Answer, Bench, job_of, running


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        server.put(job_of(ADA, 900))
        yield server


@dataclass
class Browser:
    """What a browser does by itself: keeps the cookie, says where a page is from."""

    bench: Bench
    cookie: str = ""
    csrf: str = ""
    host: str = ""
    last: Answer | None = None
    page: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.host = self.host or f"127.0.0.1:{self.bench.port}"
        self.page = {"Origin": f"http://{self.host}", "Sec-Fetch-Site": "same-origin"}

    def ask(
        self, method: str, path: str, body: object = None, without: tuple[str, ...] = (), **more: str
    ) -> Answer:
        headers = {"Host": self.host, "Cookie": self.cookie, "User-Agent": FIREFOX}
        if method not in ("GET", "HEAD"):
            headers |= {**self.page, "X-Launchyard-CSRF": self.csrf}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        sent = {name: value for name, value in headers.items() if name not in without and value}
        answer = self.bench.ask(method, path, body, user="", headers=sent)
        given = answer.headers.get("set-cookie")
        if given is not None:
            self.cookie = given.partition(";")[0]
        return answer

    def log_in(self, user: str = "ada") -> Answer:
        answer = self.ask("POST", "/login", {"code": code_for(self.bench, user)})
        assert answer.status == 200, answer.body
        self.csrf = self.ask("GET", "/v1/me").json["csrf"]
        return answer


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def code_for(bench: Bench, user: str = "ada", **body: str) -> str:
    made = bench.ask("POST", "/v1/login-links", body, user=user)
    assert made.status == 201, made.body
    url: str = made.json["url"]
    assert url.startswith(f"http://127.0.0.1:{bench.port}/login#")
    return url.partition("#")[2]


def logged_in(bench: Bench, user: str = "ada") -> Browser:
    browser = Browser(bench)
    browser.log_in(user)
    return browser


def test_a_link_logs_in_once(bench: Bench) -> None:
    """Threats 15 and 30: what stands in an address is good once."""
    code = code_for(bench, next="/jobs/900?tab=log")
    first, second = Browser(bench), Browser(bench)
    assert first.ask("POST", "/login", {"code": code}).json == {"next": "/jobs/900?tab=log"}
    assert first.ask("GET", "/v1/jobs/900").json["id"] == 900
    again = second.ask("POST", "/login", {"code": code})
    assert (again.status, again.json["code"], second.cookie) == (401, "link-used", "")


def test_the_cookie_is_kept_from_scripts_and_other_sites(bench: Bench) -> None:
    given = Browser(bench).log_in().headers["set-cookie"]
    name, _, rest = given.partition("=")
    assert name == f"launchyard-{bench.port}"
    words = {word.strip() for word in rest.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= words
    assert not any(word.startswith("Domain") for word in words)


def test_each_login_has_a_secret_of_its_own(bench: Bench) -> None:
    """A cookie that somebody put there before is not the one that is logged in."""
    browser = Browser(bench, cookie=f"launchyard-{bench.port}=put-there-by-somebody")
    browser.log_in()
    assert "put-there" not in browser.cookie
    assert logged_in(bench).cookie != browser.cookie
    assert browser.cookie.partition("=")[2] not in repr(bench.store.kept_tokens)


def test_me_tells_who_asks_and_what_pages_need(bench: Bench) -> None:
    told = logged_in(bench).ask("GET", "/v1/me").json
    assert (told["user"], told["uid"], told["admin"], told["mode"]) == ("ada", ADA.uid, False, "machine")
    assert told["session_host"] == f"{{id}}.localhost:{bench.port}"
    assert told["login"]["name"] == "Firefox on Linux"
    by_token = bench.ask("GET", "/v1/me", user="bob").json
    assert (by_token["user"], by_token["csrf"], by_token["login"]) == ("bob", None, None)


WRITES = [
    ("POST", "/v1/jobs/900/hold"),
    ("POST", "/v1/tokens"),
    ("DELETE", "/v1/tokens/x"),
    ("POST", "/logout"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    ("without", "instead"),
    [
        (("X-Launchyard-CSRF",), {}),
        ((), {"X_Launchyard_CSRF": "0" * 64}),
        (("Origin",), {}),
        ((), {"Origin": "http://evil.example"}),
        ((), {"Origin": "null"}),
        ((), {"Origin": "http://17.localhost"}),
        ((), {"Sec_Fetch_Site": "same-site"}),
        ((), {"Sec_Fetch_Site": "cross-site"}),
    ],
)
def test_a_write_by_cookie_needs_the_token_and_our_origin(
    bench: Bench, method: str, path: str, without: tuple[str, ...], instead: Mapping[str, str]
) -> None:
    """Threat 3: CSRF, for every method that writes."""
    browser = logged_in(bench)
    calls = len(bench.controller.calls)
    assert browser.ask(method, path, {}, without, **instead).status == 403
    assert len(bench.controller.calls) == calls
    assert browser.ask("GET", "/v1/me").status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_methods_that_are_forgotten_elsewhere_are_writes_here(bench: Bench, method: str) -> None:
    """Threat 3 (CVE-2026-27482)."""
    browser = logged_in(bench)
    assert browser.ask(method, "/v1/jobs", {}, ("X-Launchyard-CSRF",)).status in (400, 403)


def test_what_a_form_can_send_logs_nobody_in(bench: Bench) -> None:
    """Threat 3, of the login itself: nobody is logged in as somebody else without knowing."""
    code = code_for(bench)
    form = {"code": code}
    assert Browser(bench).ask("POST", "/login", form, Origin="http://evil.example").status == 403
    assert Browser(bench).ask("POST", "/login", form, Content_Type="text/plain").status == 415
    assert Browser(bench).ask("POST", "/login", {"code": code}).status == 200


def test_the_token_of_one_login_is_useless_in_another(bench: Bench) -> None:
    """Threat 28: exact comparison of what belongs together."""
    one, other = logged_in(bench), logged_in(bench)
    assert one.csrf != other.csrf
    for wrong in (other.csrf, one.csrf[:-1], one.csrf + "0", one.csrf.upper()):
        assert one.ask("POST", "/v1/jobs/900/hold", X_Launchyard_CSRF=wrong).status == 403
    assert one.ask("POST", "/v1/jobs/900/hold").status == 200


def test_a_cookie_is_no_token_and_a_token_no_cookie(bench: Bench) -> None:
    browser = logged_in(bench)
    secret = browser.cookie.partition("=")[2]
    by_header = {"Authorization": f"Bearer {secret}"}
    assert bench.ask("GET", "/v1/jobs", user="", headers=by_header).status == 401
    as_cookie = f"launchyard-{bench.port}={bench.secrets['ada']}"
    assert Browser(bench, cookie=as_cookie).ask("GET", "/v1/jobs").status == 401
    twice = f"{browser.cookie}; launchyard-{bench.port}=other"
    assert Browser(bench, cookie=twice).ask("GET", "/v1/jobs").status == 401


def test_logging_out_is_for_good(bench: Bench) -> None:
    """Threat 30."""
    browser = logged_in(bench)
    kept = browser.cookie
    assert browser.ask("POST", "/logout").status == 200
    assert browser.cookie.endswith("=")
    assert Browser(bench, cookie=kept).ask("GET", "/v1/me").status == 401
    assert bench.store.kept_tokens[-1].revoked_at is not None


def test_pages_of_apps_cannot_set_the_cookie_of_a_common_name(bench: Bench) -> None:
    """Threat 7: what is below `launchyard.localhost` may set cookies for it, but not of such a name."""
    browser = Browser(bench, host=f"launchyard.localhost:{bench.port}")
    given = browser.ask("POST", "/login", {"code": code_for(bench)}).headers["set-cookie"]
    assert given.startswith(f"__Host-launchyard-{bench.port}=")
    assert "Secure" in given
    assert browser.ask("GET", "/v1/me").json["session_host"] == f"{{id}}.launchyard.localhost:{bench.port}"
    tossed = browser.cookie.removeprefix("__Host-")
    assert browser.ask("GET", "/v1/me", Cookie=tossed).status == 401
    assert browser.ask("GET", "/v1/me", Cookie=f"{browser.cookie}; launchyard-{bench.port}=x").status == 200


def test_logging_out_ends_what_the_browser_went_on_with(bench: Bench) -> None:
    """Threat 30: also at another name of ours, to which a page went by a link of its own."""
    first = logged_in(bench)
    made = first.ask("POST", "/v1/login-links", {}).json["url"].partition("#")[2]
    second = Browser(bench, host=f"launchyard.localhost:{bench.port}")
    second.ask("POST", "/login", {"code": made})
    second.csrf = second.ask("GET", "/v1/me").json["csrf"]
    assert second.ask("POST", "/logout").status == 200
    assert [one.ask("GET", "/v1/me").status for one in (first, second)] == [401, 401]


def test_logins_are_listed_and_revoked_as_tokens_are(bench: Bench) -> None:
    browser, other = logged_in(bench), logged_in(bench)
    listed = browser.ask("GET", "/v1/tokens").json["tokens"]
    kinds = {token["id"]: token["kind"] for token in listed}
    theirs = other.ask("GET", "/v1/me").json["login"]["id"]
    assert kinds[theirs] == "browser"
    assert browser.ask("DELETE", f"/v1/tokens/{theirs}").status == 200
    assert other.ask("GET", "/v1/me").status == 401
    assert browser.ask("GET", "/v1/me").status == 200


def test_what_a_token_logged_in_ends_with_the_token(bench: Bench) -> None:
    """Threat 30: revoking what was stolen leaves nothing behind that was made by it."""
    made = bench.ask("POST", "/v1/tokens", {"name": "laptop"}, user="ada").json
    by_it = {"Authorization": f"Bearer {made['token']}"}
    links = [
        bench.ask("POST", "/v1/login-links", {}, user="", headers=by_it).json["url"].partition("#")[2]
        for _ in range(2)
    ]
    browser = Browser(bench)
    assert browser.ask("POST", "/login", {"code": links[0]}).status == 200
    assert bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="ada").status == 200
    assert browser.ask("GET", "/v1/me").status == 401
    assert Browser(bench).ask("POST", "/login", {"code": links[1]}).status == 401


def test_of_very_many_logins_the_oldest_end(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        first = logged_in(bench)
        for _ in range(LOGINS_MAX):
            last = logged_in(bench)
        assert [one.ask("GET", "/v1/me").status for one in (first, last)] == [401, 200]
        kinds = [token["kind"] for token in last.ask("GET", "/v1/tokens").json["tokens"]]
        assert (kinds.count("browser"), kinds.count("token")) == (LOGINS_MAX, 1)


def test_the_unix_socket_makes_links_to_where_the_server_listens() -> None:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as bench:
        refused = bench.ask("POST", "/v1/login-links", {})
        assert refused.status == 409


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example", "", "jobs", "/a b", "/a\r\nX: y"],
)
def test_a_link_leads_nowhere_else(bench: Bench, elsewhere: str) -> None:
    """Threat 44: open redirect, response splitting."""
    assert bench.ask("POST", "/v1/login-links", {"next": elsewhere}, user="ada").status == 400
    with pytest.raises(Invalid):
        local_path(elsewhere)


def test_who_fails_often_is_refused_for_a_while_and_a_right_link_never(bench: Bench) -> None:
    """Threat 32: brute force; and nobody can lock others out."""
    code = code_for(bench)
    with_wrong = [Browser(bench).ask("POST", "/login", {"code": f"wrong{n}"}).status for n in range(12)]
    assert with_wrong[0] == 401
    assert with_wrong[-1] == 429
    late = Browser(bench).ask("POST", "/login", {"code": "wrong"})
    assert int(late.headers["retry-after"]) > 0
    assert Browser(bench).ask("POST", "/login", {"code": code}).status == 200


def test_a_wrong_way_to_log_in_is_one_sentence(bench: Bench) -> None:
    refused = Browser(bench).ask("POST", "/login", {"provider": "pam", "user": "ada", "password": "x"})
    assert (refused.status, refused.sentence) == (
        400,
        'there is no way to log in called "pam"; there is: link',
    )


def test_failures_are_forgotten_and_their_table_is_bounded() -> None:
    """Threat 32."""
    tries = Tries()
    for _ in range(FAILURES_MAX):
        tries.refuse(("from", "a"), T0)
        tries.failed(("from", "a"), T0)
    with pytest.raises(TooManyTries):
        tries.refuse(("from", "a"), T0 + WINDOW_S - 1)
    tries.refuse(("from", "b"), T0)
    tries.refuse(("from", "a"), T0 + WINDOW_S)
    for n in range(20_000):
        tries.failed(("from", str(n)), T0)
    assert len(tries._failures) <= 10_000


def test_a_code_says_why_it_is_no_good() -> None:
    codes = Codes("link", "ask again")
    grant = Grant(uid=1, user="ada", parent=None, next="/")
    good, late = codes.make(grant, T0, 600), codes.make(grant, T0, 600)
    assert codes.use(good, T0 + 599).user == "ada"
    for code, now, why in (("x", T0, "unknown"), (good, T0, "used"), (late, T0 + 600, "expired")):
        with pytest.raises(WrongCode) as refused:
            codes.use(code, now)
        assert refused.value.code == f"link-{why}"


def table(now: list[float]) -> TokenTable:
    return TokenTable(clock=lambda: now[0])


def test_a_login_gets_another_secret_and_the_old_one_is_good_for_a_minute() -> None:
    now = [T0]
    tokens = table(now)
    login, before = new_login(ADA, "browser", T0, None)
    tokens.put(login)
    now[0] += RENEW_S
    fresh, after = renewed(login, now[0])
    tokens.put(fresh)
    assert [tokens.find(secret) for secret in (before, after)] == [fresh, fresh]
    now[0] += RENEWED_GOOD_S
    assert [tokens.find(secret) for secret in (before, after)] == [None, fresh]


def test_a_revoked_login_is_no_good_by_any_of_its_secrets() -> None:
    """Threat 30."""
    tokens = table([T0])
    login, before = new_login(ADA, "browser", T0, None)
    tokens.put(login)
    fresh, after = renewed(login, T0)
    tokens.put(fresh)
    tokens.put(revoked(fresh, T0))
    assert tokens.find(before) is tokens.find(after) is None
    assert tokens.of(ADA) == []


def test_a_login_has_an_end_which_cuts_what_it_has_open() -> None:
    now = [T0]
    tokens = table(now)
    login, secret = new_login(ADA, "browser", T0, None)
    tokens.put(login)
    cut: list[int] = []
    tokens.on_revocation(login.id, lambda: cut.append(1))
    now[0] += LOGIN_S
    assert tokens.find(secret) is None
    assert cut == [1]


def test_a_login_that_cannot_be_renewed_durably_goes_on(bench: Bench) -> None:
    browser = logged_in(bench)
    kept = browser.cookie
    told = browser.ask("GET", "/v1/me").json["login"]["id"]

    def age(_: Any = None) -> None:
        tokens = bench.controller.told[0].__self__.tokens  # type: ignore[attr-defined]
        tokens.put(replace(tokens.get(told), renewed_at=T0 - RENEW_S))
        bench.controller.fails = Unavailable("the disk is away")

    bench.on_loop(age)
    assert browser.ask("GET", "/v1/me").status == 200
    assert browser.cookie == kept
    bench.on_loop(lambda: setattr(bench.controller, "fails", None))
    assert browser.ask("GET", "/v1/me").status == 200
    assert browser.cookie != kept
    assert browser.ask("GET", "/v1/me").status == 200
    assert browser.csrf == browser.ask("GET", "/v1/me").json["csrf"]


def test_secrets_of_the_server_are_never_short() -> None:
    """Threat 29."""
    with pytest.raises(ValueError, match="too short"):
        Keys(b"short")
    one, other = Keys(b"a" * 32), Keys(b"b" * 32)
    assert one.csrf("x") != other.csrf("x") != one.session("x", 1)


def test_ours_are_told_apart_from_the_apps_cookies() -> None:
    """Threat 7."""
    given = "a=1; launchyard-8265=s; __Host-launchyard-443=t; LAUNCHYARD-session-80=u;b=2; c"
    assert without_ours(given) == "a=1; b=2"
    assert value_of([given], "launchyard-8265") == "s"
    assert value_of([given], "launchyard") is None
    assert value_of(["x=1; x=2"], "x") is None
    assert [name_of("launchyard", host, secure=False) for host in ("a:1", "[::1]:2", "a")] == [
        "launchyard-1",
        "launchyard-2",
        "launchyard-80",
    ]


@pytest.mark.parametrize(
    ("name", "hosts", "session"),
    [
        ("17.localhost", [], 17),
        ("017.localhost", [], None),
        ("localhost", [], None),
        ("x.17.localhost", [], None),
        ("17.x.localhost", [], None),
        ("17.yard.example", ["*.yard.example"], 17),
        ("17.yard.example", ["yard.example"], None),
        ("17.evil.example", ["*.yard.example"], None),
        ("１７.localhost", [], None),
        ("", [], None),
    ],
)
def test_a_sessions_own_name(name: str, hosts: list[str], session: int | None) -> None:
    assert session_of_host(name, hosts) == session


def test_where_sessions_are_shown_depends_on_where_the_portal_is() -> None:
    wild = ["yard.example", "*.yard.example"]
    assert session_host("127.0.0.1:8265", "127.0.0.1", []) == "{id}.localhost:8265"
    assert session_host("[::1]", "[::1]", []) == "{id}.localhost"
    assert session_host("yard.example", "yard.example", wild) == "{id}.yard.example"
    assert session_host("yard.example", "yard.example", ["yard.example"]) is None
    apart = ["yard.example", "*.apps.example"]
    assert session_host("yard.example:8443", "yard.example", apart) == "{id}.apps.example:8443"
    assert portals_of("http", "17.apps.example:8443", apart) == "'self' yard.example:8443"
    assert portal_of("https", "17.yard.example", wild) == "https://yard.example"
    assert [
        session_of_path(path) for path in ("/session/5/x", "/session/5", "/session/x", "/sessions/5")
    ] == [
        5,
        5,
        None,
        None,
    ]


def test_what_is_refused_tells_nothing_of_the_code(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Threat 15: secrets in logs."""
    with caplog.at_level("INFO", "launchyard.audit"):
        Browser(bench).ask("POST", "/login", {"code": "hush-hush"})
    assert "hush-hush" not in caplog.text
    assert json.loads(caplog.records[0].getMessage())["request"] == "POST /login"
