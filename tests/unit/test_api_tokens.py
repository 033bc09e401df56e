"""What tokens are for, until when, and how they end: over every route there is, against a real server."""

import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from launchyard.api.access import ROUTES, WEBSOCKET, Needed, enters
from launchyard.api.tokens import TokenTable, new_token, revoked
from launchyard.model.account import Account, Association
from launchyard.model.role import Role, Scope
from launchyard.model.rules import Members, Rules
from launchyard.model.state import JobState
from launchyard.model.when import parse_rfc3339
from launchyard.policy.rights import OF_ROLE, OF_SCOPE, Right
from tests.api_bench import ADA, T0, Answer, Bench, as_rules, job_of, running


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        server.put(job_of(ADA, 900, submission_id="raysubmit_1", terminal=True, state=JobState.RUNNING))
        yield server


def token(bench: Bench, user: str = "ada", **asked: object) -> dict[str, Any]:
    made = bench.ask("POST", "/v1/tokens", {"name": "t", **asked}, user=user)
    assert made.status == 201, made.body
    found: dict[str, Any] = made.json
    return found


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def ask_by(bench: Bench, secret: str, method: str, path: str, body: object = None) -> Answer:
    return bench.ask(method, path, body, user="", headers=bearer(secret))


def upgrade(bench: Bench, secret: str, path: str) -> int:
    """The status of a WebSocket's handshake."""
    connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    asks = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    try:
        connection.request(
            "GET", path, headers={**bearer(secret), **asks, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        )
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture(scope="module")
def limited(bench: Bench) -> dict[Scope, str]:
    return {scope: token(bench, scope=scope.value)["token"] for scope in (Scope.READ, Scope.SUBMIT)}


NAMES = {
    **{
        "job": "900",
        "session": "900",
        "submission": "raysubmit_1",
        "name": "n1",
        "step": "0",
        "app": "shell",
        "code": "exit-code",
    },
    **{"token": "0" * 12, "terminal": "t", "protocol": "gcs"},
}
IN_PARTS = sorted(ROUTES)


def filled(path: str) -> str:
    return path.format(**NAMES)


def test_every_route_says_what_it_needs(bench: Bench) -> None:
    """What the OpenAPI document has is in the table, and the table has nothing else."""
    document = bench.ask("GET", "/openapi.json", user="ada").json
    told = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    sockets = {path for method, path in ROUTES if method == WEBSOCKET}
    told = {
        (WEBSOCKET, path) if method == "GET" and path in sockets else (method, path) for method, path in told
    }
    assert told == set(ROUTES)


@pytest.mark.parametrize("scope", [Scope.READ, Scope.SUBMIT])
@pytest.mark.parametrize(("method", "path"), IN_PARTS, ids=lambda part: part.replace("/", "."))
def test_a_token_does_what_it_is_for_on_every_route(
    bench: Bench, limited: dict[Scope, str], scope: Scope, method: str, path: str
) -> None:
    """Threat 28: a read token changes nothing and opens nothing, whichever way it is sent."""
    allowed = ROUTES[method, path] in OF_SCOPE[scope] & OF_ROLE[Role.USER]
    before = list(bench.controller.calls), len(bench.store.kept_tokens), len(bench.terminals.opened)
    if path in ("/v1/events", "/login") or (method == WEBSOCKET and allowed):
        return
    if method == WEBSOCKET:
        assert upgrade(bench, limited[scope], filled(path)) == 403
    else:
        answered = ask_by(
            bench, limited[scope], method, filled(path), {} if method in ("POST", "PUT") else None
        )
        refused = answered.status == 403 and b" may " in answered.body
        assert refused is not allowed, answered.body
    if not allowed:
        after = list(bench.controller.calls), len(bench.store.kept_tokens), len(bench.terminals.opened)
        assert after == before


@pytest.mark.parametrize("prefix", ["", "/ray"])
def test_a_read_token_runs_nothing_by_rays_api(tmp_path: Path, prefix: str) -> None:
    """Threat 28: Ray's clients send tokens by three ways, below two paths."""
    with running(tmp_path) as bench:
        secret = token(bench, scope="read")["token"]
        for headers in (
            bearer(secret),
            {"X-Ray-Authorization": f"Bearer {secret}"},
            {"Cookie": f"ray-authentication-token={secret}"},
        ):
            body = {"entrypoint": "id"}
            refused = bench.ask("POST", f"{prefix}/api/jobs/", body, user="", headers=headers)
            assert refused.status == 403, refused.body
            assert bench.ask("GET", f"{prefix}/api/jobs/", user="", headers=headers).status == 200
        assert not bench.controller.jobs


def test_what_leads_nowhere_is_open_to_no_limited_token(bench: Bench) -> None:
    assert Needed([])({"type": "http", "method": "POST", "path": "/v1/jobs/1/cancel"}) is Right.ENTER
    assert enters({}) is Right.ENTER
    with pytest.raises(KeyError):
        Needed([("", Route("/v1/forgotten", lambda request: None))])
    secret = token(bench, scope="submit")["token"]
    assert ask_by(bench, secret, "GET", "/v1/forgotten").status == 403
    assert bench.ask("GET", "/v1/forgotten", user="ada").status == 404


def test_a_read_token_is_let_in_to_no_session(bench: Bench) -> None:
    secret = token(bench, scope="read")["token"]
    assert ask_by(bench, secret, "GET", "/session/900/").status == 403
    assert ask_by(bench, secret, "POST", "/session/900/").status == 403
    assert upgrade(bench, secret, "/session/900/ws") == 403


def test_a_token_makes_no_token_that_reaches_further(bench: Bench) -> None:
    for scope in ("read", "submit"):
        secret = token(bench, scope=scope)["token"]
        assert ask_by(bench, secret, "POST", "/v1/tokens", {}).status == 403
        assert ask_by(bench, secret, "POST", "/v1/login-links", {}).status == 403


def test_a_token_is_good_until_its_end(bench: Bench) -> None:
    made = token(bench, lasts_s=60)
    assert made["expires_at"] == "2027-01-15T08:01:00Z"
    table = TokenTable(clock=lambda: T0 + 59)
    kept = next(one for one in bench.store.kept_tokens if one.id == made["id"])
    table.put(kept)
    assert table.find(made["token"]) is not None
    table = TokenTable(clock=lambda: T0 + 60)
    table.put(kept)
    assert table.find(made["token"]) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"scope": "write"},
        {"scope": ""},
        {"lasts_s": 0},
        {"lasts_s": -5},
        {"lasts_s": 10**12},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "soon"},
        {"expires_at": "2030-01-01T00:00:00Z", "lasts_s": 5},
        {"account": "\n"},
    ],
)
def test_what_a_token_cannot_be_is_refused(bench: Bench, asked: dict[str, object]) -> None:
    assert bench.ask("POST", "/v1/tokens", asked, user="ada").status == 400


