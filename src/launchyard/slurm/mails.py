"""Which mails a job wants (--mail-type, --mail-user), what happened that is worth one, and their subjects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from launchyard.model.job import Job
from launchyard.model.state import ENDED, JobState
from launchyard.slurm import kept

BEGIN, END, FAIL, REQUEUE, INVALID_DEPEND = "BEGIN", "END", "FAIL", "REQUEUE", "INVALID_DEPEND"
TIME_LIMIT, ARRAY_TASKS = "TIME_LIMIT", "ARRAY_TASKS"
PARTS_OF_TIME = {"TIME_LIMIT_90": 0.9, "TIME_LIMIT_80": 0.8, "TIME_LIMIT_50": 0.5}

_ALL = (BEGIN, END, FAIL, INVALID_DEPEND, REQUEUE, "STAGE_OUT")
_AT_WORK = (JobState.STARTING, JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETING)
_WORDS = {
    BEGIN: "Began",
    END: "Ended",
    FAIL: "Failed",
    REQUEUE: "Requeued",
    INVALID_DEPEND: "Invalid dependency",
    TIME_LIMIT: "Reached time limit",
    **{name: f"Reached {round(part * 100)}% of time limit" for name, part in PARTS_OF_TIME.items()},
}
_LINE_MAX = 200


def wanted(metadata: Mapping[str, str]) -> frozenset[str]:
    """The kinds of mail that a job asks for."""
    text = metadata.get(kept.MAIL_TYPE, "")
    words = {word.strip().upper() for word in text.split(",")} if text else set[str]()
    if "NONE" in words:
        return frozenset()
    return frozenset(words | set(_ALL) if "ALL" in words else words)


def news(job: Job, previous: JobState | None, state: JobState) -> list[str]:
    """The mails for this move that the job asked for; an array's tasks only where they were asked for."""
    kinds = wanted(job.metadata)
    if job.task is not None and ARRAY_TASKS not in kinds:
        return []
    if job.array is not None and ARRAY_TASKS in kinds:
        return []
    return [kind for kind in _news(kinds, previous, state) if kind in kinds]


def as_ended(job: Job, previous: JobState | None, state: JobState) -> Job | None:
    """A job of a crontab that waits for its next time, as it has just ended; None: this is no such move."""
    past = job.past[-1] if job.past and state is JobState.PENDING and previous in _AT_WORK else None
    if job.cron is None or past is None or past.state is JobState.CANCELLED:
        return None
    return replace(
        job,
        state=past.state,
        started_at=past.started_at,
        ended_at=past.ended_at,
        exit_code=past.exit_code,
        signal=past.signal,
    )


def _news(kinds: frozenset[str], previous: JobState | None, state: JobState) -> Iterable[str]:
    if state is JobState.RUNNING and previous in (JobState.PENDING, JobState.STARTING):
        yield BEGIN
    if state is JobState.PENDING and previous in _AT_WORK:
        yield REQUEUE
    if state not in ENDED:
        return
    if state is JobState.TIMEOUT:
        yield TIME_LIMIT
    # One mail an end: of a failure that is the failure's, where it was asked for.
    well = state in (JobState.COMPLETED, JobState.CANCELLED)
    yield END if well or FAIL not in kinds else FAIL


def parts_reached(job: Job, now: float) -> list[str]:
    """Of the parts of its time limit that the job asked about, those that are over."""
    attempt, limit_s = job.attempt, job.limit_s
    if attempt is None or attempt.started_at is None or not limit_s:
        return []
    used_s = now - attempt.started_at - attempt.suspended_s
    asked = wanted(job.metadata)
    return [name for name, part in PARTS_OF_TIME.items() if name in asked and used_s >= part * limit_s]


def subject(kind: str, job: Job, now: float) -> str:
    """`Slurm Job_id=12 Name=x Ended, Run time 00:00:01, COMPLETED, ExitCode 0`."""
    return _clean(
        f"Slurm {_which(job)} Name={job.name} {_WORDS[kind]}{_time(kind, job, now)}{_end(kind, job)}"
    )


def _which(job: Job) -> str:
    if job.array is not None:
        return f"Array Summary Job_id={job.id}_* ({job.id})"
    if job.task is not None:
        return f"Array Task Job_id={job.task.job_id}_{job.task.index} ({job.id})"
    return f"Job_id={job.id}"


def _time(kind: str, job: Job, now: float) -> str:
    if job.array is not None:
        return ""
    begun = job.attempt.started_at if job.attempt is not None else job.started_at
    if kind == BEGIN:
        return f", Queued time {_clock((begun or now) - (job.eligible_at or job.submitted_at))}"
    if kind in (INVALID_DEPEND, REQUEUE) or begun is None:
        return ""
    return f", Run time {_clock((job.ended_at or now) - begun)}"


def _end(kind: str, job: Job) -> str:
    if kind not in (END, FAIL, TIME_LIMIT):
        return ""
    if job.array is not None:
        return f", {'COMPLETED' if set(job.array.counts) <= {JobState.COMPLETED} else 'Mixed'}"
    if job.signal is not None:
        return f", {job.state.value}, TermSig {job.signal}"
    return f", {job.state.value}" + ("" if job.exit_code is None else f", ExitCode {job.exit_code}")


def _clock(seconds: float) -> str:
    days, rest = divmod(max(0, int(seconds)), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{clock}" if days else clock


Last = tuple[str | None, Sequence[str], str | None]
"""Why it ended so, its last lines, and where to look."""


def message(kind: str, job: Job, now: float, cluster: str, last: Last = (None, (), None)) -> bytes:
    """The whole mail as `sendmail -t` reads it; it goes to its user where nobody else was named."""
    to = _clean(job.metadata.get(kept.MAIL_USER) or job.user)
    text = f"To: {to}\nSubject: {subject(kind, job, now)}\nAuto-Submitted: auto-generated\n"
    text += (
        f"Content-Type: text/plain; charset=utf-8\n\nCluster: {_clean(cluster)}\nUser: {_clean(job.user)}\n"
    )
    text += f"Directory: {_clean(job.working_dir)}\n"
    cause, lines, link = last
    text += f"Reason: {_clean(cause)}\n" if cause else ""
    text += "".join(["\nIts last lines:\n", *(f"    {_clean(line)}\n" for line in lines)]) if lines else ""
    text += f"\n{link}\n" if link else ""
    return text.encode("utf-8", "replace")


def _clean(text: str) -> str:
    """One line of a header: nothing in a name can begin another one."""
    return "".join(character if character.isprintable() else "?" for character in text)[:_LINE_MAX]
