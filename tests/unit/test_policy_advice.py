"""What earlier runs advise, as sentences; and what keeps them from advising."""

from dataclasses import replace

import pytest

from launchyard.model.array import Array, Indexes
from launchyard.model.job import Job, JobKind
from launchyard.model.resources import Request, Usage
from launchyard.model.state import JobState
from launchyard.policy.advice import RUNS_MIN, Run, advise, program, run_of
from launchyard.policy.case import Room
from tests.unit.cluster import T0, job

GIB = 1024
S = JobState
ROOM = Room(memory_mib=256 * GIB, time_limit_s=48 * 3600)
RUN = Run(
    state=S.COMPLETED,
    program=(),
    cpus_milli=8000,
    memory_mib=16 * GIB,
    time_limit_s=4 * 3600,
    elapsed_s=720.0,
    cpu_s=720 * 7.5,
    memory_peak_mib=14.0 * GIB,
)
"""Used nearly all of its CPUs and memory."""


def wanted(cpus: int = 8, memory_mib: int = 16 * GIB, time_limit_s: int | None = 1000, **more: object) -> Job:
    request = Request(cpus_milli=cpus * 1000, memory_mib=memory_mib)
    return job(7, name="train", request=request, time_limit_s=time_limit_s, **more)


def runs(count: int, **changes: object) -> list[Run]:
    return [replace(RUN, **changes)] * count  # type: ignore[arg-type]


def said(asked: Job, past: list[Run], room: Room = ROOM) -> str | None:
    advice = advise(asked, past, room)
    return None if advice is None else advice.sentence


@pytest.mark.parametrize(
    ("asked", "used", "sentence"),
    [
        (
            wanted(),
            {"memory_peak_mib": 3.1 * GIB},
            "The last 12 runs used at most 3.1 GiB of 16: --mem 4G would do.",
        ),
        (
            wanted(),
            {"memory_peak_mib": 340.0},
            "The last 12 runs used at most 340 MiB of 16 GiB: --mem 448M would do.",
        ),
        (
            wanted(),
            {"memory_peak_mib": 2.0},
            "The last 12 runs used at most 2 MiB of 16 GiB: --mem 128M would do.",
        ),
        (wanted(), {"cpu_s": 720 * 1.1}, "The last 12 runs used at most 1.1 of 8 CPUs: -c 2 would do."),
        (
            wanted(cpus=2),
            {"cpu_s": 720 * 1.02},
            "The last 12 runs used at most 1.0 of 2 CPUs: -c 1 would do.",
        ),
        (
            wanted(time_limit_s=4 * 3600),
            {},
            "The last 12 runs used at most 12 min of 4 h: -t 20m would do.",
        ),
        (
            wanted(time_limit_s=4 * 3600),
            {"memory_peak_mib": 3.1 * GIB, "cpu_s": 720.0},
            "The last 12 runs used at most 3.1 GiB of 16, 1.0 of 8 CPUs and 12 min of 4 h: "
            "--mem 4G -c 1 -t 20m would do.",
        ),
    ],
)
def test_runs_that_used_little_say_that_less_would_do(
    asked: Job, used: dict[str, float], sentence: str
) -> None:
    assert said(asked, runs(12, **used)) == sentence


def test_the_highest_use_counts_and_not_the_usual_one() -> None:
    past = [*runs(11, memory_peak_mib=500.0), replace(RUN, memory_peak_mib=9.0 * GIB)]
    assert said(wanted(), past) == "The last 12 runs used at most 9 GiB of 16: --mem 12G would do."


