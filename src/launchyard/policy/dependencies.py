"""Whether what a job waits for has happened, may still happen, or can never happen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from launchyard.model.dependency import Clause, Dependency, DependencyKind, format_clause, format_dependency
from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.model.state import ENDED, JobState


class Verdict(StrEnum):
    SATISFIED = "satisfied"
    WAITING = "waiting"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a job that others wait for. `began_at`: when it started, or ended without a start."""

    state: JobState
    began_at: float | None = None
    array: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a verdict is made from. `seen`: a job, or one task of an array; None when nothing is known of it.

    `alone`: no other job of its name and user goes before it.
    """

    seen: Callable[[int, int | None], Seen | None]
    now: float
    alone: bool = True


def seen_of(job: Job) -> Seen:
    """The job as those see it who wait for it."""
    began_at = job.started_at if job.started_at is not None else job.ended_at
    return Seen(job.state, began_at, job.array is not None)


def verdict(
    dependency: Dependency, view: View, *, met: bool = False, index: int | None = None, array: bool = False
) -> Verdict:
    """All clauses, or any of them. An array as a whole has completed when all its tasks have.

    `met`: what names other jobs has been satisfied once, which is for good. `index`: of the one task of an
    array that is asked about; `array`: it is asked about a whole array, whose tasks may differ.
    """
    verdicts = [
        Verdict.SATISFIED if met and clause.job_id else _clause(clause, view, index, array)
        for clause in dependency.clauses
    ]
    decisive, other = (
        (Verdict.SATISFIED, Verdict.IMPOSSIBLE)
        if dependency.any_of
        else (Verdict.IMPOSSIBLE, Verdict.SATISFIED)
    )
    if decisive in verdicts:
        return decisive
    return other if all(one is other for one in verdicts) else Verdict.WAITING


def met_for_good(
    dependency: Dependency, view: View, *, index: int | None = None, array: bool = False
) -> bool:
    """Whether what names other jobs is satisfied; a singleton is asked again at every turn."""
    jobs = dependency.jobs
    return bool(jobs) and (
        verdict(replace(dependency, clauses=jobs), view, index=index, array=array) is Verdict.SATISFIED
    )


def by_task(dependency: Dependency) -> bool:
    """Whether the tasks of an array that waits may go on one by one."""
    return any(clause.kind is DependencyKind.AFTERCORR for clause in dependency.clauses)


def reason(job: Job, view: View) -> Reason | None:
    """What a blocked job waits for, or that it waits in vain; None when it depends on nothing."""
    if job.dependency is None:
        return None
    index = job.task.index if job.task is not None else None
    array = job.array is not None
    if verdict(job.dependency, view, met=job.dependency_met, index=index, array=array) is Verdict.IMPOSSIBLE:
        return Reason(code="dependency", sentence=never(job.dependency, view), scope="never")
    text = format_dependency(job.dependency)
    ids = [str(one) for one in sorted({clause.job_id for clause in job.dependency.jobs})]
    if not ids or job.dependency_met:
        sentence = f"waits until no other job named {job.name} of {job.user} goes before it ({text})"
    elif len(ids) == 1:
        sentence = f"waits for job {ids[0]} ({text})"
    else:
        sentence = f"waits for jobs {', '.join(ids[:-1])} and {ids[-1]} ({text})"
    return Reason(code="dependency", sentence=sentence)


def never(dependency: Dependency, view: View) -> str:
    """The sentence for what can never be satisfied, with the job that decided it."""
    sentence = f"dependency {format_dependency(dependency)} can never be satisfied"
    for clause in dependency.jobs:
        if _clause(clause, view, None, False) is Verdict.IMPOSSIBLE:
            found = view.seen(clause.job_id, clause.index)
            end = "is not known any more" if found is None else f"is {found.state}"
            name = format_clause(clause).partition(":")[2]
            return f"{sentence}: job {name} {end}"
    return sentence


def _clause(clause: Clause, view: View, index: int | None, array: bool) -> Verdict:
    if clause.kind is DependencyKind.SINGLETON:
        return Verdict.SATISFIED if view.alone else Verdict.WAITING
    if clause.kind is DependencyKind.AFTERCORR:
        return _corresponding(clause, view, index, array)
    found = view.seen(clause.job_id, clause.index)
    if found is None:
        return Verdict.IMPOSSIBLE
    if clause.kind is DependencyKind.AFTER:
        return _begun(clause, found, view.now)
    return _ended(clause.kind, found.state)


def _corresponding(clause: Clause, view: View, index: int | None, array: bool) -> Verdict:
    """The task of the same index; without one, or for a job that is no array, the other job as a whole."""
    whole = view.seen(clause.job_id, None)
    if whole is None:
        return Verdict.IMPOSSIBLE
    task = view.seen(clause.job_id, index) if whole.array and index is not None else None
    if task is not None:
        return _ended(DependencyKind.AFTEROK, task.state)
    found = _ended(DependencyKind.AFTEROK, whole.state)
    # Some of its tasks failed: which ones, each task asks for itself.
    return Verdict.WAITING if found is Verdict.IMPOSSIBLE and whole.array and array else found


def _begun(clause: Clause, found: Seen, now: float) -> Verdict:
    if found.state in (JobState.PENDING, JobState.STARTING):
        return Verdict.WAITING
    began_at = found.began_at if found.began_at is not None else now
    return Verdict.SATISFIED if began_at + clause.delay_min * 60 <= now else Verdict.WAITING


def _ended(kind: DependencyKind, state: JobState) -> Verdict:
    if state not in ENDED:
        return Verdict.WAITING
    if kind is DependencyKind.AFTERANY:
        return Verdict.SATISFIED
    completed = state is JobState.COMPLETED
    wanted = kind is not DependencyKind.AFTERNOTOK
    return Verdict.SATISFIED if completed is wanted else Verdict.IMPOSSIBLE
