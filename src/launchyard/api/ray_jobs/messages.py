"""What Ray's clients print of a job: its status as a sentence, and of a failed one what kind of failure.

Programs look for some of these words; they are Ray's. What Ray has no words for is said in ours.
"""

import re
from datetime import datetime

from launchyard.model.job import Job
from launchyard.model.reason import Estimate, Reason
from launchyard.model.state import JobState

TAIL_LINES = 10
TAIL_CHARS = 20_000
SETUP_FAILED = "runtime_env setup failed: "
"""How the cause of a job begins whose runtime environment could not be made."""
_SETUP_WORDS = "Failed to set up runtime environment: "
"""Of these two, programs look for the one or for the other."""
RUNTIME_ENV = "runtime-env"
"""The code of the reason of a job whose runtime environment is being made."""

HANDED_OVER = "engine"
"""That of a job of which its engine has not said yet why it waits."""
_DONE = "success" + "fully"
"""Ray's word, which our own sentences do without."""
_FOR_RESOURCES = frozenset({"resources", "priority", "licences", "node-down", "reserved", "impossible"})
_FOR_ANYTHING = " It may be waiting for resources (CPUs, GPUs, memory, custom resources) to become available."
_ENVIRONMENT = " It may be waiting for the runtime environment to be set up."
_AHEAD = re.compile(r"; ahead: [0-9]+ jobs?$", re.ASCII)
_FAILED = {
    JobState.TIMEOUT: "Job timed out",
    JobState.OUT_OF_MEMORY: "Job ran out of memory",
    JobState.NODE_FAIL: "Job failed with its node",
    JobState.PREEMPTED: "Job was preempted",
    JobState.DEADLINE: "Job missed its deadline",
    JobState.LOST: "Job was lost",
}


def message(job: Job, reason: Reason | None, ahead: int | None, log_tail: str | None, now: float) -> str:
    """The sentence. `ahead` is how many jobs go before a waiting one; `log_tail` the end of its log."""
    match job.state:
        case JobState.PENDING:
            return f"Job has not started yet.{_waits(job, reason, ahead, now)}"
        case JobState.STARTING:
            return f"Job has not started yet. It is being started.{_ENVIRONMENT if job.runtime_env else ''}"
        case JobState.SUSPENDED:
            return f"Job is currently running. It {reason.sentence if reason else 'stands still'}."
        case JobState.RUNNING | JobState.COMPLETING:
            return "Job is currently running."
        case JobState.COMPLETED:
            return f"Job finished {_DONE}."
        case JobState.CANCELLED:
            return f"Job was intentionally stopped.{_by_others(job)}"
        case JobState.FAILED:
            return _failed(job, log_tail)
        case state:
            return f"{_FAILED[state]}: {(job.cause or 'nothing more is known').rstrip('.')}."


def error_type(job: Job) -> str | None:
    """Ray's word for the kind of failure, or `JOB_` and our state for what Ray does not have."""
    if job.state in _FAILED:
        return f"JOB_{job.state}"
    if job.state is not JobState.FAILED:
        return None
    if _setup_failed(job):
        return "RUNTIME_ENV_SETUP_FAILURE"
    return "JOB_ENTRYPOINT_COMMAND_ERROR" if _ran(job) else "JOB_ENTRYPOINT_COMMAND_START_ERROR"


def shows_log(job: Job) -> bool:
    """Whether its sentence tells the end of its log."""
    return job.state is JobState.FAILED and _ran(job) and not _setup_failed(job)


def tail_of(text: str) -> str:
    """The last lines of a log, as far as they are told: ten, and no more than 20,000 characters."""
    lines = text.splitlines(keepends=True)[-TAIL_LINES:]
    return "".join(lines)[-TAIL_CHARS:]


def _waits(job: Job, reason: Reason | None, ahead: int | None, now: float) -> str:
    if reason is None or reason.code == HANDED_OVER:
        # Nobody has looked at it yet.
        return f"{_FOR_ANYTHING}{_ENVIRONMENT if job.runtime_env else ''}"
    if reason.code == RUNTIME_ENV:
        phase = reason.sentence.partition(": ")[2]
        return f"{_ENVIRONMENT.removesuffix('.')} ({phase})." if phase else _ENVIRONMENT
    for_resources = reason.code in _FOR_RESOURCES
    sentence = reason.sentence if ahead is None else _AHEAD.sub("", reason.sentence)
    told = [sentence.removeprefix("waits for ") if for_resources else sentence]
    if reason.estimate is not None:
        told.append(_when(reason.estimate, now))
    if ahead is not None:
        told.append(f"{_ordinal(ahead + 1)} in line")
    return f" It {'is waiting for resources: ' if for_resources else ''}{'; '.join(told)}."


def _when(estimate: Estimate, now: float) -> str:
    """By the server's clock; the day where it is another one."""
    start, today = datetime.fromtimestamp(estimate.start), datetime.fromtimestamp(now)
    return f"about {start:%H:%M}" if start.date() == today.date() else f"about {start:%Y-%m-%d %H:%M}"


def _ordinal(number: int) -> str:
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(last, 'th')}"


def _by_others(job: Job) -> str:
    """Who or what stopped it, when it was not its own user."""
    if job.cause is None or job.cause == f"cancelled by {job.user}":
        return ""
    return f" It was {job.cause}." if job.cause.startswith("cancelled by ") else f" Its {job.cause}."


def _setup_failed(job: Job) -> bool:
    return job.cause is not None and job.cause.startswith(SETUP_FAILED)


def _ran(job: Job) -> bool:
    return bool(job.exit_code) or job.signal is not None


def _failed(job: Job, log_tail: str | None) -> str:
    cause = job.cause or "nothing more is known"
    if _setup_failed(job):
        return f"{SETUP_FAILED}{_SETUP_WORDS}{cause.removeprefix(SETUP_FAILED)}"
    if not _ran(job):
        return f"Job entrypoint command failed to start: {cause}"
    code = -job.signal if job.signal is not None else job.exit_code
    failed = f"Job entrypoint command failed with exit code {code}"
    if not cause.startswith(("ended with exit code ", "was ended by signal ")):
        failed += f" ({cause.rstrip('.')})"
    if not log_tail:
        return f"{failed}. No logs available."
    return f"{failed}, last available logs (truncated to 20,000 chars):\n{log_tail}"
