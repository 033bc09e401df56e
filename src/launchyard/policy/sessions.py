"""What a session's card says of its job: one word for the state, one sentence for why it is so."""

from collections.abc import Mapping
from dataclasses import dataclass

from launchyard.model.job import Job
from launchyard.model.memory import format_memory, humane_memory
from launchyard.model.node import Node, NodeState
from launchyard.model.session import Session, SessionState
from launchyard.model.state import ENDED, JobState
from launchyard.model.walltime import humane
from launchyard.policy.lifecycle import NODE_DOWN

_OWN_ENDS = frozenset({JobState.CANCELLED, JobState.TIMEOUT, JobState.DEADLINE})
"""Ends that somebody asked for, at least by a time limit."""
_BARE = ("ended with exit code ", "was ended by signal ")
SPARE = 2
"""How many times the memory that was too little is proposed."""
WARNED_S = 600.0
"""So long before it ends or is stopped a session is warned, if it has so long."""


def session_of(job: Job) -> Session:
    """What makes this job a session. Raises `ValueError` for a job that is none."""
    if job.session is None:
        raise ValueError(f"job {job.id} is no session")
    return job.session


def answered(job: Job) -> bool:
    """Whether the app has answered in the launch that is at work, or was the last one."""
    session = session_of(job)
    if session.answered_at is None:
        return False
    return job.attempt is None or session.launch_id == job.attempt.launch_id


def state_of(job: Job) -> SessionState:
    """A session that was ended by its person or its time has ended; every other end is a failure."""
    if job.state in ENDED:
        if job.state in _OWN_ENDS or (job.state is JobState.COMPLETED and answered(job)):
            return SessionState.ENDED
        return SessionState.FAILED
    if job.stop_requested is not None or job.state is JobState.COMPLETING:
        return SessionState.STOPPING
    if job.state is JobState.PENDING:
        return SessionState.QUEUED
    return SessionState.RUNNING if answered(job) else SessionState.STARTING


def cause_of(job: Job) -> str | None:
    """Why it ended as it did, in words of a session; None: there is nothing to say."""
    title, when = session_of(job).title, "" if answered(job) else " before it answered"
    match job.state:
        case JobState.OUT_OF_MEMORY:
            had = job.request.memory_mib
            return (
                f"{title} needed more than the {humane_memory(had)} of memory asked for{when}; "
                f"start it again with {format_memory(SPARE * had)}"
            )
        case JobState.TIMEOUT:
            return f"its time of {humane(job.limit_s)} was over"
        case JobState.NODE_FAIL | JobState.LOST:
            node = job.attempt.allocation.nodes[0] if job.attempt is not None else "its node"
            what = "went down" if job.state is JobState.NODE_FAIL else "cannot say how it ended"
            said = job.cause or ""
            if said.startswith(NODE_DOWN):
                what, said = "was taken down", said.removeprefix(NODE_DOWN).removeprefix(": ")
            why = f" ({said})" if said else ""
            return f"node {node} {what} under {title}{why}; start it again"
        case JobState.COMPLETED if not answered(job):
            return f"{title} ended before it answered"
        case JobState.FAILED if job.cause is not None and job.cause.startswith(_BARE):
            return f"{title} {job.cause}{when}"
    return job.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One tick of a card: `waiting`, `active`, `done`, `skipped` or `failed`, and how long it took so far."""

    name: str
    state: str
    seconds: float | None = None


def steps_of(job: Job, now: float) -> list[Step]:
    """Queued, environment, starting and answering, each with its own time; the first two go side by side."""
    session, attempt = session_of(job), job.attempt
    current = session.launch_id if attempt is None else attempt.launch_id
    of_launch = session if session.launch_id == current else None
    allocated_at = attempt.allocated_at if attempt is not None else None
    listened_at = of_launch.listened_at if of_launch is not None else None
    answered_at = of_launch.answered_at if of_launch is not None else None
    prepared_at = session.prepared_at if job.runtime_env is not None else None
    environment = _step("environment", job.submitted_at, prepared_at or allocated_at, job, now)
    if job.runtime_env is None:
        environment = Step(name="environment", state="skipped")
    return [
        _step("queued", job.submitted_at, allocated_at, job, now),
        environment,
        _step("starting", allocated_at, listened_at, job, now),
        _step("answering", listened_at, answered_at, job, now),
    ]


def _step(name: str, began: float | None, done: float | None, job: Job, now: float) -> Step:
    if began is None:
        return Step(name=name, state="waiting")
    if done is not None:
        return Step(name=name, state="done", seconds=max(0.0, done - began))
    if job.ended_at is not None:
        return Step(name=name, state="failed", seconds=max(0.0, job.ended_at - began))
    return Step(name=name, state="active", seconds=max(0.0, now - began))


def ends_at(job: Job) -> float | None:
    """When its time is over; None before it runs, and without a limit."""
    if job.attempt is None or job.limit_s is None or job.ended:
        return None
    begun = job.started_at if job.started_at is not None else job.attempt.allocated_at
    return begun + job.limit_s + job.attempt.suspended_s


def warned_before_s(whole_s: float) -> float:
    """So long before the end of a time of `whole_s` it is warned of."""
    return min(WARNED_S, whole_s / 2)


def nears_end(job: Job, now: float) -> bool:
    """Whether somebody who works in it should know that its time is nearly over."""
    until = ends_at(job)
    if until is None or job.limit_s is None or job.state is not JobState.RUNNING:
        return False
    return state_of(job) is SessionState.RUNNING and now >= until - warned_before_s(job.limit_s)


def notice_of(job: Job, nodes: Mapping[str, Node]) -> str | None:
    """What its person should know of the node under it while it runs on, one sentence."""
    if job.ended or job.attempt is None:
        return None
    for name in job.attempt.allocation.nodes:
        node = nodes.get(name)
        if node is not None and node.state is NodeState.DRAIN:
            why = f" ({node.reason})" if node.reason else ""
            return f"node {name} is closed for new work{why}; {session_of(job).title} runs on until it ends"
    return None
