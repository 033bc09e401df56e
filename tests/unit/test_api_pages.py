"""What pages of jobs draw, over a real server: series, searched logs, grids of tasks, long lists."""

import json
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.job import Attempt, Job, PastAttempt
from launchyard.model.resources import Allocation, NodeShare, Usage
from launchyard.model.series import Sample, Series
from launchyard.model.state import JobState
from tests.api_bench import ADA, BOB, T0, Bench, job_of, running

ATTEMPT = Attempt(
    number=2,
    launch_id="l2",
    epoch="e",
    allocation=Allocation(shares=(NodeShare(node="n1", cpus_milli=2000, memory_mib=64),)),
    allocated_at=T0 + 10,
    started_at=T0 + 12,
)
PAST = PastAttempt(number=1, launch_id="l1", state=JobState.FAILED, started_at=T0 + 1, ended_at=T0 + 4)
ENDED = {
    **{"state": JobState.COMPLETED, "attempt": ATTEMPT, "attempts": 2, "past": (PAST,)},
    **{"started_at": T0 + 12, "ended_at": T0 + 112, "usage": Usage(cpu_s=90, memory_peak_mib=60)},
}


class KnownSeries:
    """Two launches; whoever watches hears of two more moments."""

    known: ClassVar = {
        "l1": Series(launch_id="l1", samples=(Sample(2.0, 1.0, 5.0),)),
        "l2": Series(launch_id="l2", samples=(Sample(10.0, 20.0, 50.0), Sample(20.0, 30.0, 40.0))),
    }

    async def of(self, launch_id: str) -> Series | None:
        return self.known.get(launch_id)

    async def watch(self, job: Job) -> AsyncGenerator[Sample, None]:
        yield Sample(20.0, 30.0, 40.0)
        yield Sample(24.0, 34.0, 44.0)


class KnownMatches:
    """Answers what it was asked."""

    async def search(
        self, job: Job, stream: str, text: str, *, offset: int, line: int, limit: int
    ) -> Mapping[str, Any]:
        shown = f"{job.id} {stream} {text} {limit}"
        return {"matches": [(line, offset, shown)], "next": None, "line": line, "size": 9}

    async def marks(self, job: Job, stream: str) -> Mapping[str, Any]:
        told = {"lines": 3, "places": [(1, 0)], "errors": [(2, 5, stream)], "error_count": 1}
        return {**told, "size": 9, "complete": True}


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory() as directory,
        running(Path(directory), series=KnownSeries(), log_search=KnownMatches()) as one,
    ):
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    server.reset()
    return server


def test_series_of_an_ended_job_goes_to_its_end(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, **ENDED))
    told = bench.ask("GET", "/v1/jobs/1/series", user="ada").json
    assert (told["attempt"], told["running"]) == (2, False)
    assert told["rates"]["at_s"] == [10, 20, 100]
    assert told["rates"]["cpus"] == [2.0, 1.0, 0.75]


def test_series_of_an_earlier_attempt_is_told_by_its_number(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, **ENDED))
    assert bench.ask("GET", "/v1/jobs/1/series?attempt=1", user="ada").json["rates"]["at_s"] == [2]
    answer = bench.ask("GET", "/v1/jobs/1/series?attempt=3", user="ada")
    assert (answer.status, answer.sentence) == (404, "job 1 has no attempt 3 that is still known")


def test_followed_series_brings_each_new_moment_once(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, state=JobState.RUNNING, attempt=ATTEMPT, started_at=T0 + 12))
    answer = bench.ask("GET", "/v1/jobs/1/series?follow=1", user="ada")
    first, *more = [json.loads(line) for line in answer.body.splitlines()]
    assert first["running"]
    assert [one["more"]["at_s"] for one in more] == [[24]]
    assert more[0]["more"]["cpus"] == [1.0]


def test_a_job_that_waits_has_an_empty_series(bench: Bench) -> None:
    bench.put(job_of(ADA, 1))
    told = bench.ask("GET", "/v1/jobs/1/series?follow=1", user="ada").json
    assert (told["attempt"], told["rates"]["at_s"]) == (0, [])


@pytest.mark.parametrize("path", ["series", "logs/search?q=a", "logs/marks", "timeline", "tasks"])
def test_what_is_not_yours_is_not_there(path: str, bench: Bench) -> None:
    bench.put(job_of(ADA, 1, **ENDED))
    assert bench.ask("GET", f"/v1/jobs/1/{path}", user="bob").status == 404


def test_a_log_is_looked_through_as_asked(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, **ENDED))
    found = bench.ask("GET", "/v1/jobs/1/logs/search?q=nan&stream=stderr&offset=5&line=2", user="ada").json
    assert found["matches"] == [[2, 5, "1 stderr nan 200"]]
    assert bench.ask("GET", "/v1/jobs/1/logs/marks", user="ada").json["errors"] == [[2, 5, "stdout"]]


@pytest.mark.parametrize("query", ["", "q=", "q=a%0Ab", "q=a&stream=out", "q=a&limit=0", "q=" + "a" * 501])
def test_a_search_that_makes_no_sense_is_one_sentence(query: str, bench: Bench) -> None:
    bench.put(job_of(ADA, 1, **ENDED))
    answer = bench.ask("GET", f"/v1/jobs/1/logs/search?{query}", user="ada")
    assert answer.status == 400
    assert answer.sentence


def test_timeline_has_every_attempt_and_what_was_between_them(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, **ENDED))
    parts = bench.ask("GET", "/v1/jobs/1/timeline", user="ada").json["parts"]
    assert [(one["name"], one["attempt"], one["state"]) for one in parts] == [
        ("waited", 1, None),
        ("ran", 1, "FAILED"),
        ("waited", 2, None),
        ("starting", 2, None),
        ("ran", 2, "COMPLETED"),
    ]
    assert all(one["until"] == two["since"] for one, two in pairwise(parts))


