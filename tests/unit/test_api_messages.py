"""A problem document leads to what its kind means."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.model.refusals import REFUSALS
from tests.api_bench import Bench, running


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with running(tmp_path) as one:
        yield one


def test_the_type_of_a_problem_is_the_address_of_its_meaning(bench: Bench) -> None:
    refused = bench.ask("GET", "/v1/jobs/991", user="ada")
    assert (refused.status, refused.json["type"]) == (404, "/v1/errors/not-found")

    entry = REFUSALS["not-found"]
    assert bench.ask("GET", refused.json["type"], user="ada").json == {
        "code": "not-found",
        "meaning": entry.meaning,
        "help": entry.help,
        "command": entry.command,
    }


def test_all_fields_of_a_form_have_one_meaning(bench: Bench) -> None:
    assert bench.ask("GET", "/v1/errors/form:mem", user="ada").json["meaning"] == REFUSALS["form"].meaning


def test_a_code_that_is_none_is_not_found(bench: Bench) -> None:
    assert bench.ask("GET", "/v1/errors/no-such", user="ada").status == 404


def test_who_is_not_known_is_told_nothing(bench: Bench) -> None:
    assert bench.ask("GET", "/v1/errors/not-found", user="").status == 401
