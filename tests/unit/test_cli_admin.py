"""`ly admin` and `ly usage` against canned answers: what is sent, and what is printed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.cli.main import main
from tests.unit.canned_server import CannedServer, canned_server

Ly = Callable[..., tuple[int, str, str]]
PATH = "/v1/admin/policy"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedServer]:
    monkeypatch.setenv("LAUNCHYARD_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("LAUNCHYARD_URL", raising=False)
    with canned_server(tmp_path / "state") as canned:
        yield canned


@pytest.fixture
def ly(capfdbinary: pytest.CaptureFixture[bytes]) -> Ly:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return run


def in_force(*accounts: str) -> dict[str, Any]:
    tables = {"accounts": [{"name": name} for name in accounts], "scheduler": {"order": "default"}}
    changes = [
        {"kind": "account", "name": "physics", "account": None, "keys": ["limits.gpus"], "removed": False},
        {"kind": "user", "name": "ada", "account": "physics", "keys": [], "removed": True},
    ]
    return {
        "source": "run time",
        "changes": changes,
        "text": '[[accounts]]\nname = "a\\u001b"\n',
        "tables": tables,
    }


def test_set_tells_new_things_from_changed_ones(server: CannedServer, ly: Ly) -> None:
    server.answers["GET", PATH] = server.answers["POST", PATH] = in_force("physics")

    assert ly("admin", "set", "account", "physics", "gpus=64", "per_user.jobs=") == (
        0,
        "Account physics is changed.\n",
        "",
    )
    assert ly("admin", "set", "account", "phsics", "gpus=64")[1] == "Account phsics is new.\n"
    assert ly("admin", "set", "scheduler", "order=fifo")[1] == "The scheduler is changed.\n"

    bodies = [asked.body for asked in server.asked if asked.body is not None]
    assert bodies[0] == {
        "kind": "account",
        "name": "physics",
        "values": {"gpus": "64", "per_user.jobs": ""},
        "remove": False,
    }
    assert (bodies[2]["kind"], bodies[2]["name"], bodies[2]["values"]) == ("scheduler", "", {"order": "fifo"})


def test_apply_sends_the_text_with_its_name(server: CannedServer, ly: Ly, tmp_path: Path) -> None:
    server.answers["PUT", PATH] = in_force()
    file = tmp_path / "rules.toml"
    file.write_text("# ü\n")
    assert ly("admin", "apply", str(file)) == (0, "The rules are in force.\n", "")
    assert server.asked[0].body == {"text": "# ü\n", "name": "rules.toml"}

    file.write_bytes(b"\xff")
    code, _, err = ly("admin", "apply", str(file))
    assert (code, err) == (2, f"ly: cannot read {file}: it is not UTF-8 text\n")


def test_what_is_typed_wrong_is_said_before_anything_is_sent(server: CannedServer, ly: Ly) -> None:
    code, _, err = ly("admin", "set", "account", "physics", "gpus")
    assert code == 2
    assert "'gpus' is not KEY=VALUE" in err
    assert server.asked == []


def test_usage_is_a_table_by_account_or_by_user(server: CannedServer, ly: Ly) -> None:
    row = {"shares": 1, "shares_norm": 0.5, "usage_norm": 0.25, "level": 2.0, "gpu_hours": 0.0}
    server.answers["GET", "/v1/usage"] = {
        "half_life_s": 604800,
        "usage": [
            {**row, "account": "physics", "user": None, "cpu_hours": 12.34, "factor": 1.0},
            {**row, "account": "physics", "user": "ada", "cpu_hours": 12.34, "factor": 1.0},
        ],
    }
    assert ly("usage")[1] == (
        "ACCOUNT  USER  SHARE  USED  CPU HOURS  GPU HOURS  PLACE\n"
        "physics        50%    25%   12.3       0.0\n"
        "physics  ada   50%    25%   12.3       0.0        1.00\n"
        "Usage is worth half after 7 d.\n"
    )
    server.answers["GET", "/v1/usage"] = {
        "half_life_s": None,
        "usage": [{**row, "account": None, "user": "ada", "cpu_hours": 1.0, "factor": None}],
    }
    assert ly("usage")[1] == "USER  CPU HOURS  GPU HOURS\nada   1.0        0.0\n"
    server.answers["GET", "/v1/usage"] = {"half_life_s": None, "usage": []}
    assert ly("usage", "-u", "bob")[1] == "Nothing has been used yet.\n"
