"""Used of asked over HTTP, and what a submission is advised."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.job import Job
from launchyard.model.resources import Request, Usage
from launchyard.model.state import JobState
from launchyard.wire import shapes
from launchyard.wire.shape import names
from tests.api_bench import ADA, BOB, T0, Bench, job_of, running

pytestmark = pytest.mark.served

ASKED = {"cpus": 2, "memory_mib": 16_384}


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as one:
        yield one


@pytest.fixture
def bench(server: Bench) -> Bench:
    server.reset()
    return server


def ran(job_id: int, name: str = "train", *, caller: Any = ADA, **changes: Any) -> Job:
    """A run of 600 s that used 3174 of 16,384 MiB and 660 s of 2 CPUs."""
    values: dict[str, Any] = {
        "name": name,
        "state": JobState.COMPLETED,
        "request": Request(cpus_milli=2000, memory_mib=16_384),
        "started_at": T0 - 600,
        "ended_at": T0,
        "usage": Usage(cpu_s=660.0, memory_peak_mib=3174.4),
        "time_limit_s": 3600,
    }
    return job_of(caller, job_id, **{**values, **changes})


def history(bench: Bench, name: str, count: int = 12, **changes: Any) -> None:
    for job_id in range(1, count + 1):
        bench.put(ran(job_id, name, **changes))


def body(name: str, **more: Any) -> dict[str, Any]:
    return {"command": ["python", "train.py"], "name": name, "resources": ASKED, **more}


def test_a_submission_is_told_what_earlier_runs_used(bench: Bench) -> None:
    history(bench, "fit")
    made = bench.ask("POST", "/v1/jobs", body("fit"), user="ada")
    assert (made.status, list(made.json)) == (
        201,
        [name for name in names(shapes.SubmittedJob) if name != "sooner"],
    )
    assert made.json["advice"] == {
        "sentence": "The last 12 runs used at most 3.1 GiB of 16: --mem 4G would do.",
        "options": "--mem 4G",
        "changes": {"resources": {"memory_mib": 4096}},
        "runs": 12,
    }
    assert list(made.json["advice"]) == names(shapes.Advice)


def test_a_dry_run_is_told_too(bench: Bench) -> None:
    history(bench, "dry")
    told = bench.ask("POST", "/v1/jobs", body("dry", dry_run=True), user="ada").json
    assert (told["id"], told["advice"]["options"]) == (None, "--mem 4G")


def test_runs_without_a_chosen_name_are_known_by_their_command(bench: Bench) -> None:
    history(bench, "python3", command=("python3", "a.py", "--lr", "1"))
    wanted = {"name": "python3", "resources": ASKED}
    same = bench.ask("POST", "/v1/jobs", {**wanted, "command": ["python3", "a.py", "--lr", "2"]}, user="ada")
    other = bench.ask("POST", "/v1/jobs", {**wanted, "command": ["python3", "b.py"]}, user="ada")
    assert same.json["advice"]["runs"] == 12
    assert other.json["advice"] is None


def test_nobody_is_told_of_the_runs_of_others(bench: Bench) -> None:
    history(bench, "private", caller=BOB)
    assert bench.ask("POST", "/v1/jobs", body("private"), user="ada").json["advice"] is None


def test_a_list_is_not_advised_and_no_job_has_advice_later(bench: Bench) -> None:
    history(bench, "many")
    (one,) = bench.ask("POST", "/v1/jobs", [body("many")], user="ada").json
    shown = bench.ask("GET", f"/v1/jobs/{one['id']}", user="ada").json
    assert ("advice" in one, "advice" in shown) == (False, False)


def test_a_store_that_fails_costs_the_advice_and_not_the_submission(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(query: object) -> list[Job]:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(bench.store, "jobs", broken)
    made = bench.ask("POST", "/v1/jobs", body("unread"), user="ada")
    assert (made.status, made.json["advice"]) == (201, None)
    assert "could not be read" in caplog.text


def test_the_efficiency_of_a_job_is_used_of_asked(bench: Bench) -> None:
    history(bench, "seff", 5)
    told = bench.ask("GET", "/v1/jobs/3/efficiency", user="ada").json
    assert list(told) == names(shapes.JobEfficiency)
    assert (told["id"], told["state"], told["elapsed_s"]) == (3, "COMPLETED", 600)
    assert told["cpu"] == {"used": 660.0, "asked": 1200.0, "percent": 55.0}
    assert told["memory"] == {"used": 3174.4, "asked": 16_384, "percent": 19.375}
    assert told["gpu"] == {"used": None, "asked": None, "percent": None}
    assert told["time"]["percent"] == 16.667
    assert told["advice"]["options"] == "--mem 4G -t 15m"
    assert told["tasks"] is None


def test_the_efficiency_of_an_array_is_that_of_its_tasks(bench: Bench) -> None:
    array = Array(waiting=Indexes(), size=4, first=1, last=4)
    bench.put(ran(10, "sweep", array=array, usage=Usage(), state=JobState.RUNNING, ended_at=None))
    for index, cpu_s in ((1, 1200.0), (2, 120.0), (3, 600.0)):
        usage = Usage(cpu_s=cpu_s, memory_peak_mib=1024)
        bench.put(ran(10 + index, "sweep", task=Task(job_id=10, index=index), usage=usage))
    bench.put(ran(14, "sweep", task=Task(job_id=10, index=4), started_at=None, usage=Usage()))
    told = bench.ask("GET", "/v1/jobs/10/efficiency", user="ada").json
    tasks = told["tasks"]
    assert list(tasks) == names(shapes.TasksUsed)
    assert (tasks["count"], tasks["complete"], tasks["gpu"]) == (3, True, None)
    assert tasks["cpu"] == {
        "median": 50.0,
        "lowest": 10.0,
        "lowest_task": 2,
        "highest": 100.0,
        "highest_task": 1,
    }
    assert told["cpu"]["percent"] == 53.333
    one = bench.ask("GET", "/v1/jobs/10_2/efficiency", user="ada").json
    assert (one["array"]["index"], one["cpu"]["percent"], one["tasks"]) == (2, 10.0, None)


def test_all_jobs_since_a_time_are_listed_and_summed_up(bench: Bench) -> None:
    history(bench, "a", 2)
    bench.put(ran(3, "b", usage=Usage()))
    bench.put(ran(4, "never", started_at=None))
    bench.put(ran(5, "of-bob", caller=BOB))
    told = bench.ask("GET", f"/v1/efficiency?since={T0 - 60}", user="ada").json
    assert list(told) == names(shapes.EfficiencyList)
    assert [job["id"] for job in told["jobs"]] == [3, 2, 1]
    assert list(told["jobs"][0]) == names(shapes.Efficiency)
    assert list(told["total"]) == names(shapes.EfficiencyTotal)
    assert (told["total"]["jobs"], told["total"]["cpu"]["percent"], told["complete"]) == (3, 55.0, True)
    everybody = bench.ask("GET", f"/v1/efficiency?since={T0 - 60}", user="root").json
    of_one = bench.ask("GET", f"/v1/efficiency?since={T0 - 60}&user=bob", user="root").json
    assert ([job["id"] for job in everybody["jobs"]], of_one["total"]["jobs"]) == ([5, 3, 2, 1], 1)


def test_the_efficiency_of_others_is_not_told(bench: Bench) -> None:
    bench.put(ran(5, "secret", caller=BOB))
    assert bench.ask("GET", "/v1/jobs/5/efficiency", user="ada").status == 404
    theirs = bench.ask("GET", f"/v1/efficiency?since={T0 - 60}&user=bob", user="ada").json
    assert (theirs["jobs"], theirs["total"]["jobs"], theirs["complete"]) == ([], 0, True)


def test_since_when_has_to_be_said(bench: Bench) -> None:
    refused = bench.ask("GET", "/v1/efficiency", user="ada")
    assert (refused.status, refused.sentence.startswith("since is missing")) == (400, True)
