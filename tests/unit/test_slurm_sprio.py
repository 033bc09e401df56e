"""What sprio and scontrol show step print, against what Slurm printed (tests/data/slurm)."""

import time
from pathlib import Path
from typing import Any

import pytest

from launchyard.slurm import formats, priofields, stepfields
from launchyard.slurm.facts import Surroundings
from launchyard.slurm.times import stamps
from tests.unit.slurmjobs import T0

DATA = Path(__file__).parents[1] / "data" / "slurm" / "jobs"
WEIGHTS = {"age": 1000, "fairshare": 10_000, "job_size": 100, "partition": 1000, "qos": 1000}


AROUND = Surroundings(T0, stamps(None, T0, time.gmtime, time.strftime), lambda uid: (uid, "alice"))


def waiting(id: int, size: int = 21, partition: str = "debug") -> dict[str, Any]:
    parts = {"fairshare": 10_000, "job_size": size, "partition": 1000}
    known = {"id": id, "user": "alice", "partition_name": partition, "cluster": "lab"}
    return {**dict.fromkeys(priofields.PARTS, 0), **parts, **known, "priority": 11_000 + size - size % 20}


JOBS = [waiting(15), waiting(16, 100), waiting(17, 100), waiting(19, partition="short")]


def printed(text: str, *, weights: bool = False) -> list[str]:
    layout = formats.by_letters(text, priofields.LETTERS)
    texts = (
        priofields.weight_texts(layout.names, WEIGHTS)
        if weights
        else priofields.texts(JOBS, layout.names, WEIGHTS)
    )
    count = 1 if weights else len(JOBS)
    return [formats.header(layout, priofields.HEADERS), *formats.lines(layout, texts, count)]


def format_of(*, long: bool = False, norm: bool = False, users: bool = False) -> str:
    return priofields.format_of(WEIGHTS, long=long, norm=norm, users=users)


def captured(name: str) -> list[str]:
    return (DATA / name).read_text().splitlines()


def test_parts_that_count_are_printed_as_slurm_prints_them() -> None:
    assert printed(format_of()) == captured("sprio.txt")


def test_every_part_is_printed_where_all_are_asked_for() -> None:
    assert printed(format_of(long=True)) == captured("sprio-long.txt")


def test_weights_are_printed_as_slurm_prints_them() -> None:
    assert printed(format_of(), weights=True) == captured("sprio-weights.txt")


def test_factors_are_printed_of_one() -> None:
    header, first, *_ = printed(format_of(norm=True))

    assert header.split() == [
        "JOBID",
        "PARTITION",
        "PRIORITY",
        "AGE",
        "FAIRSHARE",
        "JOBSIZE",
        "PARTITION",
        "QOS",
    ]
    assert first.split()[2:] == [
        "0.00000257",
        "0.0000000",
        "1.0000000",
        "0.2100000",
        "1.0000000",
        "0.0000000",
    ]


def test_the_batch_step_is_printed_as_slurm_prints_it() -> None:
    began = T0 + 1
    job = [1, None, None, "RUNNING", True, "alice", 1001, "debug", began, ["n1"]]

    steps = stepfields.steps_of([], [job])

    assert "\n   ".join(stepfields.record(steps[0], AROUND)).splitlines() == captured("show-step.txt")[:-1]


@pytest.mark.parametrize(
    ("nodes", "tasks", "gpus", "tres", "spread"),
    [
        (["n3"], 4, 0, "cpu=4,mem=4000M,node=1", "Block"),
        (["n1", "n2"], 2, 2, "cpu=4,gres/gpu=2,mem=4000M,node=2", "Cyclic"),
    ],
)
def test_a_step_is_told_with_what_it_has(
    nodes: list[str], tasks: int, gpus: int, tres: str, spread: str
) -> None:
    step = [12, None, None, 0, "sleep", "ada", 1001, "debug", 1.0, nodes, tasks, 4000, 4000, gpus]

    lines = stepfields.record(stepfields.steps_of([step], [])[0], AROUND)

    assert lines[3] == f"TRES={tres}"
    assert lines[5] == f"CPUFreqReq=Default Dist={spread}"


def test_the_record_of_an_array_has_no_batch_step() -> None:
    record: list[object] = [5, None, None, "RUNNING", True, "ada", 1001, "debug", 1.0, []]
    task: list[object] = [6, 5, 3, "RUNNING", True, "ada", 1001, "debug", 1.0, ["n1"]]
    assert [stepfields.shown_id(one) for one in stepfields.steps_of([], [record, task])] == ["5_3.batch"]
