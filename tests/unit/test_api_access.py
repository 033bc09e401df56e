"""Who may ask, from where, and what they may see: by sockets, against a real server."""

import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.api.auth import host_name
from launchyard.api.tokens import digest
from launchyard.model.state import JobState
from tests.api_bench import ADA, BOB, ME, Bench, job_of, running
from tests.pieces import first_line

ROUTES = [
    ("POST", "/v1/jobs"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/1"),
    ("GET", "/v1/jobs/1/why"),
    ("GET", "/v1/jobs/1/script"),
    ("GET", "/v1/jobs/1/logs"),
    ("GET", "/v1/jobs/1/logs?follow=1"),
    ("POST", "/v1/jobs/1/cancel"),
    ("POST", "/v1/jobs/1/hold"),
    ("POST", "/v1/jobs/1/release"),
    ("POST", "/v1/jobs/1/requeue"),
    ("POST", "/v1/jobs/1/signal"),
    ("POST", "/v1/jobs/1/update"),
    ("GET", f"/v1/packages/{'0' * 64}.zip"),
    ("PUT", f"/v1/packages/{'0' * 64}.zip"),
    ("GET", "/v1/nodes"),
    ("POST", "/v1/nodes/n1"),
    ("GET", "/v1/admin/policy"),
    ("PUT", "/v1/admin/policy"),
    ("POST", "/v1/admin/policy"),
    ("POST", "/v1/admin/reload"),
    ("GET", "/v1/slurm/crontab"),
    ("POST", "/v1/slurm/crontab"),
    ("DELETE", "/v1/slurm/crontab"),
    ("GET", "/v1/slurm/triggers"),
    ("POST", "/v1/slurm/triggers"),
    ("DELETE", "/v1/slurm/triggers?id=1"),
    ("GET", "/v1/usage"),
    ("GET", "/v1/events"),
    ("GET", "/v1/status"),
    ("GET", "/v1/tokens"),
    ("POST", "/v1/tokens"),
    ("DELETE", "/v1/tokens/x"),
    ("GET", "/v1/me"),
    ("POST", "/v1/login-links"),
    ("POST", "/logout"),
    ("POST", "/v1/sessions/1/open"),
    ("GET", "/session/1/"),
    ("POST", "/session/1/"),
    ("GET", "/openapi.json"),
    ("GET", "/nothing/here"),
    ("PUT", "/v1/jobs"),
]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        server.put(job_of(ADA, 900, metadata={"secret": "mine"}))
        server.put(job_of(BOB, 901))
        yield server


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_credential_nothing_answers(bench: Bench, method: str, path: str) -> None:
    """Threat 1: unauthenticated API (ShadowRay)."""
    refused = bench.ask(method, path, user="")
    assert refused.status == 401
    assert "ly token create" in refused.sentence
    assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", ["/V1/HEALTH", "/v1/health/", "//v1/health", "/v1/health/../jobs", "/v1/health%2f"]
)
def test_the_one_open_path_opens_no_other(bench: Bench, path: str) -> None:
    """Threat 1."""
    assert bench.ask("GET", path, user="").status == 401


def test_health_is_open_and_tells_nothing_more(bench: Bench) -> None:
    assert bench.ask("GET", "/v1/health", user="").json == {"status": "ok"}


@pytest.mark.parametrize(
    "credential",
    ["Bearer", "Bearer ", "Bearer x", "Basic YTpi", "bearer ly_" + "A" * 43, "Bearer \xff", "ly_abc"],
)
def test_a_wrong_credential_is_refused(bench: Bench, credential: str) -> None:
    refused = bench.ask("GET", "/v1/jobs", user="", headers={"Authorization": credential})
    assert refused.status == 401


def test_a_part_of_a_token_is_no_token(bench: Bench) -> None:
    """Threat 28: exact comparison, never by prefix."""
    secret = bench.secrets["ada"]
    for wrong in (secret[:-1], secret + "A", secret.upper(), digest(secret)):
        refused = bench.ask("GET", "/v1/jobs", user="", headers={"Authorization": f"Bearer {wrong}"})
        assert refused.status == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8265", "127.0.0.1.evil.example", "", "127.0.0.1@evil", "localhost/x"],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/health", "/openapi.json"])
