"""How values become rows: JSON of the whole value with a checksum, and the columns that queries use.

The JSON is the truth; the columns beside it only find it. Each record carries a checksum of its bytes, and
what is read is compared with its columns, so that a damaged page shows as damage and never as a wrong job.
What no adapter could keep (a time that is not a number, an id beyond 64 bits) is a `ValueError` here, for
all adapters alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from launchyard.model.account import Spent
from launchyard.model.change import Change, Idempotency, NodeMark
from launchyard.model.crontab import Crontab
from launchyard.model.job import Job
from launchyard.model.reservation import Reservation
from launchyard.model.state import ENDED, JobState
from launchyard.model.step import Step
from launchyard.model.token import Token
from launchyard.model.trigger import Triggers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """All reservations in one record: they are few, and change together."""

    reservations: tuple[Reservation, ...] = ()


INTEGER_MAX = 2**63 - 1
LIVE = tuple(state for state in JobState if state not in ENDED)

_encode = msgspec.json.Encoder().encode
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (Job, Idempotency, Token, NodeMark, Spent, Kept, Step, Crontab, Triggers)
}


class Garbled(Exception):
    """A row that is not what was written; says which."""


Record = Job | Idempotency | Token | NodeMark | Spent | Kept | Step | Crontab | Triggers


def pack(value: Record) -> tuple[bytes, int]:
    """The record and its checksum. Raises `ValueError`."""
    try:
        record = _encode(value)
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return record, crc32(record)


def unpack(kind: type[T], record: bytes, checksum: int, what: str) -> T:
    """The value, exactly as it was packed. Raises `Garbled`."""
    if type(record) is not bytes or crc32(record) != checksum:
        raise Garbled(f"the checksum of {what} is wrong")
    try:
        value: T = _decoders[kind].decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Garbled(f"{what} cannot be read ({error})") from error
    return value


def job_row(job: Job) -> tuple[Any, ...]:
    """The values of `tables.JOB_COLUMNS`, in that order. Raises `ValueError`."""
    _refuse_what_no_store_keeps(job)
    record, checksum = pack(job)
    task = job.task
    return (
        job.id,
        job.state.value,
        job.user,
        job.name,
        job.partition,
        job.submission_id,
        task.job_id if task else None,
        task.index if task else None,
        job.submitted_at,
        job.ended_at,
        job.group,
        card_of(job),
        job.engine_id,
        checksum,
        record,
    )


def card_of(job: Job) -> int | None:
    """1 of a session whose card was not deleted, or whose settings are kept."""
    session = job.session
    return 1 if session is not None and (session.saved_as or not session.deleted) else None


def job_of_row(row: Sequence[Any]) -> Job:
    """The job of a whole row, after its columns were compared with it. Raises `Garbled`."""
    job = unpack(Job, row[-1], row[-2], f"job {row[0]}")
    task = job.task
    if (
        row[0] != job.id
        or row[1] != job.state
        or row[2] != job.user
        or row[3] != job.name
        or row[4] != job.partition
        or row[5] != job.submission_id
        or row[6] != (task.job_id if task else None)
        or row[7] != (task.index if task else None)
        or row[8] != job.submitted_at
        or row[9] != job.ended_at
        or row[10] != job.group
        or row[11] != card_of(job)
        or row[12] != job.engine_id
    ):
        raise Garbled(f"the columns of job {row[0]} do not agree with its record")
    return job


def step_row(step: Step) -> tuple[Any, ...]:
    """The values of `tables.steps`, in that order. Raises `ValueError`."""
    if not all(storable_integer(number) for number in step.key) or not storable_text(step.user):
        raise ValueError(f"step {step.number} of job {step.job_id} cannot be stored")
    figures = [end.cpu_s for end in step.ends] + [end.memory_peak_mib for end in step.ends]
    times = (step.started_at, step.ended_at, step.usage.cpu_s, *(end.at for end in step.ends), *figures)
    if not all(isfinite(time) for time in times if time is not None):
        raise ValueError(f"a time or a figure of step {step.number} of job {step.job_id} is not a number")
    record, checksum = pack(step)
    return (*step.key, step.user, step.ended_at, checksum, record)


def step_of_row(row: Sequence[Any]) -> Step:
    """The step of a whole row, after its columns were compared with it. Raises `Garbled`."""
    what = f"step {row[2]} of job {row[0]}"
    step = unpack(Step, row[-1], row[-2], what)
    if tuple(row[:5]) != (*step.key, step.user, step.ended_at):
        raise Garbled(f"the columns of {what} do not agree with its record")
    return step


def last_steps(changes: Iterable[Change]) -> list[Step]:
    """One row a step, the last one."""
    return list({step.key: step for change in changes for step in change.steps}.values())


def last_rows(changes: Iterable[Change]) -> list[Job]:
    """One row a job, the last one, in the order in which the jobs first appear."""
    return list({job.id: job for change in changes for job in change.jobs}.values())


def counters(seq: int, next_job_id: int, changes: Iterable[Change], jobs: Iterable[Job]) -> tuple[int, int]:
    """The newest change and the next job id after these; neither falls, and no job has the next id."""
    for change in changes:
        seq = max(seq, change.seq)
        next_job_id = max(next_job_id, change.next_job_id or 1)
    return seq, max(next_job_id, 1 + max((job.id for job in jobs), default=0))


def storable_integer(number: int) -> bool:
    """Whether the number could be an id, an index or a counter in a database."""
    return 0 <= number <= INTEGER_MAX


def storable_text(text: str) -> bool:
    """Whether every database could keep the text in a column (PostgreSQL has no NUL, none has surrogates)."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_what_no_store_keeps(job: Job) -> None:
    task, attempt, usage = job.task, job.attempt, job.usage
    numbers = (job.id, task.job_id, task.index) if task else (job.id,)
    if not all(storable_integer(number) for number in numbers):
        raise ValueError(f"a number of job {job.id} is out of range")
    names = (job.user, job.name, job.partition, job.submission_id or "", job.group or "", job.engine_id or "")
    if not all(storable_text(text) for text in names):
        raise ValueError(f"a name of job {job.id} has characters that cannot be stored")
    times = (job.submitted_at, job.begin_at, job.eligible_at, job.started_at, job.ended_at, job.stale_since)
    attempt_times = (attempt.allocated_at, attempt.started_at, attempt.suspended_at) if attempt else ()
    figures = (usage.cpu_s, usage.memory_peak_mib, usage.read_mib, usage.written_mib)
    for number in (*times, job.deadline_at, job.retry_at, *attempt_times, *figures):
        if number is not None and not isfinite(number):
            raise ValueError(f"a time or a figure of job {job.id} is not a number")


