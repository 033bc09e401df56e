"""A problem document leads to what its kind means, and so does why a job waits or ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.model.refusals import REFUSALS
from launchyard.model.state import JobState
from launchyard.policy.catalogue import address_of_end, address_of_wait, entry_of
from launchyard.policy.causes import CAUSES
from launchyard.policy.waits import WAITS
from tests.api_bench import ADA, T0, Bench, job_of, running


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


def test_the_type_of_why_a_job_waits_is_the_address_of_its_meaning(bench: Bench) -> None:
    bench.put(job_of(ADA, 5))
    why = bench.ask("GET", "/v1/jobs/5/why", user="ada").json
    assert (why["code"], why["type"]) == ("resources", "/v1/errors/wait:resources")
    assert bench.ask("GET", why["type"], user="ada").json["meaning"] == WAITS["resources"].meaning


def test_the_type_of_why_a_job_ended_is_the_address_of_its_meaning(bench: Bench) -> None:
    bench.put(job_of(ADA, 5, state=JobState.TIMEOUT, ended_at=T0))
    why = bench.ask("GET", "/v1/jobs/5/why", user="ada").json
    assert (why["code"], why["type"]) == ("time", "/v1/errors/end:time")
    assert bench.ask("GET", why["type"], user="ada").json["help"] == CAUSES["time"].help


@pytest.mark.parametrize("word", [f"wait:{code}" for code in WAITS] + [f"end:{code}" for code in CAUSES])
def test_each_code_of_a_job_has_its_own_meaning_though_a_refusal_has_the_same_code(word: str) -> None:
    kind, _, code = word.partition(":")
    entry = entry_of(word)
    assert entry is not None
    assert entry.meaning == (WAITS if kind == "wait" else CAUSES)[code].meaning
    assert word in ((address_of_wait if kind == "wait" else address_of_end)(code) or "")


def test_a_code_that_is_none_is_not_found(bench: Bench) -> None:
    for code in ("no-such", "wait:no-such", "end:no-such", "wait:", "end", "killed"):
        assert bench.ask("GET", f"/v1/errors/{code}", user="ada").status == 404, code


def test_who_is_not_known_is_told_nothing(bench: Bench) -> None:
    assert bench.ask("GET", "/v1/errors/not-found", user="").status == 401