def test_another_name_for_this_address_is_refused(bench: Bench, host: str, path: str) -> None:
    """Threat 2: DNS rebinding (CVE-2025-62593)."""
    refused = bench.ask("GET", path, user="ada", headers={"Host": host})
    assert refused.status in (400, 421)
    assert "\n" not in refused.sentence


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8265", "localhost."])
def test_the_names_of_the_loopback_are_ours(bench: Bench, host: str) -> None:
    assert bench.ask("GET", "/v1/jobs", user="ada", headers={"Host": host}).status == 200


def test_configured_names_are_ours(tmp_path: Path) -> None:
    with running(tmp_path, hosts=frozenset({"yard.example"})) as bench:
        assert bench.ask("GET", "/v1/jobs", user="ada", headers={"Host": "yard.example:443"}).status == 200
        assert bench.ask("GET", "/v1/jobs", user="ada", headers={"Host": "x.yard.example"}).status == 421


def test_two_host_headers_are_refused(bench: Bench) -> None:
    """Threat 43: no ambiguity."""
    with bench.connect() as sock:
        sock.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n")
        assert b" 400 " in first_line(sock)


def test_the_name_in_a_host_header_is_read_without_its_port() -> None:
    assert [host_name(h) for h in ("a:1", "[::1]:2", "[::1]", "a", "a.:1")] == [
        "a",
        "[::1]",
        "[::1]",
        "a",
        "a",
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost"},
        {"Origin": "http://[" * 50},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/jobs"), ("POST", "/v1/jobs/900/cancel"), ("DELETE", "/v1/tokens/x")]
)
def test_a_page_of_another_origin_is_refused(
    bench: Bench, headers: dict[str, str], method: str, path: str
) -> None:
    """Threat 3: cross-site requests, for every method."""
    refused = bench.ask(method, path, user="ada", headers=headers)
    assert refused.status == 403
    assert "may not use this server" in refused.sentence


def test_a_page_of_ours_may_ask(bench: Bench) -> None:
    headers = {"Origin": f"http://127.0.0.1:{bench.port}", "Sec-Fetch-Site": "same-origin"}
    assert bench.ask("GET", "/v1/jobs", user="ada", headers=headers).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "PROPFIND"])
def test_only_the_methods_of_a_route_are_possible(bench: Bench, method: str) -> None:
    """Threat 3: forgotten methods (CVE-2026-27482)."""
    refused = bench.ask(method, "/v1/jobs/900/cancel", user="ada")
    assert refused.status in (400, 405)
    assert bench.on_loop(lambda: bench.controller.live_job(900)).state is JobState.PENDING


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""]
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/900/signal", "/v1/jobs/900/cancel", "/v1/tokens"])
def test_what_a_form_can_send_is_not_taken(bench: Bench, media_type: str, path: str) -> None:
    """Threat 3: JSON only."""
    refused = bench.ask("POST", path, user="ada", raw=b'{"a": 1}', headers={"Content-Type": media_type})
    assert refused.status == 415
    assert "application/json" in refused.sentence


ON_A_JOB = [
    ("GET", "", None),
    ("GET", "/why", None),
    ("GET", "/script", None),
    ("GET", "/logs", None),
    ("GET", "/logs?follow=1", None),
    ("POST", "/cancel", None),
    ("POST", "/hold", None),
    ("POST", "/release", None),
    ("POST", "/requeue", None),
    ("POST", "/signal", {"signal": "TERM"}),
    ("POST", "/update", {"nice": 1}),
]


@pytest.mark.parametrize(("method", "path", "body"), ON_A_JOB)
def test_a_job_of_somebody_else_is_not_there(bench: Bench, method: str, path: str, body: object) -> None:
    """Threat 10: reading and cancelling others' jobs; missing and not yours are the same answer."""
    before = len(bench.controller.calls)
    others = bench.ask(method, f"/v1/jobs/900{path}", body, user="bob")
    missing = bench.ask(method, f"/v1/jobs/999{path}", body, user="bob")
    assert others.status == missing.status == 404
    assert others.sentence.replace("900", "999") == missing.sentence == "no job 999, or it is not yours"
    assert len(bench.controller.calls) == before


