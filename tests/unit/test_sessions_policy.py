"""What a session's card says: one word for the state, one sentence for the end, four ticks with seconds."""

import pytest

from launchyard.model.event import Exited
from launchyard.model.frozen import changed
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.node import Node, NodeState
from launchyard.model.resources import Allocation, NodeShare, Request
from launchyard.model.session import PATH_MAX, Session, SessionState, place
from launchyard.model.state import JobState
from launchyard.policy.lifecycle import apply, taken_down
from launchyard.policy.sessions import cause_of, ends_at, nears_end, notice_of, state_of, steps_of

T0 = 1_000.0
SESSION = Session(app="jupyter", title="JupyterLab", folder="/apps/jupyter")
ATTEMPT = Attempt(
    number=1,
    launch_id="l1",
    epoch="e",
    allocation=Allocation(shares=(NodeShare(node="n1", cpus_milli=1000, memory_mib=64),)),
    allocated_at=T0 + 5,
)


def job(state: JobState, session: Session = SESSION, attempt: Attempt | None = ATTEMPT) -> Job:
    return Job(
        id=7,
        name="jupyter",
        kind=JobKind.SESSION,
        user="ada",
        uid=1000,
        partition="main",
        submitted_at=T0,
        state=state,
        request=Request(cpus_milli=1000, memory_mib=64),
        time_limit_s=3600,
        attempt=attempt,
        session=session,
        started_at=None if attempt is None else T0 + 6,
    )


def answered(session: Session = SESSION, launch_id: str = "l1") -> Session:
    return changed(session, launch_id=launch_id, listened_at=T0 + 8, answered_at=T0 + 9)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (job(JobState.PENDING, attempt=None), SessionState.QUEUED),
        (job(JobState.STARTING), SessionState.STARTING),
        (job(JobState.RUNNING), SessionState.STARTING),
        (job(JobState.RUNNING, answered()), SessionState.RUNNING),
        (job(JobState.RUNNING, answered(launch_id="older")), SessionState.STARTING),
        (changed(job(JobState.RUNNING, answered()), stop_requested="by ada"), SessionState.STOPPING),
        (job(JobState.COMPLETING, answered()), SessionState.STOPPING),
        (job(JobState.COMPLETED, answered()), SessionState.ENDED),
        (job(JobState.COMPLETED), SessionState.FAILED),
        (job(JobState.CANCELLED), SessionState.ENDED),
        (job(JobState.TIMEOUT, answered()), SessionState.ENDED),
        (job(JobState.FAILED, answered()), SessionState.FAILED),
        (job(JobState.OUT_OF_MEMORY), SessionState.FAILED),
        (job(JobState.NODE_FAIL, answered()), SessionState.FAILED),
        (job(JobState.LOST, answered()), SessionState.FAILED),
    ],
)
def test_a_session_runs_only_once_its_app_has_answered_and_a_failure_is_no_end(
    found: Job, state: SessionState
) -> None:
    assert state_of(found) is state


def test_what_its_attendant_told_becomes_the_cause_of_the_job() -> None:
    told = changed(SESSION, launch_id="l1", failure="JupyterLab needs jupyter, which is not installed on n1")
    running = job(JobState.RUNNING, told)

    ended = apply(running, Exited(at=T0 + 20, exit_code=78), T0 + 20)

    assert ended.state is JobState.FAILED
    assert cause_of(ended) == "JupyterLab needs jupyter, which is not installed on n1"


def test_what_was_told_of_an_earlier_launch_is_not_the_cause() -> None:
    told = changed(SESSION, launch_id="older", failure="something else")

    ended = apply(job(JobState.RUNNING, told), Exited(at=T0 + 20, exit_code=3), T0 + 20)

    assert cause_of(ended) == "JupyterLab ended with exit code 3 before it answered"


def test_too_little_memory_is_said_with_what_to_ask_for() -> None:
    ended = apply(job(JobState.RUNNING), Exited(at=T0 + 20, signal=9, out_of_memory=True), T0 + 20)

    assert cause_of(ended) == (
        "JupyterLab needed more than the 64 MiB of memory asked for before it answered; "
        "start it again with 128 MiB"
    )


