"""Whether what a job waits for has happened, may still happen, or can never happen."""

from collections.abc import Callable
from enum import StrEnum

from launchyard.model.dependency import Clause, Dependency, DependencyKind
from launchyard.model.state import ENDED, JobState

StateOf = Callable[[int, int | None], JobState | None]
"""The state of a job, or of one task of an array; None when nothing is known of it any more."""


class Verdict(StrEnum):
    SATISFIED = "satisfied"
    WAITING = "waiting"
    IMPOSSIBLE = "impossible"


def verdict(dependency: Dependency, state_of: StateOf) -> Verdict:
    """All clauses, or any of them. An array as a whole has completed when all its tasks have."""
    verdicts = [_clause(clause, state_of(clause.job_id, clause.index)) for clause in dependency.clauses]
    decisive, other = (
        (Verdict.SATISFIED, Verdict.IMPOSSIBLE)
        if dependency.any_of
        else (Verdict.IMPOSSIBLE, Verdict.SATISFIED)
    )
    if decisive in verdicts:
        return decisive
    return other if all(one is other for one in verdicts) else Verdict.WAITING


def _clause(clause: Clause, state: JobState | None) -> Verdict:
    if state is None:
        return Verdict.IMPOSSIBLE
    if clause.kind is DependencyKind.AFTER:
        waits = state in (JobState.PENDING, JobState.STARTING)
        return Verdict.WAITING if waits else Verdict.SATISFIED
    if state not in ENDED:
        return Verdict.WAITING
    if clause.kind is DependencyKind.AFTERANY:
        return Verdict.SATISFIED
    completed = state is JobState.COMPLETED
    return Verdict.SATISFIED if completed is (clause.kind is DependencyKind.AFTEROK) else Verdict.IMPOSSIBLE
