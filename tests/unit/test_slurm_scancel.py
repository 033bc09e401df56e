"""Which rows a name given to scancel means, among very many."""

import pytest

from launchyard.cli.slurm.scancel import Row, _by_name, _meant
from launchyard.slurm.jobnames import Named, read

PLAIN = Row(
    1, None, None, None, "a", "ada", 1000, None, "main", "normal", None, "RUNNING", "n1", None, None, "local"
)
ROWS = [
    PLAIN,
    PLAIN._replace(id=5, array_pending="3-6"),
    PLAIN._replace(id=7, task_array=5, task_index=1),
    PLAIN._replace(id=8, task_array=5, task_index=2),
]


@pytest.mark.parametrize(
    ("name", "ids"),
    [("1", [1]), ("5", [5, 7, 8]), ("5_2", [8]), ("8", [8]), ("5_4", [5]), ("5_[2-3]", [5, 8]), ("5_9", [])],
)
def test_a_name_means_a_job_a_task_or_the_record_of_those_that_wait(name: str, ids: list[int]) -> None:
    named = read(name)
    records = {str(row.id): row for row in ROWS if row.array_pending is not None}

    assert named is not None
    assert [row.id for row in _meant(named, _by_name(ROWS), records)] == ids


@pytest.mark.long
def test_names_are_looked_up_and_not_looked_for() -> None:
    rows = [PLAIN._replace(id=id) for id in range(1, 20_001)]
    known = _by_name(rows)

    assert len(known) == len(rows)
    assert all(_meant(Named(str(row.id), [str(row.id)]), known, {}) == [row] for row in rows)
