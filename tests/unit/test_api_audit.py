"""The audit log: every change by the API and every login is a line, done or refused, without a secret."""

import json
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.api.access import ROUTES, WEBSOCKET
from launchyard.api.audit import LOOKING, TOLD
from launchyard.api.operating import Operating
from launchyard.auditlog import AuditLog
from tests.api_bench import ADA, T0, Bench, job_of, running
from tests.unit.test_api_tokens import bearer, filled, upgrade


def no_problem() -> None: ...


class Watched:
    """A server, and what is in its audit log."""

    def __init__(self, bench: Bench, log: Path) -> None:
        self.bench, self.log = bench, log

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]

    def newest(self) -> dict[str, Any]:
        return self.records()[-1]


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "audit.log"
        with running(Path(directory), operating=Operating(log, no_problem)) as bench:
            bench.put(job_of(ADA, 900))
            yield Watched(bench, log)


def test_a_line_says_who_did_what_to_what_from_where(watched: Watched) -> None:
    made = watched.bench.ask("POST", "/v1/jobs", {"command": "id"}, user="ada").json
    record = watched.newest()
    assert record["from"].startswith("127.0.0.1:")
    token = next(one.id for one in watched.bench.store.kept_tokens if one.user == "ada")
    del record["from"]
    assert record == {
        "at": "2027-01-15T08:00:00Z",
        "event": "done",
        "status": 201,
        "code": None,
        "user": "ada",
        "token": token,
        "request": "POST /v1/jobs",
        "jobs": [made["id"]],
    }
    assert stat.S_IMODE(watched.log.stat().st_mode) == 0o600


CHANGES = sorted(
    (method, path)
    for method, path in ROUTES
    if method not in ("GET", "HEAD") and path not in LOOKING and not path.endswith((TOLD, "/logs/tail"))
)


@pytest.mark.parametrize(("method", "path"), CHANGES, ids=lambda part: part.replace("/", "."))
def test_every_change_is_on_record_also_when_it_is_refused(watched: Watched, method: str, path: str) -> None:
    """Of the whole OpenAPI document and the WebSockets beside it."""
    before = len(watched.lines())
    if method == WEBSOCKET:
        status = upgrade(watched.bench, "wrong", filled(path))
    else:
        status = watched.bench.ask(method, filled(path), {}, user="bob").status
    (record,) = watched.records()[before:]
    assert (record["status"], record["request"]) == (status, f"{method} {filled(path)}")
    assert record["event"] == ("done" if status < 400 else "refused" if status < 500 else "failed")
    if method != WEBSOCKET and path != "/login":
        assert record["user"] == "bob"


def test_looking_is_on_record_only_when_it_is_refused(watched: Watched) -> None:
    before = len(watched.lines())
    watched.bench.ask("GET", "/v1/jobs", user="ada")
    watched.bench.ask("GET", "/v1/jobs/900", user="ada")
    assert len(watched.lines()) == before
    watched.bench.ask("GET", "/v1/jobs/900", user="bob")
    watched.bench.ask("GET", "/v1/admin/audit", user="bob")
    watched.bench.ask("GET", "/v1/jobs", user="")
    assert [one["status"] for one in watched.records()[before:]] == [404, 403, 401]


def test_a_login_says_who_and_a_failed_one_for_whom(watched: Watched) -> None:
    """Threats 15 and 32: the name that was tried, never what was typed for a password."""
    tried = {"provider": "pam", "user": "ada\n\x1b[31m", "password": "hush-hush"}
    watched.bench.ask("POST", "/login", tried, user="")
    failed = watched.newest()
    assert (failed["event"], failed["user"], failed["by"], failed["name"]) == (
        "refused",
        None,
        "pam",
        "ada\n\x1b[31m",
    )
    url = watched.bench.ask("POST", "/v1/login-links", {}, user="ada").json["url"]
    code = url.partition("#")[2]
    watched.bench.ask("POST", "/login", {"code": code}, user="")
    done = watched.newest()
    assert (done["event"], done["user"], done["by"]) == ("done", "ada", "link")
    text = watched.log.read_text()
    assert "hush" not in text
    assert code not in text
    assert text.isascii() or "\x1b" not in text
    assert "\x1b" not in text


def test_no_secret_of_a_request_or_an_answer_is_on_record(watched: Watched) -> None:
    """Threat 15."""
    made = watched.bench.ask("POST", "/v1/tokens", {"name": "ci", "scope": "read"}, user="ada").json
    record = watched.newest()
    assert (record["made"], record["scope"]) == (made["id"], "read")
    body = {"command": "id", "environment": {"API_KEY": "hush-variable"}}
    watched.bench.ask("POST", "/v1/jobs", body, user="ada")
    watched.bench.ask("POST", "/v1/jobs?token=hush-query", body, user="", headers=bearer("hush-bearer"))
    text = watched.log.read_text()
    assert made["token"] not in text
    assert "hush-" not in text
    assert watched.bench.secrets["ada"] not in text


def test_many_jobs_make_a_line_that_can_be_read(watched: Watched) -> None:
    watched.bench.ask(
        "POST", "/v1/acts", {"act": "cancel", "jobs": [str(n) for n in range(1, 400)]}, user="bob"
    )
    record = watched.newest()
    assert (record["act"], len(record["jobs"]), record["jobs_count"], len(record["refused"])) == (
        "cancel",
        50,
        399,
        50,
    )


def test_the_log_is_put_aside_when_it_is_full(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(path, bytes_max=200, kept=2)
    for number in range(12):
        log({"number": number, "text": "x" * 60})
    log.close()
    names = sorted(one.name for one in tmp_path.iterdir())
    assert names == ["audit.log", "audit.log.1", "audit.log.2"]
    found = [
        json.loads(line)["number"]
        for name in reversed(names)
        for line in (tmp_path / name).read_text().splitlines()
    ]
    assert found == [6, 7, 8, 9, 10, 11]
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {0o600}


def test_a_log_of_an_earlier_run_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    for number in range(2):
        log = AuditLog(path)
        log({"number": number})
        log.close()
    assert path.read_text() == '{"number":0}\n{"number":1}\n'


def test_a_link_in_the_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    """Threat 18."""
    target = tmp_path / "target"
    target.write_text("")
    (tmp_path / "audit.log").symlink_to(target)
    log = AuditLog(tmp_path / "audit.log")
    log({"number": 1})
    assert target.read_text() == ""


def test_what_cannot_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(tmp_path / "gone" / "audit.log")
    for number in range(3):
        log({"number": number, "at": T0})
    assert [one.getMessage().split()[0] for one in caplog.records] == ["1", "2"]
    (tmp_path / "gone").mkdir()
    log({"number": 3})
    log.close()
    assert (tmp_path / "gone" / "audit.log").read_text() == '{"number":3}\n'
