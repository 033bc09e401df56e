"""Values of jobs are kept for the next who asks, however few or many are asked for in between."""

from operator import is_

import pytest

from launchyard.api.tables import kept
from launchyard.api.tables.kept import TABLES_MAX, JobTables
from launchyard.model.job import Job
from tests.api_bench import ADA, job_of

JOBS = [job_of(ADA, id) for id in range(1, 21)]


def _values(tables: JobTables, jobs: list[Job], *names: str) -> list[list[object]]:
    return tables.values(jobs, names or ("id", "name"), [True] * len(jobs))


def test_a_job_is_read_once_though_others_ask_for_one_job_or_for_other_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "SPARE", 0)
    tables = JobTables()

    first = _values(tables, JOBS)
    for _ in range(TABLES_MAX):
        _values(tables, JOBS[:1])
        _values(tables, JOBS, "id", "qos")
    again = _values(tables, JOBS)

    assert first[2] == [3, JOBS[2].name]
    assert all(map(is_, first, again))


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    tables = JobTables()
    first = _values(tables, JOBS)

    for number in range(TABLES_MAX):
        _values(tables, JOBS, *["id"] * (number + 1))
        _values(tables, JOBS)
    used = _values(tables, JOBS)
    for number in range(TABLES_MAX):
        _values(tables, JOBS, *["id"] * (number + 1))

    assert all(map(is_, first, used))
    assert not any(map(is_, first, _values(tables, JOBS)))