@pytest.mark.parametrize(("method", "path", "body"), ON_A_JOB)
def test_an_ended_job_of_somebody_else_is_not_there_either(
    bench: Bench, method: str, path: str, body: object
) -> None:
    """Threat 10."""
    bench.put(job_of(ADA, 902, state=JobState.COMPLETED))
    assert bench.ask(method, f"/v1/jobs/902{path}", body, user="bob").status == 404


def test_a_list_shows_the_callers_own_jobs_and_an_administrator_all(bench: Bench) -> None:
    """Threat 10."""

    def ids(user: str, query: str = "") -> set[int]:
        return {job["id"] for job in bench.ask("GET", f"/v1/jobs{query}", user=user).json["jobs"]}

    assert 900 in ids("ada")
    assert not ids("ada") & ids("bob")
    assert ids("bob", "?user=ada") == set()
    assert ids("root") >= ids("ada") | ids("bob")
    assert 901 not in ids("root", "?user=ada")


def test_to_act_on_others_jobs_is_answered_like_acting_on_jobs_that_are_not_there(bench: Bench) -> None:
    """Threat 10: in lists too."""
    act = {"act": "cancel", "jobs": ["900", "999"]}
    others, missing = bench.ask("POST", "/v1/acts", act, user="bob").json["results"]
    assert {**others, "job": "", "detail": ""} == {**missing, "job": "", "detail": ""}
    assert others["detail"].replace("900", "999") == missing["detail"]


def test_where_the_site_says_so_others_jobs_are_listed_without_what_is_private(tmp_path: Path) -> None:
    with running(tmp_path, jobs_visible_to_all=True) as bench:
        bench.put(job_of(ADA, 5, metadata={"secret": "mine"}, command=("train", "--key=hush")))
        (listed,) = bench.ask("GET", "/v1/jobs", user="bob").json["jobs"]
        shown = bench.ask("GET", "/v1/jobs/5", user="bob")
        assert listed["user"] == "ada"
        assert b"mine" not in shown.body
        assert b"hush" not in shown.body
        for path in ("/logs", "/script", "/why"):
            assert bench.ask("GET", f"/v1/jobs/5{path}", user="bob").status == 404


@pytest.mark.parametrize(
    "key", ["uid", "user", "is_admin", "gid", "account_admin", "id", "state", "submitted_at", "__class__"]
)
def test_a_field_that_would_give_rights_is_refused(bench: Bench, key: str) -> None:
    """Threat 11: privilege fields in a request."""
    refused = bench.ask("POST", "/v1/jobs", {"command": "id", key: "root"}, user="bob")
    assert refused.status == 400
    assert f"unknown key '{key}'" in refused.sentence


def test_a_job_belongs_to_whoever_submitted_it(bench: Bench) -> None:
    """Threat 11: claims in headers count for nothing."""
    claims = {"X-Remote-User": "root", "X-Forwarded-User": "root", "Remote-User": "root", "X-Uid": "0"}
    made = bench.ask("POST", "/v1/jobs", {"command": "id"}, user="bob", headers=claims)
    assert (made.status, made.json["user"]) == (201, "bob")


def test_the_kernel_says_who_is_at_the_unix_socket(bench: Bench) -> None:
    """Threat 33: peer credentials, never a claimed uid; a token changes nothing there."""
    made = bench.ask(
        "POST", "/v1/jobs", {"command": "id"}, headers={"Authorization": f"Bearer {bench.secrets['ada']}"}
    )
    job = bench.on_loop(lambda: bench.controller.live_job(made.json["id"]))
    assert job.uid == ME


ASK = """
import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("GET", sys.argv[2], headers={"X-Uid": "0"})
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""


def ask_as(uid: int, socket_path: Path, path: str) -> str:
    command = [sys.executable, "-I", "-S", "-c", ASK, str(socket_path), path]
    done = subprocess.run(
        command, user=uid, group=uid, extra_groups=[], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout


@pytest.mark.root
def test_another_user_at_the_socket_is_another_caller() -> None:
    """Threat 33: by root, with processes of two users."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with running(Path(directory)) as bench:
            bench.put(job_of(ADA, 5))
            assert ask_as(ADA.uid, bench.unix, "/v1/jobs/5").startswith("200 ")
            assert ask_as(BOB.uid, bench.unix, "/v1/jobs/5").startswith("404 ")
            assert ask_as(61_009, bench.unix, "/v1/jobs").startswith("403 ")


