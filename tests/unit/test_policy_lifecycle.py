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
    Resumed,
    Started,
    Suspended,
)
from launchyard.model.job import PAST_MAX, Job
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.retries import Retries
from launchyard.model.state import ENDED, TRANSITIONS, JobState
from launchyard.policy.attempts import hold_if_requeued_too_often
from launchyard.policy.lifecycle import REQUEUE, apply, made_room_for
from tests.unit.cluster import T0, job

S = JobState
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
    (Exited(at=T0 + 5, cancelled=True, error="cancelled in Slurm"), JobState.CANCELLED, "in Slurm"),
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
        Suspended(),
        Resumed(),
        MainEnded(),
        Cancelled(by="ada"),
        Requeued(reason="x"),
        NodeLost(sentence="node n1 does not answer"),
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


RETRIES = Retries(count=2, backoff_s=60)
FAILS = Exited(at=T0 + 5, exit_code=3)


def test_failed_job_with_retries_waits_and_keeps_how_it_ended() -> None:
    again = apply(replace(running(), retries=RETRIES), FAILS, T0 + 5)
    assert (again.state, again.attempt, again.retried, again.retry_at) == (S.PENDING, None, 1, T0 + 65)
    assert again.not_before == T0 + 65
    (past,) = again.past
    assert (past.number, past.state, past.exit_code, past.nodes) == (1, S.FAILED, 3, ("n1",))
    assert past.cause == "ended with exit code 3"


def test_each_pause_is_twice_as_long_up_to_an_hour() -> None:
    pauses = [Retries(count=9, backoff_s=600).pause_s(used) for used in range(5)]
    assert pauses == [600, 1200, 2400, 3600, 3600]
    assert Retries(count=100, backoff_s=1).pause_s(99) == 3600


def test_job_whose_retries_are_used_up_has_failed() -> None:
    last = replace(running(), retries=RETRIES, retried=2)
    assert apply(last, FAILS, T0 + 5).state is S.FAILED


@pytest.mark.parametrize(
    "end",
    [
        Exited(at=T0 + 5, exit_code=0),
        Exited(at=T0 + 5, lost=True),
        Exited(at=T0 + 5, signal=15, timed_out=True),
        Exited(at=T0 + 5, signal=9, out_of_memory=True),
    ],
)
def test_only_the_ends_that_were_named_are_tried_again(end: Exited) -> None:
    assert apply(replace(running(), retries=RETRIES), end, T0 + 5).ended
    named = replace(RETRIES, on=(S.FAILED, S.TIMEOUT, S.OUT_OF_MEMORY))
    again = apply(replace(running(), retries=named), end, T0 + 5)
    assert again.ended is not (end.timed_out or end.out_of_memory)


def test_cancelled_job_is_never_tried_again() -> None:
    asked = apply(replace(running(), retries=RETRIES), Cancelled(by="ada"), T0 + 2)
    assert apply(asked, FAILS, T0 + 5).state is S.CANCELLED


def test_past_attempts_are_few() -> None:
    waiting = job(retries=Retries(count=100, backoff_s=0))
    for _ in range(PAST_MAX + 5):
        waiting = apply(apply(waiting, ALLOCATED, T0), FAILS, T0)
    assert [past.number for past in waiting.past] == list(range(6, PAST_MAX + 6))


def test_job_that_comes_back_too_often_is_held_with_the_number() -> None:
    back = job(requeues=4)
    assert not hold_if_requeued_too_often(back, 4).held
    held = hold_if_requeued_too_often(back, 3)
    assert held.held
    assert held.held_because == "was put back into the queue 4 times, more than the 3 allowed"


def test_lost_node_ends_a_job_or_lets_it_wait_again() -> None:
    lost = NodeLost(sentence="node n1 does not answer")
    ended = apply(running(), lost, T0 + 9)
    assert (ended.state, ended.cause) == (S.NODE_FAIL, "node n1 does not answer")
    again = apply(replace(running(), requeue=True), lost, T0 + 9)
    assert (again.state, again.requeues, again.past[0].state) == (S.PENDING, 1, S.NODE_FAIL)
    cancelled = apply(apply(replace(running(), requeue=True), Cancelled(by="ada"), T0), lost, T0 + 9)
    assert cancelled.state is S.NODE_FAIL


def test_time_stands_still_while_suspended() -> None:
    stands = apply(running(), Suspended(), T0 + 10)
    assert (stands.state, stands.attempt and stands.attempt.suspended_at) == (S.SUSPENDED, T0 + 10)
    goes_on = apply(stands, Resumed(), T0 + 25)
    assert goes_on.attempt is not None
    assert (goes_on.state, goes_on.attempt.suspended_at, goes_on.attempt.suspended_s) == (S.RUNNING, None, 15)
    assert apply(goes_on, Resumed(), T0 + 30) is goes_on


def test_limit_of_an_attempt_is_cut_to_the_deadline() -> None:
    cut = replace(running(), deadline_at=T0 + 1001)
    assert (running().limit_s, cut.limit_s) == (3600, 1000)
    ended = apply(cut, Exited(at=T0 + 1001, signal=15, timed_out=True), T0 + 1001)
    assert ended.state is S.DEADLINE
    assert "still ran at its deadline" in (ended.cause or "")


def test_preempted_job_ends_or_waits_again_without_using_up_a_requeue() -> None:
    gone = Exited(at=T0 + 5, signal=15)
    goes = replace(running(), stop_requested=made_room_for(9, again=False))
    ended = apply(goes, gone, T0 + 5)
    assert (ended.state, ended.cause) == (S.PREEMPTED, "made room for job 9")
    again = apply(replace(running(), stop_requested=made_room_for(9, again=True)), gone, T0 + 5)
    assert (again.state, again.requeues, again.past[0].state) == (S.PENDING, 0, S.PREEMPTED)
    assert again.past[0].cause == "made room for job 9"


@pytest.mark.parametrize("asked", [3600, None])
def test_attempt_that_was_given_less_time_leaves_the_next_one_what_was_asked(asked: int | None) -> None:
    waiting = job(time_limit_s=asked, time_min_s=60, retries=RETRIES)
    less = apply(waiting, replace(ALLOCATED, time_limit_s=600), T0)
    assert (less.time_limit_s, less.limit_s) == (600, 600)
    assert apply(less, FAILS, T0 + 5).time_limit_s == asked
