"""The tables of accounting and of live usage, over a real server."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.job import Attempt
from launchyard.model.resources import Allocation, NodeShare, Usage
from launchyard.model.state import JobState
from tests.api_bench import ADA, BOB, T0, Bench, job_of, running

TABLE = "/v1/tables/accounting"
SHARE = NodeShare(node="n1", cpus_milli=2500, memory_mib=64, gpu_ids=(1,))
ATTEMPT = Attempt(
    number=2,
    launch_id="l2",
    epoch="e",
    allocation=Allocation(shares=(SHARE, replace(SHARE, node="n2"))),
    allocated_at=T0 + 4,
    started_at=T0 + 5,
)
DONE = {
    **{"state": JobState.COMPLETED, "attempt": ATTEMPT, "attempts": 2, "started_at": T0 + 5},
    **{"ended_at": T0 + 50, "usage": Usage(cpu_s=7.5, memory_peak_mib=12)},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    server.reset()
    return server


def rows(bench: Bench, query: str, *, user: str = "root", table: str = TABLE) -> list[list[Any]]:
    answer = bench.ask("GET", f"{table}?{query}", user=user)
    assert answer.status == 200, answer.sentence
    found: list[list[Any]] = answer.json["rows"]
    return sorted(found)


def history(bench: Bench) -> None:
    """1 of ada and 2 of bob ended, 3 of ada waits; of the array 4 of ada task 5 ended and others wait."""
    bench.put(job_of(ADA, 1, name="ok", account="physics", **DONE))
    bench.put(job_of(BOB, 2, name="other", partition="gpu", **{**DONE, "ended_at": T0 + 90}))
    bench.put(job_of(ADA, 3, submitted_at=T0 + 70))
    array = Array(waiting=Indexes(((2, 4, 1),)), size=4, first=1, last=4)
    bench.put(job_of(ADA, 4, name="arr", array=array))
    bench.put(job_of(ADA, 5, name="arr", task=Task(job_id=4, index=1), **DONE))


def test_jobs_that_ended_since_and_were_submitted_before_are_told(bench: Bench) -> None:
    history(bench)

    assert rows(bench, f"columns=id&since={T0 + 60}") == [[2], [3], [4]]
    assert rows(bench, f"columns=id&since={T0}&until={T0 + 60}") == [[1], [2], [4], [5]]


def test_an_array_that_is_named_comes_with_its_tasks(bench: Bench) -> None:
    history(bench)

    assert rows(bench, "columns=id,array_pending,task_index&ids=4") == [[4, "2-4", None], [5, None, 1]]
    assert rows(bench, "columns=id&ids=4_1,3,99") == [[3], [5]]
    assert rows(bench, "columns=id&ids=4_3") == [[4]]


def test_jobs_are_chosen_by_user_account_partition_and_name(bench: Bench) -> None:
    history(bench)

    assert rows(bench, "columns=id&users=bob") == rows(bench, "columns=id&users=61002") == [[2]]
    assert rows(bench, "columns=id&accounts=physics,chem") == [[1]]
    assert rows(bench, "columns=id&partitions=gpu") == [[2]]
    assert rows(bench, "columns=id&names=ok,other") == [[1], [2]]


def test_jobs_of_others_are_not_told(bench: Bench) -> None:
    history(bench)

    assert rows(bench, "columns=id", user="bob") == [[2]]
    assert rows(bench, "columns=id&ids=1,2,4", user="bob") == [[2]]


def test_what_a_job_got_and_used_is_told(bench: Bench) -> None:
    history(bench)
    columns = "got_cpus_milli,got_memory_mib,got_gpus,attempt,begun_at,eligible_at,cpu_s,memory_peak_mib"

    assert rows(bench, f"columns={columns}&ids=1") == [[5000, 128, 2, 2, T0 + 5, T0, 7.5, 12]]
    assert rows(bench, "columns=got_on_first&ids=1") == [[[2500, 64, 1]]]


def test_a_job_that_may_not_start_is_not_eligible(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, held=True))
    bench.put(job_of(ADA, 2, begin_at=T0 + 500))

    assert rows(bench, "columns=id,eligible_at") == [[1, None], [2, T0 + 500]]


def test_more_jobs_than_are_answered_at_once_are_refused(bench: Bench) -> None:
    answer = bench.ask("GET", f"{TABLE}?ids={','.join(['1'] * 2001)}", user="root")

    assert answer.status == 400
    assert "at most 2000" in answer.sentence


def test_live_usage_is_empty_where_no_engine_can_say_it(bench: Bench) -> None:
    bench.put(job_of(ADA, 1, state=JobState.RUNNING, attempt=ATTEMPT))

    assert rows(bench, "ids=1", table="/v1/tables/usage") == []