@pytest.mark.parametrize(
    ("why", "asked", "past"),
    [
        ("there are too few runs", wanted(), runs(RUNS_MIN - 1, memory_peak_mib=100.0)),
        ("there are none", wanted(), []),
        ("what was used is near what is asked for", wanted(), runs(12)),
        ("little would be saved", wanted(memory_mib=600), runs(12, memory_peak_mib=90.0)),
        (
            "one run's use is not known",
            wanted(),
            [*runs(11, memory_peak_mib=9.0), *runs(1, memory_peak_mib=None)],
        ),
        ("runs held fewer CPUs", wanted(cpus=16), runs(12, cpu_s=720.0)),
        ("a run took no time", wanted(time_limit_s=None), runs(12, cpu_s=0.0, elapsed_s=0.0)),
        ("half a CPU cannot be saved", wanted(cpus=1), runs(12, cpu_s=1.0)),
        ("an average of more than half may hide a peak", wanted(), runs(12, cpu_s=720 * 4.0)),
        ("no limit is asked for", wanted(time_limit_s=None), runs(12)),
        ("a person sits at it", wanted(terminal=True), runs(12, memory_peak_mib=9.0)),
        ("it is a session", wanted(kind=JobKind.SESSION), runs(12, memory_peak_mib=9.0)),
        ("they ran another program", wanted(), runs(12, memory_peak_mib=9.0, program=("python", "b.py"))),
    ],
)
def test_nothing_is_advised_when(why: str, asked: Job, past: list[Run]) -> None:
    assert said(asked, past) is None, why


@pytest.mark.parametrize("request_", [{"nodes": 2}, {"nodes_max": 2}, {"tasks": 4}, {"exclusive": True}])
def test_of_a_job_that_is_divided_only_the_time_is_looked_at(request_: dict[str, int]) -> None:
    asked = wanted(time_limit_s=4 * 3600)
    asked = replace(asked, request=replace(asked.request, **request_))  # type: ignore[arg-type]
    past = runs(12, memory_peak_mib=9.0, cpu_s=1.0)
    assert said(asked, past) == "The last 12 runs used at most 12 min of 4 h: -t 20m would do."


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ([S.OUT_OF_MEMORY], "The last run ran out of memory with 16 GiB: ask for --mem 32G."),
        ([S.OUT_OF_MEMORY] * 3, "The last 3 runs ran out of memory with 16 GiB: ask for --mem 32G."),
        (
            [S.OUT_OF_MEMORY, S.TIMEOUT, S.OUT_OF_MEMORY],
            "2 of the last 3 runs ran out of memory with 16 GiB: ask for --mem 32G.",
        ),
    ],
)
def test_runs_that_ran_out_of_memory_say_that_more_is_needed(ends: list[JobState], sentence: str) -> None:
    past = [replace(RUN, state=end, memory_peak_mib=16.0 * GIB, time_limit_s=60) for end in ends]
    assert said(wanted(), past) == sentence


def test_runs_stopped_at_their_time_limit_say_that_more_is_needed() -> None:
    stopped = replace(RUN, state=S.TIMEOUT, time_limit_s=3600, elapsed_s=3600.0)
    asked = wanted(time_limit_s=3600)
    assert said(asked, [stopped]) == "The last run was stopped at its time limit of 1 h: ask for -t 2h."
    assert said(asked, [stopped] * 2) == (
        "The last 2 runs were stopped at their time limit of 1 h: ask for -t 2h."
    )


def test_more_is_not_advised_to_who_asks_for_more_already() -> None:
    failed = replace(RUN, state=S.OUT_OF_MEMORY, memory_mib=8 * GIB, memory_peak_mib=8.0 * GIB)
    stopped = replace(RUN, state=S.TIMEOUT, time_limit_s=600, elapsed_s=600.0)
    assert said(wanted(), [failed, stopped]) is None


def test_a_run_that_completed_since_shows_that_it_is_enough() -> None:
    failed = replace(RUN, state=S.OUT_OF_MEMORY, memory_peak_mib=16.0 * GIB)
    assert said(wanted(), [RUN, failed]) is None
    larger = replace(RUN, memory_mib=64 * GIB, memory_peak_mib=30.0 * GIB)
    assert said(wanted(), [larger, failed]) is not None


def test_more_is_advised_up_to_what_there_is() -> None:
    failed = replace(RUN, state=S.OUT_OF_MEMORY, memory_peak_mib=16.0 * GIB)
    stopped = replace(RUN, state=S.TIMEOUT, time_limit_s=3600, elapsed_s=3600.0)
    asked = wanted(time_limit_s=3600)
    room = Room(memory_mib=20 * GIB, time_limit_s=5400)
    found = advise(asked, [failed, stopped], room)
    assert found is not None
    assert (found.memory_mib, found.time_limit_s) == (20 * GIB, 5400)
    assert said(asked, [failed, stopped], Room(memory_mib=16 * GIB, time_limit_s=3600)) is None


