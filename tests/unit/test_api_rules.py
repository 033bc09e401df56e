"""The rules of the queue and the usage over HTTP: for administrators, as a whole or not at all."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_bench import Bench, running

pytestmark = pytest.mark.served

PATH = "/v1/admin/policy"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        yield server


def test_only_administrators_see_and_change_the_rules(bench: Bench) -> None:
    for method, path, body in (
        ("GET", PATH, None),
        ("PUT", PATH, {"text": ""}),
        ("POST", PATH, {"kind": "account", "name": "a"}),
        ("POST", "/v1/admin/reload", None),
    ):
        refused = bench.ask(method, path, body, user="bob")
        assert refused.status == 403
        assert "ask root" in refused.sentence
    assert bench.ask("GET", PATH, user="root").json["source"] == "file"


def test_rules_are_put_in_force_as_a_whole(bench: Bench) -> None:
    text = '[[accounts]]\nname = "physics"\nlimits = { gpus = 2 }\n'
    made = bench.ask("PUT", PATH, {"text": text}, user="root")
    assert (made.status, made.json["source"]) == (200, "run time")
    assert made.json["tables"]["accounts"] == [{"name": "physics", "limits": {"gpus": 2}}]
    assert '[[accounts]]\nname = "physics"\nlimits = { gpus = 2 }\n' in made.json["text"]

    wrong = bench.ask("PUT", PATH, {"text": text + "\n[scheduler]\nbans = 3", "name": "my.toml"}, user="root")
    assert wrong.status == 400
    assert wrong.sentence == "my.toml, line 6: there is no key bans; did you mean bands?"
    node = '[[partitions]]\nname = "p"\nnodes = "n9"'
    assert "names the node n9" in bench.ask("PUT", PATH, {"text": node}, user="root").sentence
    assert bench.ask("GET", PATH, user="root").json == made.json


def test_one_thing_is_changed_removed_and_forgotten(bench: Bench) -> None:
    body = {"kind": "account", "name": "physics", "values": {"gpus": "2", "everyone": "true"}}
    assert bench.ask("POST", PATH, body, user="root").json["tables"]["accounts"] == [
        {"name": "physics", "everyone": True, "limits": {"gpus": 2}}
    ]
    misspelt = bench.ask("POST", PATH, {**body, "values": {"gpuss": "2"}}, user="root")
    assert (misspelt.status, misspelt.json["code"]) == (400, "invalid")
    gone = {"kind": "account", "name": "physics", "remove": True}
    assert bench.ask("POST", PATH, gone, user="root").json["tables"]["accounts"] == []
    assert bench.ask("POST", PATH, gone, user="root").status == 404
    assert bench.ask("GET", PATH, user="root").json["source"] == "file", "as the file has it again"

    bench.ask("POST", PATH, body, user="root")
    reloaded = bench.ask("POST", "/v1/admin/reload", user="root").json
    assert (reloaded["source"], reloaded["changes"]) == (
        "run time",
        [
            {
                "kind": "account",
                "name": "physics",
                "account": None,
                "keys": ["everyone", "limits.gpus"],
                "removed": False,
            }
        ],
    )
    forgotten = bench.ask("POST", "/v1/admin/reload?forget=1", user="root").json
    assert (forgotten["source"], forgotten["changes"]) == ("file", [])


def test_usage_is_told_in_hours(bench: Bench) -> None:
    rows = bench.ask("GET", "/v1/usage", user="bob").json["usage"]
    assert [(row["user"], row["cpu_hours"], row["factor"]) for row in rows] == [("bob", 2.0, None)]
    assert bench.ask("GET", "/v1/usage?user=ada", user="bob").json["usage"] == []
    unknown = bench.ask("GET", "/v1/usage?account=physics", user="bob")
    assert (unknown.status, unknown.sentence) == (404, 'there is no account "physics"; there are: none')