@pytest.mark.root
def test_a_server_of_one_user_refuses_every_other_but_root() -> None:
    """Threat 33: single-user mode."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with running(Path(directory), owner_uid=ADA.uid) as bench:
            bench.put(job_of(ADA, 5))
            refused = ask_as(BOB.uid, bench.unix, "/v1/jobs/5")
            assert refused.startswith("403 ")
            assert "belongs to another user" in refused
            assert ask_as(ADA.uid, bench.unix, "/v1/jobs/5").startswith("200 ")
            assert bench.ask("GET", "/v1/jobs/5").json["user"] == "ada"


def test_the_owner_of_a_single_user_server_is_its_administrator(tmp_path: Path) -> None:
    with running(tmp_path, owner_uid=ME) as bench:
        assert bench.ask("GET", "/v1/status").json["admin"] is True
        assert bench.ask("POST", "/v1/nodes/n1", {"state": "drain", "reason": "x"}).status == 200


def test_only_administrators_mark_nodes(bench: Bench) -> None:
    refused = bench.ask("POST", "/v1/nodes/n1", {"state": "drain"}, user="bob")
    assert refused.status == 403
    marked = bench.ask("POST", "/v1/nodes/n1", {"state": "drain", "reason": "disk"}, user="root")
    assert (marked.json["state"], marked.json["reason"]) == ("DRAIN", "disk")
    assert bench.ask("POST", "/v1/nodes/n1", {"state": "up"}, user="root").json["reason"] is None


def test_a_token_is_told_once_and_kept_as_a_hash(bench: Bench) -> None:
    """Threat 31: stored tokens readable."""
    made = bench.ask("POST", "/v1/tokens", {"name": "laptop"}, user="ada")
    secret = made.json["token"]
    assert made.status == 201
    assert len(secret) >= 43
    kept = bench.store.kept_tokens[-1]
    assert kept.digest == digest(secret)
    assert secret not in repr(bench.store.kept_tokens)
    listed = bench.ask("GET", "/v1/tokens", user="ada")
    assert made.json["id"] in {token["id"] for token in listed.json["tokens"]}
    assert secret.encode() not in listed.body
    assert kept.digest.encode() not in listed.body


def test_a_revoked_token_is_useless_at_once(bench: Bench) -> None:
    """Threat 30: revocation is immediate, and stays so after a restart."""
    made = bench.ask("POST", "/v1/tokens", {}, user="ada").json
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert bench.ask("GET", "/v1/jobs", user="", headers=headers).status == 200
    assert bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="ada").json["revoked_at"] is not None
    assert bench.ask("GET", "/v1/jobs", user="", headers=headers).status == 401
    assert bench.store.kept_tokens[-1].revoked_at is not None


def test_tokens_of_others_are_not_there(bench: Bench) -> None:
    """Threat 10, for tokens."""
    made = bench.ask("POST", "/v1/tokens", {"name": "laptop"}, user="ada").json
    refused = bench.ask("DELETE", f"/v1/tokens/{made['id']}", user="bob")
    missing = bench.ask("DELETE", "/v1/tokens/000000000000", user="bob")
    assert (refused.status, missing.status) == (404, 404)
    assert refused.sentence.replace(made["id"], "000000000000") == missing.sentence
    assert {token["user"] for token in bench.ask("GET", "/v1/tokens", user="bob").json["tokens"]} == {"bob"}
    assert bench.ask("DELETE", f"/v1/tokens/{made['id'][:-1]}", user="ada").status == 404


def test_a_refusal_is_recorded_without_secrets(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Threats 15 and 25: who, what, from where; nothing that a line or a terminal would obey."""
    with caplog.at_level(logging.INFO, "launchyard.audit"):
        bench.ask("GET", "/v1/jobs/900/cancel%0aforged%1b[31m?token=hush", user="")
        bench.ask("GET", "/v1/jobs/900", user="bob")
    forged, others = (record.getMessage() for record in caplog.records)
    assert forged.isprintable()
    assert "hush" not in forged
    assert '"status":401' in forged
    assert '"user":"bob"' in others
    assert '"status":404' in others
    assert bench.secrets["bob"] not in others
