"""What each event makes of a job."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import IllegalTransition
from launchyard.model.event import (
    Allocated,
    Cancelled,
    DependencyFailed,
    Exited,
    JobEvent,
    MainEnded,
    NodeLost,
    Requeued,
    Started,
)
from launchyard.model.job import Job
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.state import ENDED, TRANSITIONS, JobState
from launchyard.policy.lifecycle import REQUEUE, apply
from tests.unit.cluster import T0, job

GIVEN = Allocation(shares=(NodeShare(node="n1", cpus_milli=1000, memory_mib=100, cpu_ids=(0,)),))
ALLOCATED = Allocated(launch_id="a1", epoch="e1", allocation=GIVEN)


def starting() -> Job:
    return apply(job(), ALLOCATED, T0)


def running() -> Job:
    return apply(starting(), Started(at=T0 + 1), T0 + 1)


def test_allocated_job_is_starting_with_its_first_attempt() -> None:
    after = starting()
    assert (after.state, after.attempts) == (JobState.STARTING, 1)
    assert after.attempt is not None
    assert (after.attempt.number, after.attempt.launch_id, after.attempt.allocation) == (1, "a1", GIVEN)


def test_start_told_twice_changes_nothing() -> None:
    once = running()
    assert apply(once, Started(at=T0 + 9), T0 + 9) is once


ENDS = [
    (Exited(at=T0 + 5, exit_code=0), JobState.COMPLETED, None),
    (Exited(at=T0 + 5, exit_code=3), JobState.FAILED, "ended with exit code 3"),
    (Exited(at=T0 + 5, signal=11), JobState.FAILED, "was ended by signal 11"),
    (Exited(at=T0 + 5, exit_code=0, out_of_memory=True), JobState.OUT_OF_MEMORY, "needed more than"),
    (Exited(at=T0 + 5, signal=15, timed_out=True), JobState.TIMEOUT, "time limit of 3600 s"),
    (Exited(at=T0 + 5, signal=9, log_full=True), JobState.FAILED, "its log grew"),
    (Exited(at=T0 + 5, error="no command 'x' on PATH"), JobState.FAILED, "no command 'x' on PATH"),
    (Exited(at=T0 + 5, lost=True), JobState.LOST, "not known"),
]


@pytest.mark.parametrize(("end", "state", "cause"), ENDS)
def test_end_of_a_running_job(end: Exited, state: JobState, cause: str | None) -> None:
    after = apply(running(), end, T0 + 6)
    assert (after.state, after.ended_at, after.exit_code) == (state, T0 + 5, end.exit_code)
    assert after.cause == cause or (cause is not None and cause in (after.cause or ""))


def test_end_that_was_not_seen_is_never_success() -> None:
    after = apply(running(), Exited(at=T0, lost=True), T0)
    assert (after.state, after.exit_code) == (JobState.LOST, None)


def test_waiting_job_is_cancelled_at_once() -> None:
    after = apply(job(), Cancelled(by="ada"), T0 + 2)
    assert (after.state, after.ended_at, after.cause) == (JobState.CANCELLED, T0 + 2, "cancelled by ada")


def test_running_job_is_cancelled_when_its_processes_are_gone() -> None:
    asked = apply(running(), Cancelled(by="ada"), T0 + 2)
    after = apply(asked, Exited(at=T0 + 3, signal=15), T0 + 3)
    assert (asked.state, after.state, after.signal) == (JobState.RUNNING, JobState.CANCELLED, 15)


def test_requeued_job_waits_again_and_its_next_attempt_has_the_next_number() -> None:
    asked = replace(running(), stop_requested=REQUEUE)
    again = apply(asked, Exited(at=T0 + 3, signal=15), T0 + 3)
    assert (again.state, again.attempt, again.stop_requested) == (JobState.PENDING, None, None)
    assert apply(again, ALLOCATED, T0 + 4).attempts == 2


def test_ended_job_never_moves_again() -> None:
    ended = apply(running(), Exited(at=T0 + 5, exit_code=0), T0 + 5)
    assert apply(ended, Exited(at=T0 + 9, exit_code=1), T0 + 9) is ended
    with pytest.raises(IllegalTransition):
        apply(ended, ALLOCATED, T0 + 9)


_events: st.SearchStrategy[JobEvent] = st.sampled_from(
    [
        ALLOCATED,
        Started(at=T0),
        MainEnded(),
        Cancelled(by="ada"),
        Requeued(reason="x"),
        NodeLost(node="n1"),
        DependencyFailed(sentence="dependency afterok:1 can never be satisfied"),
        *(end for end, _, _ in ENDS),
    ]
)


@given(st.lists(_events, max_size=12))
def test_states_move_only_along_the_table(events: list[JobEvent]) -> None:
    before = job()
    for event in events:
        try:
            after = apply(before, event, T0)
        except IllegalTransition:
            continue
        moved = after.state is not before.state
        assert not moved or after.state in TRANSITIONS.get(before.state, {}).values()
        assert not (after.state in ENDED and after.ended_at is None)
        before = after