def test_a_token_is_for_an_account_that_its_user_may_charge(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        rules = Rules(
            accounts={name: Account(name=name) for name in ("physics", "arts")},
            associations={("physics", "ada"): Association(user="ada", account="physics")},
        )
        bench.on_loop(lambda: setattr(bench.controller.administration, "in_force", rules))
        assert bench.ask("POST", "/v1/tokens", {"account": "arts"}, user="ada").status == 422
        assert token(bench, account="physics")["account"] == "physics"


def test_what_is_open_by_a_token_is_cut_when_it_ends() -> None:
    now = [T0]
    table, cut = TokenTable(clock=lambda: now[0]), []
    made, _ = new_token(ADA, "", T0, expires_at=T0 + 10)
    table.put(made)
    table.on_revocation(made.id, lambda: cut.append(1))
    table.end_expired()
    assert cut == []
    now[0] += 10
    table.end_expired()
    assert cut == [1]


@pytest.mark.alone
def test_a_stream_ends_with_the_token_that_opened_it(tmp_path: Path) -> None:
    """Threat 30: within 5 s of its end."""
    with running(tmp_path, clock=time.time) as bench:
        made = token(bench, scope="read", lasts_s=2)
        connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
        try:
            connection.request("GET", "/v1/events", headers=bearer(made["token"]))
            answered = connection.getresponse()
            assert answered.status == 200
            answered.read()
        finally:
            connection.close()
        assert time.time() < parse_rfc3339(made["expires_at"]) + 5
        assert ask_by(bench, made["token"], "GET", "/v1/jobs").status == 401


def test_last_use_is_told_at_once_and_kept_now_and_then(bench: Bench) -> None:
    made = token(bench)
    assert made["used_at"] is None
    kept = len(bench.store.kept_tokens)
    for _ in range(3):
        ask_by(bench, made["token"], "GET", "/v1/jobs")
    listed = {one["id"]: one for one in bench.ask("GET", "/v1/tokens", user="ada").json["tokens"]}
    assert listed[made["id"]]["used_at"] == "2027-01-15T08:00:00Z"
    assert len(bench.store.kept_tokens) == kept


def test_many_uses_are_kept_once() -> None:
    table = TokenTable(clock=lambda: T0 + 5)
    made, secret = new_token(ADA, "", T0)
    table.put(made)
    for _ in range(3):
        found = table.find(secret)
        assert found is not None
        table.used(found)
    (kept,) = table.used_lately()
    assert (kept.id, kept.used_at) == (made.id, T0 + 5)
    assert table.used_lately() == []
    table.used(made)
    table.put(revoked(made, T0 + 6))
    assert table.used_lately() == [], "a use must not bring back what was revoked"
    assert table.find(secret) is None


def test_the_last_use_is_kept_when_the_server_stops(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        made = token(bench)
        ask_by(bench, made["token"], "GET", "/v1/jobs")
        store = bench.store
    assert [one.used_at for one in store.kept_tokens if one.id == made["id"]] == [None, T0]


# -- roles, by the same gate


def test_a_role_holds_and_ends_with_the_rules(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        drain = ("POST", "/v1/nodes/n1", {"state": "drain", "reason": "disk"})
        assert bench.ask(*drain, user="bob").status == 403
        as_rules(bench, Rules(roles={Role.OPERATOR: Members(users=("bob",))}))
        assert bench.ask(*drain, user="bob").status == 200
        told = bench.ask("GET", "/v1/me", user="bob").json
        assert (told["role"], told["admin"]) == ("operator", False)
        for method, path in (
            ("GET", "/v1/admin/policy"),
            ("PUT", "/v1/admin/policy"),
            ("GET", "/v1/admin/audit"),
        ):
            assert bench.ask(method, path, user="bob").status == 403
        assert {one["user"] for one in bench.ask("GET", "/v1/tokens", user="bob").json["tokens"]} == {"bob"}
        as_rules(bench, Rules(roles={Role.ADMINISTRATOR: Members(users=("bob",))}))
        assert bench.ask("GET", "/v1/me", user="bob").json["admin"] is True
        assert bench.ask("GET", "/v1/admin/policy", user="bob").status == 200
        as_rules(bench, Rules())
        assert bench.ask(*drain, user="bob").status == 403


def test_an_operator_sees_jobs_and_not_what_is_in_them(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        bench.put(job_of(ADA, 5, metadata={"secret": "mine"}, command=("train", "--key=hush")))
        as_rules(bench, Rules(roles={Role.OPERATOR: Members(users=("bob",))}))
        (listed,) = bench.ask("GET", "/v1/jobs", user="bob").json["jobs"]
        assert (listed["user"], listed["command"], listed["metadata"]) == ("ada", None, {})
        for path in ("/logs", "/script", "/runtime-env", "/logs/search?q=a"):
            assert bench.ask("GET", f"/v1/jobs/5{path}", user="bob").status == 404


def test_a_coordinator_sees_and_holds_the_jobs_of_the_account(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        bench.put(job_of(ADA, 5, account="physics"))
        bench.put(job_of(ADA, 6, account="arts"))
        accounts = {
            name: Account(name=name, coordinators=("bob",) if name == "physics" else ())
            for name in ("physics", "arts")
        }
        as_rules(bench, Rules(accounts=accounts))
        assert bench.ask("GET", "/v1/jobs/5", user="bob").status == 200
        assert bench.ask("GET", "/v1/jobs/6", user="bob").status == 404
        assert bench.ask("GET", "/v1/me", user="bob").json["coordinates"] == ["physics"]
        for path in ("/v1/jobs", "/v1/jobs?user=ada", "/v1/jobs?ids=5,6"):
            assert [one["id"] for one in bench.ask("GET", path, user="bob").json["jobs"]] == [5], path
        assert bench.ask("GET", "/v1/tables/list", user="bob").json["count"] == 1
        rows = bench.ask("GET", "/v1/tables/jobs?columns=id", user="bob").json["rows"]
        assert rows == [[5]]
        assert bench.ask("POST", "/v1/jobs/5/cancel", user="bob").status == 200
        assert bench.ask("POST", "/v1/jobs/6/cancel", user="bob").status == 404
        assert ("cancel", "bob", "5") in bench.controller.calls
        acts = {"act": "hold", "jobs": ["6"]}
        assert bench.ask("POST", "/v1/acts", acts, user="bob").json["results"][0]["status"] == 404
        change = {"kind": "user", "name": "ada", "values": {"account": "physics", "gpus": "4"}}
        assert bench.ask("POST", "/v1/admin/policy", change, user="bob").status == 200
        change["values"] = {"account": "arts", "gpus": "4"}
        assert bench.ask("POST", "/v1/admin/policy", change, user="bob").status == 403
