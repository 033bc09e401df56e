"""The states of a job and the moves between them: a table, from which diagram, docs and checks are made.

An absent pair is `IllegalTransition`. Ended states have no row: nothing leaves them.
"""

from enum import StrEnum

from launchyard.model.errors import IllegalTransition


class JobState(StrEnum):
    """Where a job is. `COMPLETING`: the main process ended, the rest of it is still being killed."""

    PENDING = "PENDING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NODE_FAIL = "NODE_FAIL"
    PREEMPTED = "PREEMPTED"
    DEADLINE = "DEADLINE"
    LOST = "LOST"


class JobMove(StrEnum):
    """What can happen to a job, in the past tense; the columns of `TRANSITIONS`."""

    ALLOCATED = "allocated"
    STARTED = "started"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    MAIN_ENDED = "main ended"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    RAN_OUT_OF_MEMORY = "ran out of memory"
    NODE_LOST = "node lost"
    PREEMPTED = "preempted"
    MISSED_DEADLINE = "missed its deadline"
    VANISHED = "vanished"
    REQUEUED = "requeued"


S, M = JobState, JobMove

_ENDINGS = {
    M.SUCCEEDED: S.COMPLETED,
    M.FAILED: S.FAILED,
    M.CANCELLED: S.CANCELLED,
    M.TIMED_OUT: S.TIMEOUT,
    M.RAN_OUT_OF_MEMORY: S.OUT_OF_MEMORY,
    M.NODE_LOST: S.NODE_FAIL,
    M.PREEMPTED: S.PREEMPTED,
    M.MISSED_DEADLINE: S.DEADLINE,
    M.VANISHED: S.LOST,
}

TRANSITIONS: dict[JobState, dict[JobMove, JobState]] = {
    S.PENDING: {
        M.ALLOCATED: S.STARTING,
        M.CANCELLED: S.CANCELLED,
        M.MISSED_DEADLINE: S.DEADLINE,
        M.FAILED: S.FAILED,
        # It was handed to an engine that does not know it any more.
        M.VANISHED: S.LOST,
        # An array record: its tasks run and end under ids of their own, the record follows them.
        M.STARTED: S.RUNNING,
    },
    S.STARTING: {**_ENDINGS, M.STARTED: S.RUNNING, M.MAIN_ENDED: S.COMPLETING, M.REQUEUED: S.PENDING},
    S.RUNNING: {
        **_ENDINGS,
        M.MAIN_ENDED: S.COMPLETING,
        M.SUSPENDED: S.SUSPENDED,
        M.REQUEUED: S.PENDING,
    },
    S.SUSPENDED: {**_ENDINGS, M.RESUMED: S.RUNNING, M.MAIN_ENDED: S.COMPLETING, M.REQUEUED: S.PENDING},
    S.COMPLETING: {**_ENDINGS, M.REQUEUED: S.PENDING},
}

ENDED = frozenset(S) - frozenset(TRANSITIONS)
"""States that a job never leaves."""

ALLOCATED = frozenset({S.STARTING, S.RUNNING, S.SUSPENDED, S.COMPLETING})
"""States in which a job holds CPUs, memory and GPUs."""


def after(state: JobState, move: JobMove) -> JobState:
    """The state that follows; raises `IllegalTransition` where the table has no such pair."""
    try:
        return TRANSITIONS[state][move]
    except KeyError:
        raise IllegalTransition(f"a {state} job cannot be {move}") from None