def test_less_is_never_advised_than_what_a_run_failed_with() -> None:
    """Threat: advice that makes the next run fail."""
    failed = replace(RUN, state=S.OUT_OF_MEMORY, memory_mib=6 * GIB, memory_peak_mib=6.0 * GIB)
    stopped = replace(RUN, state=S.TIMEOUT, time_limit_s=5400, elapsed_s=5400.0, memory_peak_mib=1.0)
    past = [*runs(6, memory_peak_mib=1.0 * GIB), failed, stopped]
    found = advise(wanted(time_limit_s=4 * 3600), past, ROOM)
    assert found is not None
    assert (found.memory_mib, found.time_limit_s) == (8 * GIB, 2 * 3600)
    assert "used at most 1 GiB of 16" in found.sentence


def test_what_was_used_by_runs_that_did_not_complete_is_not_undercut() -> None:
    stopped = replace(RUN, state=S.TIMEOUT, time_limit_s=60, elapsed_s=60.0, memory_peak_mib=6.0 * GIB)
    found = advise(wanted(), [*runs(6, memory_peak_mib=1.0 * GIB), stopped], ROOM)
    assert found is not None
    assert found.memory_mib == 8 * GIB


def test_only_the_last_runs_count() -> None:
    past = [*runs(20, memory_peak_mib=3.1 * GIB), replace(RUN, state=S.OUT_OF_MEMORY)]
    found = advise(wanted(), past, ROOM)
    assert found is not None
    assert (found.memory_mib, found.runs) == (4 * GIB, 20)


def test_more_of_one_and_less_of_another_are_two_sentences() -> None:
    stopped = replace(RUN, state=S.TIMEOUT, time_limit_s=1000, elapsed_s=1000.0, memory_peak_mib=1.0)
    past = [stopped, *runs(6, memory_peak_mib=3.1 * GIB)]
    assert said(wanted(time_limit_s=1000), past) == (
        "The last run was stopped at its time limit of 16 min 40 s: ask for -t 34m. "
        "The last 6 runs used at most 3.1 GiB of 16: --mem 4G would do."
    )


@pytest.mark.parametrize(
    ("changes", "alike"),
    [
        ({"name": "train", "command": ("python", "a.py")}, ()),
        (
            {"name": "python", "command": ("/usr/bin/python", "-u", "a.py", "--lr", "1")},
            ("/usr/bin/python", "-u", "a.py"),
        ),
        ({"name": "python", "command": ("python", "-m", "fit", "--lr", "1")}, ("python", "-m", "fit")),
        ({"name": "make", "command": ("/bin/sh", "-c", "make all && ./run")}, ("make", "all")),
        ({"name": "date", "command": ("date",)}, ("date",)),
        ({"name": "prime.sh", "kind": JobKind.BATCH, "script": "d1"}, ()),
        ({"name": "script", "kind": JobKind.BATCH, "script": "d1"}, ("d1",)),
    ],
)
def test_runs_are_alike_by_a_name_that_was_chosen_else_by_what_they_run(
    changes: dict[str, object], alike: tuple[str, ...]
) -> None:
    assert program(job(1, **changes)) == alike


def test_a_run_is_what_ended_by_itself_or_by_a_limit() -> None:
    ended = job(1, state=S.COMPLETED, started_at=T0, ended_at=T0 + 60, usage=Usage(cpu_s=6.0))
    run = run_of(ended)
    assert run is not None
    assert (run.elapsed_s, run.cpu_s, run.memory_peak_mib) == (60.0, 6.0, None)
    array = Array(waiting=Indexes(), size=2, first=1, last=2)
    for other in (
        replace(ended, state=S.FAILED),
        replace(ended, started_at=None),
        replace(ended, array=array),
        replace(ended, terminal=True),
    ):
        assert run_of(other) is None
