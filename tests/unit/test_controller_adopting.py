"""Live jobs of an earlier run, taken in together, stand as they would had each come by itself."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from launchyard.controller.live import LiveJobs
from launchyard.controller.parties import Parties
from launchyard.model.array import Array, Indexes
from launchyard.model.dependency import Clause, Dependency, DependencyKind
from launchyard.model.job import Job
from launchyard.model.rules import Rules
from tests.unit.cluster import ALL, T0, job, node, request

THREE = Array(waiting=Indexes(((0, 2, 1),)), size=3, first=0, last=2)
WAITS_FOR_ONE = Dependency(clauses=(Clause(kind=DependencyKind.AFTEROK, job_id=1),))


@st.composite
def jobs(draw: st.DrawFn) -> list[Job]:
    """Some of many kinds, by id; those in a partition that is gone are kept out."""
    return [_job(draw, number) for number in range(1, draw(st.integers(0, 9)) + 1)]


def _job(draw: st.DrawFn, job_id: int) -> Job:
    fields: dict[str, Any] = {
        "user": draw(st.sampled_from(["ada", "bob"])),
        "partition": draw(st.sampled_from(["all", "all", "gone"])),
        "request": request(draw(st.sampled_from([0, 1, 2, 4]))),
        "submitted_at": T0 + draw(st.integers(-9, 9)) * 3600,
        "time_limit_s": draw(st.sampled_from([60, 3600, None])),
        "nice": draw(st.sampled_from([0, 0, 5])),
        "held": draw(st.booleans()) and draw(st.booleans()),
        "begin_at": draw(st.sampled_from([None, None, T0 + 60])),
        "deadline_at": draw(st.sampled_from([None, T0 + 9e9])),
        "dependency": draw(st.sampled_from([None, None, WAITS_FOR_ONE])) if job_id > 1 else None,
    }
    return job(job_id, **fields, array=draw(st.sampled_from([None, THREE])))


@given(jobs())
def test_adopted_jobs_stand_as_jobs_that_came_one_by_one(found: list[Job]) -> None:
    together, alone = _live(), _live()

    together.adopt(found, T0)
    for one in found:
        alone.keep_partition(one)
        alone.put(one, T0)

    assert _seen(together) == _seen(alone)


def _live() -> LiveJobs:
    return LiveJobs([node()], Parties(Rules(partitions=ALL)))


def _seen(live: LiveJobs) -> dict[str, Any]:
    queue = live.queue.of("local")
    return {
        "jobs": list(live.jobs.items()),
        "order": list(queue.in_order()),
        "counts": queue.counts,
        "lanes": {(one.shape, one.party): list(one.entries) for one in queue.lanes()},
        "blocked": live.blocked,
        "not begun": live.not_begun,
        "deadlines": live.deadlines,
        "states": live.tally.of(lambda uid, account: True),
        "partitions": live.partitions,
    }