def test_a_node_that_went_down_is_named() -> None:
    lost = Exited(at=T0 + 20, lost=True, node_lost=True, error="the node was restarted")

    ended = apply(job(JobState.RUNNING, answered()), lost, T0 + 20)

    assert cause_of(ended) == "node n1 went down under JupyterLab (the node was restarted); start it again"


def test_a_node_that_was_taken_down_is_told_with_what_its_operator_says() -> None:
    asked = changed(job(JobState.RUNNING, answered()), stop_requested=taken_down("new disks"))

    ended = apply(asked, Exited(at=T0 + 20, signal=15), T0 + 20)

    assert ended.state is JobState.NODE_FAIL
    assert cause_of(ended) == "node n1 was taken down under JupyterLab (new disks); start it again"


def test_the_end_of_its_time_is_no_failure() -> None:
    ended = apply(job(JobState.RUNNING, answered()), Exited(at=T0 + 3606, timed_out=True), T0 + 3606)

    assert state_of(ended) is SessionState.ENDED
    assert cause_of(ended) == "its time of 1 h was over"


def test_each_tick_has_its_own_seconds() -> None:
    listening = changed(SESSION, launch_id="l1", listened_at=T0 + 8)

    ticks = {
        one.name: (one.state, one.seconds) for one in steps_of(job(JobState.RUNNING, listening), T0 + 10)
    }

    assert ticks == {
        "queued": ("done", 5.0),
        "environment": ("skipped", None),
        "starting": ("done", 3.0),
        "answering": ("active", 2.0),
    }


def test_the_tick_at_which_it_failed_says_so() -> None:
    ended = changed(job(JobState.FAILED), ended_at=T0 + 30)

    ticks = {one.name: one.state for one in steps_of(ended, T0 + 99)}

    assert ticks["starting"] == "failed"
    assert ticks["answering"] == "waiting"


def test_its_time_ends_after_its_limit_from_its_start() -> None:
    assert ends_at(job(JobState.RUNNING)) == T0 + 6 + 3600
    assert ends_at(job(JobState.PENDING, attempt=None)) is None


@pytest.mark.parametrize(
    ("found", "left_s", "near"),
    [
        (job(JobState.RUNNING, answered()), 601, False),
        (job(JobState.RUNNING, answered()), 600, True),
        (changed(job(JobState.RUNNING, answered()), time_limit_s=60), 31, False),
        (changed(job(JobState.RUNNING, answered()), time_limit_s=60), 30, True),
        (job(JobState.RUNNING), 1, False),
        (job(JobState.SUSPENDED, answered()), 1, False),
        (changed(job(JobState.RUNNING, answered()), stop_requested="by ada"), 1, False),
    ],
    ids=["not yet", "ten minutes", "a short one", "its half", "not there yet", "standing still", "ending"],
)
def test_who_works_in_it_is_warned_ten_minutes_before_its_end_or_at_its_half(
    found: Job, left_s: float, near: bool
) -> None:
    until = ends_at(found)
    assert until is not None
    assert nears_end(found, until - left_s) is near


def test_without_a_limit_there_is_no_end_to_warn_of() -> None:
    assert not nears_end(changed(job(JobState.RUNNING, answered()), time_limit_s=None), T0 + 10**9)


def test_a_node_that_is_closed_is_told_while_the_session_is_there() -> None:
    nodes = {"n1": Node(name="n1", cpus=2, memory_mib=64, state=NodeState.DRAIN, reason="new disks")}

    assert notice_of(job(JobState.RUNNING, answered()), nodes) == (
        "node n1 is closed for new work (new disks); JupyterLab runs on until it ends"
    )
    assert notice_of(job(JobState.COMPLETED, answered()), nodes) is None
    assert notice_of(job(JobState.RUNNING, answered()), {}) is None


def test_a_socket_whose_path_would_be_too_long_is_made_elsewhere() -> None:
    short, long = place("/var/lib/launchyard", "0" * 16), place("/very" * 30, "0" * 16)

    assert short == "/var/lib/launchyard/tmp/0000000000000000/s"
    assert long == "/tmp/ly-s-0000000000000000"
    assert len(f"{long}/app.sock") <= PATH_MAX
