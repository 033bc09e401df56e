"""Audit records and the state of the configuration file, for administrators alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.api.operating import Operating
from launchyard.config.files import Unreadable
from launchyard.model.errors import Invalid
from tests.api_bench import Bench, running

LOG = """\
{"at":"2026-11-21T10:00:00.000Z","event":"refused","user":"ada","status":403}
["a list is no record"]
{"at":"2026-11-21T10:00:02.000Z","event":"refused","user":null,"status":401}
{"at":"2026-11-21T10:00:03.000Z","event":"cut o
"""


def broken() -> None:
    raise Invalid("/etc/launchyard/config.toml, line 3: unknown key 'listn'")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    log = tmp_path / "audit.log"
    log.write_text(LOG)
    (tmp_path / "audit.log.1").write_text(LOG.replace("ada", "bob"))
    with running(tmp_path, operating=Operating(log, broken)) as one:
        yield one


def test_records_are_told_newest_first(bench: Bench) -> None:
    records = bench.ask("GET", "/v1/admin/audit?limit=3", user="root").json["records"]
    assert [(one["at"][17:19], one["user"]) for one in records] == [("02", None), ("00", "ada"), ("02", None)]


def test_what_is_wrong_with_the_configuration_is_told_before_a_restart(bench: Bench) -> None:
    assert "line 3" in bench.ask("GET", "/v1/admin/config", user="root").json["problem"]


def test_a_file_that_is_closed_to_the_server_is_no_problem_of_the_next_start(tmp_path: Path) -> None:
    def closed() -> None:
        raise Unreadable("the server runs as launchyard, which may not read it again")

    state = Operating(tmp_path / "audit.log", closed).file_state()
    assert state == {"problem": None, "unread": "the server runs as launchyard, which may not read it again"}


@pytest.mark.parametrize("path", ["/v1/admin/audit", "/v1/admin/config"])
def test_others_are_told_nothing(path: str, bench: Bench) -> None:
    assert bench.ask("GET", path, user="ada").status == 403