def refuse_unstorable(change: Change) -> None:
    """Raises `ValueError` for what no store keeps in the parts of a change other than its jobs."""
    if not storable_integer(change.seq) or not storable_integer(change.next_job_id or 0):
        raise ValueError("a counter is too large to be stored")
    names = [name for key in change.idempotency for name in (key.user, key.key)]
    names += [name for mark in change.nodes for name in (mark.cluster, mark.name)]
    names += [*change.texts, *(token.id for token in change.tokens)]
    names += [name for one in change.spent for name in spent_key(one)]
    names += [one.user for one in change.crontabs]
    if not all(storable_text(name) for name in names):
        raise ValueError("a key has characters that cannot be stored")
    times = [key.at for key in change.idempotency]
    times += [time for token in change.tokens for time in (token.created_at, token.revoked_at or 0.0)]
    if not all(isfinite(time) for time in times):
        raise ValueError("a time of a token or of an idempotency key is not a number")
    figures = [
        figure
        for one in change.spent
        for figure in (one.billed_s, one.cpu_s, one.gpu_s, one.at, one.charged_until)
    ]
    if not all(isfinite(figure) for figure in figures):
        raise ValueError("a figure of what was spent is not a number")
    if not storable_text(change.rules or ""):
        raise ValueError("the rules have characters that cannot be stored")
    if not all(isfinite(time) for one in change.reservations or () for time in (one.start, one.end)):
        raise ValueError("a time of a reservation is not a number")
    beside_jobs: tuple[Record, ...] = (
        *change.idempotency,
        *change.tokens,
        *change.nodes,
        *change.spent,
        *change.crontabs,
        change.triggers or Triggers(),
    )
    for value in beside_jobs:
        pack(value)


def spent_key(one: Spent) -> tuple[str, str, str]:
    """What a row of what was spent is known by."""
    return (one.user, one.account, one.qos)


def same_request(one: Idempotency, other: Idempotency) -> bool:
    """Whether two records of one key are of one request, answered alike."""
    return one.body_digest == other.body_digest and one.job_ids == other.job_ids
