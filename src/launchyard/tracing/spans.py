"""The life of a job as spans: submit, wait, pass, commit, start, run, end. A pure function of its moves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from launchyard.model.job import Job
from launchyard.model.state import ENDED, JobState

GOOD = frozenset({JobState.COMPLETED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Move:
    """A job got into this state `at` a moment, which was durable a moment later."""

    state: JobState
    at: float
    durable_at: float


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds since 1970. `error`: what went wrong in it."""

    name: str
    begin: float
    end: float
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    error: str | None = None


def life_of(job: Job, moves: Sequence[Move]) -> tuple[Span, list[Span]]:
    """The whole, and its parts one after another. Moves before the server began are not known: then parts are
    missing, and the whole is there all the same."""
    submitted, ended = job.submitted_at, job.ended_at if job.ended_at is not None else job.submitted_at
    last = [*_first(job, moves), *_attempts(job, moves)]
    # No sentence: it may name files of the user.
    why = None if job.state in GOOD else job.state.value
    attributes: dict[str, str | int] = {
        "launchyard.job.id": job.id,
        "launchyard.job.kind": job.kind.value,
        "launchyard.job.state": job.state.value,
        "launchyard.partition": job.partition,
        "launchyard.qos": job.qos,
        "launchyard.cluster": job.cluster,
    }
    if job.exit_code is not None:
        attributes["launchyard.job.exit_code"] = job.exit_code
    if job.task is not None:
        attributes |= {"launchyard.array.id": job.task.job_id, "launchyard.array.index": job.task.index}
    end = max([submitted, ended, *(one.end for one in last)])
    return Span("job", submitted, end, attributes, why), last


def _first(job: Job, moves: Sequence[Move]) -> Iterator[Span]:
    if moves and moves[0].state is JobState.PENDING and moves[0].at == job.submitted_at:
        yield _span("submit", job.submitted_at, moves[0].durable_at)


def _attempts(job: Job, moves: Sequence[Move]) -> Iterator[Span]:
    number = 0
    for before, move in pairwise([Move(JobState.PENDING, job.submitted_at, job.submitted_at), *moves]):
        more = {"launchyard.attempt": number}
        if move.state is JobState.STARTING:
            more = {"launchyard.attempt": (number := number + 1)}
            planned = _planned_at(job, move)
            yield _span("wait", before.durable_at, planned)
            yield _span("pass", planned, move.at, more)
            yield _span("commit", move.at, move.durable_at, more)
        elif move.state is JobState.RUNNING and before.state is JobState.STARTING:
            yield _span("start", before.durable_at, move.at, more)
        elif before.state in (JobState.RUNNING, JobState.COMPLETING, JobState.SUSPENDED):
            yield _span("run", before.at, move.at, {**more, "launchyard.until": move.state.value})
        if move.state in ENDED:
            yield _span("end", move.at, move.durable_at)


def _planned_at(job: Job, move: Move) -> float:
    """When the pass began that started it; known of the last attempt."""
    begun = job.attempt.allocated_at if job.attempt is not None else move.at
    return begun if begun <= move.at and move.at - begun < 60 else move.at


def _span(name: str, begin: float, end: float, attributes: Mapping[str, str | int] | None = None) -> Span:
    return Span(name, begin, max(begin, end), attributes or {})
