"""Live jobs are counted by state, user and account."""

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from launchyard.controller.tally import Depth, Tally
from launchyard.model.array import Array, Indexes
from launchyard.model.job import Job
from launchyard.model.state import JobState
from tests.api_bench import ADA, BOB, job_of

ARRAY = Array(waiting=Indexes(((3, 9, 1),)), size=9, first=1, last=9)


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


MOVES = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.sampled_from([ADA, BOB]),
        st.sampled_from([None, "physics"]),
        st.sampled_from([None, JobState.PENDING, JobState.RUNNING]),
        st.sampled_from(["main", "gpu"]),
        st.sampled_from([None, ARRAY, replace(ARRAY, waiting=Indexes())]),
    ),
    max_size=40,
)


@given(MOVES)
def test_whatever_moves_it_tells_what_a_look_at_all_jobs_would(moves: list[Any]) -> None:
    tally, jobs = Tally(), dict[int, Job]()
    for job_id, who, account, state, partition, array in moves:
        before = jobs.pop(job_id, None)
        if state is not None:
            fields = {"account": account, "state": state, "partition": partition, "array": array}
            jobs[job_id] = job_of(who, job_id, **fields)
        tally.move(before, jobs.get(job_id))

    assert tally.of(everybody) == Counter(job.state for job in jobs.values())
    of_ada = {job.id for job in jobs.values() if job.uid == ADA.uid}
    assert set(tally.ids(lambda group: group.uid == ADA.uid)) == of_ada
    assert list(tally.newest(lambda group: True)) == sorted(jobs, reverse=True)
    assert list(tally.newest(lambda group: True, 5)) == sorted(jobs.keys() & {1, 2, 3, 4}, reverse=True)
    depths = Counter[Depth]()
    for job in jobs.values():
        count = 1 if job.array is None else len(job.array.waiting)
        depths[Depth(job.state, job.partition, job.array is not None)] += count
    assert tally.depths == +depths
