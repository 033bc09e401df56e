"""Lists of very many jobs: shown as they come, each job looked at a few times, however many there are."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.cli.native.jobs import folded
from launchyard.cli.output.joblist import PART, print_jobs
from launchyard.cli.output.screen import out_json_list
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job
from tests.unit.canned_server import job_json

NOBODY = cast(Client, None)
MANY = 20_000


class Counted(Job):
    """Counts how often it is looked at."""

    __slots__ = ("looks",)

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data, NOBODY)
        self.looks = 0

    def to_json(self) -> Mapping[str, Any]:
        self.looks += 1
        return super().to_json()


def task(job_id: int, array_id: int) -> dict[str, Any]:
    return {"id": job_id, "array": {"job_id": array_id, "index": job_id}}


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=20))
def test_folding_as_they_come_leaves_what_folding_all_leaves(pairs: list[tuple[int, int]]) -> None:
    rows: dict[int, dict[str, Any]] = {
        high: task(high, low) if low < high else {"id": high} for high, low in pairs
    }
    jobs = [Job(rows[job_id], NOBODY) for job_id in sorted(rows, reverse=True)]

    left = [job.id for job in folded(jobs)]

    alone = [job.id for job in jobs if "array" not in rows[job.id]]
    orphans = [job.id for job in jobs if job.id not in alone and rows[job.id]["array"]["job_id"] not in rows]
    assert left == sorted(alone + orphans, reverse=True)


def test_folding_looks_at_each_job_a_few_times() -> None:
    jobs = [Counted({"id": MANY - i}) for i in range(MANY)]
    tasks = [Counted(task(2 * MANY - i, 1)) for i in range(MANY)]

    assert len(list(folded([*tasks, *jobs]))) == MANY
    assert max(job.looks for job in (*jobs, *tasks)) <= 2


def test_folding_tells_what_no_task_comes_before_at_once() -> None:
    def source() -> Iterator[Job]:
        yield Job({"id": 7}, NOBODY)
        raise AssertionError("asked for more than was wanted")

    assert next(folded(source())).id == 7


def test_rows_and_json_are_written_before_more_jobs_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    def source() -> Iterator[dict[str, Any]]:
        for number in range(PART):
            yield job_json(PART + 1 - number)
        assert len(capsys.readouterr().out.splitlines()) == PART + 1
        yield job_json(1, name="n" * 20, cluster="elsewhere")

    assert print_jobs(source())
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["ID", "NAME", "CLUSTER"]
    assert row.split()[:3] == ["1", "n" * 20, "elsewhere"]

    def values() -> Iterator[object]:
        yield {"id": 1}
        assert capsys.readouterr().out == '[\n  {\n    "id": 1\n  }'

    out_json_list(values())
    assert capsys.readouterr().out == "\n]\n"
