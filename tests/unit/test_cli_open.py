"""`ly open`: a link that logs a browser in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.cli.main import main
from launchyard.cli.output.server import ready_lines
from tests.unit.canned_server import CannedServer, canned_server

URL = "http://127.0.0.1:8265/login#code"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedServer]:
    monkeypatch.setenv("LAUNCHYARD_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("LAUNCHYARD_URL", raising=False)
    with canned_server(tmp_path / "state") as canned:
        canned.answers["POST", "/v1/login-links"] = {"url": URL, "expires_in_s": 600}
        yield canned


def test_the_link_is_printed_and_leads_where_it_is_told(
    server: CannedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["open", "/jobs/17", "--no-browser"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{URL}\n"
    assert said.err == "Good once, for 10 min.\n"
    assert server.asked[0].body == {"next": "/jobs/17"}


def test_the_link_is_there_for_programs(server: CannedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["open", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["url"] == URL


def test_logins_of_browsers_are_listed_with_the_tokens(
    server: CannedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    login = {"id": "a1", "name": "Firefox on Linux", "kind": "browser", "created_at": "2026-11-21T10:00:00Z"}
    token = {"id": "b2", "name": "laptop", "kind": "token", "created_at": "2026-11-21T10:00:00Z"}
    server.answers["GET", "/v1/tokens"] = {"tokens": [login, token]}
    assert main(["token", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("a1")
    assert lines[1].rstrip().endswith("logged in")
    assert lines[2].rstrip().endswith("in use")


def test_a_server_that_is_ready_tells_the_link() -> None:
    facts = {"version": "0.1.0", "cpus": 8, "memory_mib": 1024, "state": "/s", "open": URL}
    assert ready_lines(facts)[1] == f"  Open  {URL}   (once, 10 min; again: ly open)"
    assert not any("login" in line for line in ready_lines({**facts, "open": None}))
