"""What is the same in all rows is made once, and comes out as if it were made for each."""

import json

import pytest

from launchyard.slurm import jobjson
from launchyard.slurm.facts import Facts, each
from launchyard.slurm.jobfields import FIELDS
from launchyard.slurm.kept import SHOWN
from tests.unit.slurmjobs import T0, facts, job, running

ROWS = (
    job(id=1, metadata={"slurm.comment": "a"}),
    job(id=2, name="b\n", reason_code="resources", metadata={"slurm.ntasks-per-node": "2"}),
    running(3, "n1", time_limit_s=None, shares=[["n1", 1000, 100, [0], [], 1]], ended_at=T0 + 9),
)


def _told_once(*rows: dict[str, object]) -> Facts:
    """As the server tells them: it says which columns hold one value alone."""
    found = facts(*rows)
    found.single = {name for name, column in found.columns.items() if column.count(column[0]) == len(column)}
    return found


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_the_same_however_it_is_made(name: str) -> None:
    make = FIELDS[name].make

    assert list(_told_once(*ROWS).texts(make)) == list(make(facts(*ROWS)))
    assert list(_told_once(*ROWS[:1] * 3).texts(make)) == list(make(facts(*ROWS[:1] * 3)))


def test_json_is_the_same_however_it_is_made() -> None:
    assert list(jobjson.jobs(_told_once(*ROWS))) == list(jobjson.jobs(facts(*ROWS)))
    assert [json.loads(one)["job_id"] for one in jobjson.jobs(_told_once(*ROWS))] == [1, 2, 3]


def test_what_was_kept_of_a_submission_may_be_columns_of_their_own() -> None:
    whole = facts(*ROWS)
    columns = {name: column for name, column in whole.columns.items() if name != "metadata"}
    kept = {key: [one["metadata"].get(key) for one in ROWS] for key in SHOWN}
    apart = Facts(3, columns | kept, whole.around)

    assert "metadata" not in jobjson.NEEDS
    assert list(jobjson.jobs(apart)) == list(jobjson.jobs(whole))


def test_equal_values_are_written_once() -> None:
    written = []

    def write(value: int) -> str:
        written.append(value)
        return str(value)

    assert each(write, [3, 3, 4, 3]) == ["3", "3", "4", "3"]
    assert written == [3, 4]