def test_timeline_of_what_waits_is_open(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, begin_at=T0 + 100))
    parts = bench.ask("GET", "/v1/jobs/1/timeline", user="ada").json["parts"]
    assert [(one["name"], one["until"] is None) for one in parts] == [("later", False), ("waited", True)]


def names_of(bench: Bench, job: Job) -> list[tuple[str, bool]]:
    """Which parts a job's timeline has, and which of them have ended."""
    bench.put(job)
    parts = bench.ask("GET", f"/v1/jobs/{job.id}/timeline", user="ada").json["parts"]
    return [(one["name"], one["until"] is not None) for one in parts]


def test_timeline_has_the_set_up_of_an_environment_before_the_wait(bench: Bench) -> None:
    job = job_of(ADA, 1, runtime_env="digest")
    assert names_of(bench, job) == [("environment", False)]
    prepared = replace(job, prepared_at=T0 + 30)
    assert names_of(bench, prepared) == [("environment", True), ("waited", False)]
    failed = replace(job, state=JobState.FAILED, ended_at=T0 + 40)
    assert names_of(bench, failed) == [("environment", True)]


def array_of_six(bench: Bench) -> None:
    """Of 4: task 1 completed, 2 failed, 3 runs, 4 and 5 wait, 9 was cancelled while it waited."""
    counts = {JobState.COMPLETED: 1, JobState.FAILED: 1, JobState.RUNNING: 1, JobState.CANCELLED: 1}
    array = Array(
        waiting=Indexes(((4, 5, 1),)), ended=Indexes(((9, 9, 1),)), size=6, first=1, last=9, counts=counts
    )
    bench.put(job_of(ADA, 4, state=JobState.RUNNING, array=array, group="lr"))
    task = replace(job_of(ADA, 5, **ENDED), task=Task(job_id=4, index=1), group="lr")
    bench.put(task)
    failed = replace(task, id=6, task=Task(job_id=4, index=2), state=JobState.FAILED)
    bench.put(replace(failed, exit_code=3, cause="exit code 3"))
    bench.put(replace(task, id=7, task=Task(job_id=4, index=3), state=JobState.RUNNING, ended_at=None))


def test_grid_of_an_array_has_a_letter_a_task_and_what_failed(bench: Bench) -> None:
    array_of_six(bench)
    grid = bench.ask("GET", "/v1/jobs/4/tasks", user="ada").json
    assert (grid["indexes"], grid["states"]) == ("1-5,9", "CFrwwX")
    assert {letter: grid["letters"][letter] for letter in "CFrwX"} == {
        **{"C": "COMPLETED", "F": "FAILED", "r": "RUNNING", "w": "PENDING", "X": "CANCELLED"}
    }
    assert grid["counts"]["PENDING"] == 2
    (bad,) = grid["not_completed"]
    assert (bad["id"], bad["index"], bad["exit_code"], bad["cause"]) == (6, 2, 3, "exit code 3")


def test_what_is_no_array_has_no_grid(bench: Bench) -> None:
    bench.put(job_of(ADA, 1))
    assert bench.ask("GET", "/v1/jobs/1/tasks", user="ada").status == 409


def column(told: dict[str, Any], name: str) -> list[Any]:
    """As it was before it was made short."""
    values = told["columns"][name]
    return values if isinstance(values, list) else [values["of"][at] for at in values["at"]]


def test_long_list_tells_of_arrays_instead_of_their_tasks(bench: Bench) -> None:
    array_of_six(bench)
    bench.put(job_of(ADA, 9, state=JobState.RUNNING, attempt=ATTEMPT, started_at=T0 + 12))
    told = bench.ask("GET", "/v1/tables/list", user="ada").json
    assert column(told, "id") == [9, 4]
    assert column(told, "nodes") == ["n1", None]
    assert column(told, "array")[1][:2] == [6, 2]
    assert column(bench.ask("GET", "/v1/tables/list?array=4", user="ada").json, "id") == [7, 6, 5]


def test_long_list_comes_in_pages_without_a_gap(bench: Bench) -> None:
    for number in range(1, 31):
        done = ENDED if number % 2 else {}
        bench.put(job_of(ADA, number, **done))
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        told = bench.ask("GET", f"/v1/tables/list?limit=7{cursor and '&cursor=' + cursor}", user="ada").json
        seen += column(told, "id")
        cursor = told["next"]
    assert seen == list(range(30, 0, -1))


def test_columns_where_the_same_comes_often_are_told_short(bench: Bench) -> None:
    for number in range(1, 101):
        bench.put(job_of(ADA, number, name=f"job-{number % 3}"))
    told = bench.ask("GET", "/v1/tables/list", user="ada").json
    assert sorted(told["columns"]["name"]["of"]) == ["job-0", "job-1", "job-2"]
    assert column(told, "name")[0] == "job-1"
    assert column(told, "held") == [False] * 100


def test_jobs_by_id_are_those_that_the_caller_may_see(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, **ENDED))
    bench.put(job_of(ADA, 2))
    bench.put(job_of(BOB, 3))
    assert column(bench.ask("GET", "/v1/tables/list?ids=1,2,3,99", user="ada").json, "id") == [2, 1]
    assert bench.ask("GET", "/v1/tables/list?ids=x", user="ada").status == 400


def test_nobody_lists_others(bench: Bench) -> None:
    bench.put(job_of(BOB, 1))
    assert bench.ask("GET", "/v1/tables/list?user=bob", user="ada").json["count"] == 0
    assert column(bench.ask("GET", "/v1/tables/list", user="root").json, "id") == [1]
