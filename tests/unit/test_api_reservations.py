"""Reservations over HTTP: everybody sees them, administrators make and delete them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api_bench import Bench, running

pytestmark = pytest.mark.served

PATH = "/v1/reservations"
NIGHT = {
    "name": "night",
    "start": "2030-01-01T00:00:00Z",
    "end": "2030-01-01T04:00:00Z",
    "nodes": "n[1-2]",
    "maintenance": True,
    "reason": "new disks",
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        yield server


def test_a_reservation_is_made_listed_and_deleted(bench: Bench) -> None:
    made = bench.ask("POST", PATH, NIGHT, user="root")
    assert (made.status, made.json["jobs"], made.json["nodes"]) == (201, [7], ["n1", "n2"])
    (listed,) = bench.ask("GET", PATH, user="bob").json["reservations"]
    assert {**listed, "jobs": [7]} == made.json
    assert (listed["start"], listed["created_by"]) == (NIGHT["start"], "root")
    assert bench.ask("DELETE", f"{PATH}/night", user="root").json["name"] == "night"
    assert bench.ask("DELETE", f"{PATH}/night", user="root").status == 404
    assert bench.ask("GET", PATH, user="bob").json == {"reservations": []}


def test_nodes_may_be_a_number_and_the_end_a_length(bench: Bench) -> None:
    body = {"name": "course", "count": 2, "duration_s": 3600, "users": ["ada"], "accounts": ["physics"]}
    made = bench.ask("POST", PATH, body, user="root").json
    assert (made["nodes"], made["users"], made["accounts"]) == (["n1", "n2"], ["ada"], ["physics"])
    assert made["reason"] is None


def test_only_administrators_make_and_delete_reservations(bench: Bench) -> None:
    for method, path, body in (("POST", PATH, NIGHT), ("DELETE", f"{PATH}/night", None)):
        refused = bench.ask(method, path, body, user="bob")
        assert refused.status == 403
        assert "ask root" in refused.sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "a b"}, 'the name "a b" must be letters, digits'),
        ({"name": ""}, "name is empty"),
        ({"nodes": None}, "say which nodes"),
        ({"nodes": "n["}, "a bracket that is not closed"),
        ({"end": None}, "say either by end when it is over"),
        ({"duration_s": 5}, "say either by end when it is over"),
        ({"end": None, "duration_s": 0}, "duration_s is 0"),
        ({"start": "noon"}, "is not RFC 3339"),
        ({"count": 0}, "count is 0"),
        ({"maintenence": True}, "did you mean 'maintenance'?"),
    ],
)
def test_a_wrong_body_is_refused_with_the_value(bench: Bench, changes: dict[str, Any], sentence: str) -> None:
    refused = bench.ask("POST", PATH, {**NIGHT, **changes}, user="root")
    assert refused.status == 400
    assert sentence in refused.sentence
