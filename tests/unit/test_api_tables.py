"""The table of jobs, Slurm's settings and weights, over a real server."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.resources import Part, Request
from launchyard.model.state import JobState
from tests.api_bench import ADA, BOB, T0, Bench, job_of, running

TABLE = "/v1/tables/jobs"


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    """1 of ada and 2 of bob wait, 3 of ada ended a moment ago and 4 long ago; 5 is an array that is done."""
    server.reset()
    server.put(job_of(ADA, 1, name="one", metadata={"slurm.comment": "mine"}))
    server.put(job_of(BOB, 2, name="two", partition="gpu"))
    ended = {"state": JobState.FAILED, "exit_code": 3}
    server.put(job_of(ADA, 3, name="three", ended_at=T0 - 10, **ended))
    server.put(job_of(ADA, 4, name="four", ended_at=T0 - 1000, **ended))
    done = Array(waiting=Indexes(), size=2, first=1, last=2)
    server.put(job_of(ADA, 5, name="five", ended_at=T0 - 5, array=done, **ended))
    return server


def ask(bench: Bench, query: str, user: str = "root") -> Any:
    answer = bench.ask("GET", f"{TABLE}?{query}", user=user)
    assert answer.status == 200, answer.sentence
    return answer.json


def names(bench: Bench, query: str, user: str = "root") -> set[str]:
    return {row[0] for row in ask(bench, f"columns=name&{query}", user)["rows"]}


def test_a_task_has_the_throttle_of_its_array(bench: Bench) -> None:
    waiting = Array(waiting=Indexes(((3, 4, 1),)), size=4, first=1, last=4, throttle=2)
    bench.put(job_of(ADA, 6, name="six", array=waiting))
    bench.put(job_of(ADA, 7, name="six", task=Task(job_id=6, index=1)))

    rows = ask(bench, "columns=id,array_throttle")["rows"]

    assert [row for row in sorted(rows) if row[1]] == [[6, 2], [7, 2]]


def test_live_jobs_are_rows_of_the_columns_asked_for(bench: Bench) -> None:
    rows = ask(bench, "columns=id,state,reason_code,array_pending,submitted_at")["rows"]

    assert sorted(rows) == [
        [1, "PENDING", "resources", None, T0],
        [2, "PENDING", "resources", None, T0],
    ]


def test_gpus_are_told_by_what_they_were_asked_for(bench: Bench) -> None:
    bench.put(job_of(ADA, 6, name="a", metadata={"slurm.gpus": "2", "slurm.gres": "gpu:1"}))
    bench.put(job_of(ADA, 7, name="b", metadata={"slurm.gres": "craynetwork:1"}))
    bench.put(job_of(ADA, 8, name="c", metadata={"mine": "gpus"}))

    rows = ask(bench, "columns=id,gpus_asked&ids=6,7,8", user="bob")["rows"]

    assert ask(bench, "columns=id,gpus_asked&ids=6,7,8")["rows"] == [[6, "job,node"], [7, ""], [8, None]]
    assert rows == []


def test_ended_jobs_stay_for_a_while_where_they_are_asked_for(bench: Bench) -> None:
    assert names(bench, "") == {"one", "two"}
    assert names(bench, "recent=1") == {"one", "two", "three"}
    assert names(bench, "recent=1&ids=3,4") == {"three"}


def test_rows_are_chosen_by_user_state_partition_and_id(bench: Bench) -> None:
    assert names(bench, f"users={BOB.uid},nobody") == {"two"}
    assert names(bench, "users=ada&partitions=gpu") == set()
    assert names(bench, "states=RUNNING") == set()
    assert names(bench, "recent=1&states=FAILED") == {"three"}
    assert names(bench, "ids=1") == {"one"}


def test_an_id_names_a_job_with_its_tasks_or_a_part(bench: Bench) -> None:
    part = Part(partition="main", request=Request())
    bench.put(job_of(ADA, 10, name="ten", parts=(part, part, part)))
    waiting = Array(waiting=Indexes(((3, 4, 1),)), size=4, first=1, last=4)
    bench.put(job_of(ADA, 20, name="twenty", array=waiting))
    bench.put(job_of(ADA, 21, name="task", task=Task(job_id=20, index=1)))
    bench.put(job_of(BOB, 22, name="another"))

    def ids(asked: str, user: str = "root") -> list[int]:
        return sorted(row[0] for row in ask(bench, f"columns=id&ids={asked}", user)["rows"])

    assert ids("10") == [10, 11, 12]
    assert ids("12") == [12]
    assert ids("13,19,23,99") == []
    assert ids("20") == [20, 21]
    assert ids("21,11,1") == [1, 11, 21]
    assert ids("21,11,22", user="bob") == [22]


def test_nobody_sees_jobs_of_others(bench: Bench) -> None:
    assert names(bench, "recent=1", user="bob") == {"two"}
    assert names(bench, "ids=1", user="bob") == set()


def test_what_was_kept_for_slurm_and_where_the_output_goes_are_columns_for_the_owner_alone(
    tmp_path: Path,
) -> None:
    with running(tmp_path, jobs_visible_to_all=True) as bench:
        kept = {"slurm.comment": "mine"}
        bench.put(job_of(ADA, 1, metadata=kept, working_dir="/home/ada", stdout="out-%j", stderr=None))
        bench.put(job_of(ADA, 2))
        query = "columns=id,slurm.comment,slurm.wckey,stdout_path,stderr_path"

        assert ask(bench, query, user="ada")["rows"] == [
            [1, "mine", None, "/home/ada/out-1", "/home/ada/out-1"],
            [2, None, None, None, None],
        ]
        assert ask(bench, query, user="bob")["rows"] == [[1, *[None] * 4], [2, *[None] * 4]]


def test_by_column_the_same_is_told_once(bench: Bench) -> None:
    told = ask(bench, "columns=id,state,name,metadata&by_column=1&users=ada&recent=1")

    assert told["count"] == 2
    assert sorted(told["columns"]["name"]) == ["one", "three"]
    both = ask(bench, "columns=id,state,qos&by_column=1")
    assert both["constants"] == {"state": "PENDING", "qos": "normal"}
    assert sorted(both["columns"]["id"]) == [1, 2]


def test_every_column_can_be_asked_for(bench: Bench) -> None:
    told = ask(bench, "recent=1&by_column=1")

    assert told["count"] == 3
    assert {"priority", "factors", "stdout_path", "reason"} <= told["columns"].keys() | told[
        "constants"
    ].keys()


def test_what_changed_is_told_anew(bench: Bench) -> None:
    assert names(bench, "ids=1") == {"one"}

    bench.put(job_of(ADA, 1, name="renamed"))

    assert names(bench, "ids=1") == {"renamed"}


@pytest.mark.parametrize("query", ["columns=nix", "ids=x", "states=NIX", "what=1"])
def test_what_nobody_could_mean_is_refused(bench: Bench, query: str) -> None:
    assert bench.ask("GET", f"{TABLE}?{query}").status == 400


def test_settings_and_weights_of_the_site_are_told(bench: Bench) -> None:
    facts = bench.ask("GET", "/v1/slurm").json
    weights = bench.ask("GET", "/v1/slurm/weights").json

    assert facts == {
        **{"version": "23.11.4", "cluster": "local", "min_job_age_s": 300, "max_array_size": 100_001},
        "explicit_scancel": False,
        "clusters": [],
    }
    assert weights["age"] == 1000
    assert weights["partition"] == 0
