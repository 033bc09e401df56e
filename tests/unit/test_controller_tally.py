"""Live jobs are counted by state, user and account."""

from dataclasses import replace

from launchyard.controller.tally import Tally
from launchyard.model.state import JobState
from tests.api_bench import ADA, BOB, job_of


def everybody(uid: int, account: str | None) -> bool:
    return True


def test_jobs_are_counted_where_they_are_now() -> None:
    tally = Tally()
    mine, his = job_of(ADA, 1, account="physics"), job_of(BOB, 2, account="physics")
    tally.move(None, mine)
    tally.move(None, his)
    assert tally.of(everybody) == {JobState.PENDING: 2}
    runs = replace(mine, state=JobState.RUNNING)
    tally.move(mine, runs)
    assert tally.of(everybody) == {JobState.RUNNING: 1, JobState.PENDING: 1}
    assert tally.of(lambda uid, _: uid == BOB.uid) == {JobState.PENDING: 1}
    moved = replace(his, account="biology")
    tally.move(his, moved)
    assert tally.of(lambda _, account: account == "physics") == {JobState.RUNNING: 1}


def test_what_has_ended_leaves_nothing_behind() -> None:
    tally, job = Tally(), job_of(ADA, 1)
    tally.move(None, job)
    tally.move(job, job)
    tally.move(job, None)
    assert tally.of(everybody) == {}
