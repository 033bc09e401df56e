"""What holds for every policy on any workload, and that the fast replay decides as the plain one."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from launchyard.policy.conservative import Conservative
from launchyard.policy.processors import Processors, Rigid
from launchyard.sim.policies import POLICIES
from launchyard.sim.replay import ConservativeReplay
from launchyard.sim.trace import Trace
from tests.sim.reference import Plain
from tests.sim.traces import run, trace_of

MACHINE = 8
JOBS = st.lists(
    st.tuples(
        st.sampled_from((0, 0, 1, 3, 10)),
        st.integers(1, 20),
        st.integers(1, MACHINE),
        st.sampled_from((0, 0, 1, 5, 30)),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=40,
)
EACH = pytest.mark.parametrize("policy", POLICIES)
PASSES = pytest.mark.parametrize(
    ("policy", "per_second"),
    [(name, False) for name in POLICIES] + [("easy", True), ("easy++", True), ("default", True)],
)


def starts(trace: Trace) -> dict[int, int]:
    return {job.number: job.start for job in trace.jobs}


@PASSES
@given(jobs=JOBS)
def test_every_job_starts_and_never_more_runs_than_fits(
    policy: str, per_second: bool, jobs: list[tuple[int, int, int, int, int]]
) -> None:
    trace = trace_of(jobs, MACHINE)
    run(trace, policy, per_second=per_second)
    assert all(job.start >= job.submit for job in trace.jobs)
    for at in {job.start for job in trace.jobs}:
        assert sum(job.processors for job in trace.jobs if job.start <= at < job.start + job.run_s) <= MACHINE


@EACH
@given(jobs=JOBS)
def test_the_same_trace_gives_the_same_starts_again(
    policy: str, jobs: list[tuple[int, int, int, int, int]]
) -> None:
    trace = trace_of(jobs, MACHINE)
    assert run(trace, policy) == run(trace, policy) == run(trace_of(jobs, MACHINE), policy)


@EACH
@given(jobs=JOBS)
def test_looking_at_a_submission_alone_is_as_good_as_a_whole_pass(
    policy: str, jobs: list[tuple[int, int, int, int, int]]
) -> None:
    trace = trace_of(jobs, MACHINE)
    told = run(trace, policy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Processors, "goes_on", lambda *_: False)
        assert run(trace, policy) == told


@given(JOBS)
def test_first_come_is_first_served(jobs: list[tuple[int, int, int, int, int]]) -> None:
    trace = trace_of(jobs, MACHINE)
    run(trace, "fcfs")
    in_order = [job.start for job in trace.jobs]
    assert in_order == sorted(in_order)


@given(JOBS)
def test_easy_starts_what_its_paper_says(jobs: list[tuple[int, int, int, int, int]]) -> None:
    trace = trace_of(jobs, MACHINE)
    run(trace, "easy")
    assert starts(trace) == Plain(trace).starts


@given(JOBS)
def test_shortest_first_goes_through_the_others_by_what_they_requested(
    jobs: list[tuple[int, int, int, int, int]],
) -> None:
    trace = trace_of(jobs, MACHINE)
    run(trace, "easy-sjbf")
    assert starts(trace) == Plain(trace, lambda job: job.requested_s).starts


@pytest.mark.parametrize("policy", ["easy", "easy-sjbf"])
@given(jobs=JOBS)
def test_nobody_delays_the_reservation_of_the_head(
    policy: str, jobs: list[tuple[int, int, int, int, int]]
) -> None:
    trace = trace_of(jobs, MACHINE)
    run(trace, policy)
    plain = Plain(
        trace, behind=(lambda job: job.requested_s) if policy == "easy-sjbf" else lambda job: job.number
    )
    late = [number for number, at in plain.promised.items() if trace.jobs[number].start > at]
    assert late == []


class Watched(Conservative):
    """Keeps what each job was promised at its submission."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.promised: dict[int, int] = {}

    def submitted(self, job: Rigid, now: int) -> int:
        at = self.promised[job.number] = super().submitted(job, now)
        return at


@given(JOBS)
def test_a_conservative_reservation_is_never_broken(jobs: list[tuple[int, int, int, int, int]]) -> None:
    trace = trace_of(jobs, MACHINE)
    plan = Watched(MACHINE)
    ConservativeReplay(trace, plan).run()
    late = [job.number for job in trace.jobs if job.start > plan.promised[job.number]]
    assert late == []


@given(JOBS)
def test_with_one_job_waiting_at_a_time_easy_and_conservative_are_the_same(
    jobs: list[tuple[int, int, int, int, int]],
) -> None:
    trace = trace_of([(7 + job[0], *job[1:]) for job in jobs[:12]], MACHINE)
    run(trace, "easy")
    easy = starts(trace)
    for job in trace.jobs:
        assume(sum(one.submit <= job.submit < one.start for one in trace.jobs) <= 1)
    run(trace, "conservative")
    assert starts(trace) == easy


def test_a_short_job_goes_ahead_of_a_wide_one_that_waits() -> None:
    trace = trace_of([(0, 100, 6, 0, 0), (1, 50, 8, 0, 0), (1, 20, 2, 0, 0), (1, 200, 2, 0, 0)], MACHINE)
    run(trace, "easy")
    assert starts(trace) == {0: 0, 1: 100, 2: 2, 3: 150}


def test_a_prediction_is_the_mean_of_the_last_two_runs_and_never_more_than_was_requested() -> None:
    runs = [(0, 10, 1, 90, 7), (10, 20, 1, 80, 7), (21, 5, 1, 95, 7), (20, 60, 1, 0, 7)]
    trace = trace_of([*runs, (100, 5, 1, 0, 7)], MACHINE)
    run(trace, "easy++")
    assert [job.predicted_s for job in trace.jobs] == [100, 100, 15, 60, 5]
