"""What is told of a job: a notice, and how it reads as a mail, as JSON and in a chat. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any

from launchyard.model.job import Job
from launchyard.model.notify import END, FAIL, LIMIT, START
from launchyard.model.state import ENDED, JobState
from launchyard.model.walltime import humane
from launchyard.model.when import rfc3339

LINES = 5
LINE_MAX = 300
PART = 0.9
"""Of its time limit: so much is used when `limit` is told."""
_WELL = frozenset({JobState.COMPLETED, JobState.CANCELLED})
_NOT_BEGUN = (JobState.PENDING, JobState.STARTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`title` is one line; `cause` why, `lines` the last of its output, `link` where to look."""

    event: str
    at: float
    job_id: int
    name: str
    user: str
    state: str
    title: str
    cause: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    lines: tuple[str, ...] = ()
    link: str | None = None


def news(wanted: Iterable[str], job: Job, previous: JobState | None, state: JobState) -> str | None:
    """The moment that this move is, if the job is to be told of it; of an array, only the whole."""
    if job.task is not None:
        return None
    if state is JobState.RUNNING and previous in _NOT_BEGUN:
        return START if START in wanted else None
    if state not in ENDED:
        return None
    kinds = [] if state in _WELL else [FAIL]
    kinds += [LIMIT] if state is JobState.TIMEOUT else []
    return next((kind for kind in (*kinds, END) if kind in wanted), None)


def part_reached(job: Job, now: float) -> bool:
    """Whether nearly all of its time is used; sessions are warned by their own clock."""
    attempt, limit_s = job.attempt, job.limit_s
    if attempt is None or attempt.started_at is None or not limit_s or job.session is not None:
        return False
    return now - attempt.started_at - attempt.suspended_s >= PART * limit_s


def title_of(event: str, job: Job, state: JobState) -> str:
    """`Job 12 (train) failed after 3 min`."""
    what = "Session" if job.session is not None else "Job"
    whom = f"{what} {job.id} ({_one_line(job.name)})"
    if event == START:
        return f"{whom} started"
    if state not in ENDED:
        return f"{whom} has used {PART:.0%} of its time limit"
    verb = {
        JobState.COMPLETED: "completed",
        JobState.CANCELLED: "was cancelled",
        JobState.TIMEOUT: "reached its time limit",
        JobState.OUT_OF_MEMORY: "ran out of memory",
        JobState.NODE_FAIL: "lost its node",
        JobState.PREEMPTED: "made room for another job",
        JobState.DEADLINE: "missed its deadline",
        JobState.LOST: "was lost",
    }.get(state, "failed")
    begun, ended = job.started_at, job.ended_at
    after = f" after {humane(ended - begun)}" if begun is not None and ended is not None else ""
    return f"{whom} {verb}{after}"


def last_lines(data: bytes) -> tuple[str, ...]:
    """The last lines of an output that say something, each of one printable line."""
    lines = [_one_line(line) for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    return tuple(lines[-LINES:])


def as_text(notice: Notice) -> str:
    """As people read it in a mail."""
    parts = [f"{notice.title}."]
    if notice.cause:
        parts.append(f"Why: {_one_line(notice.cause)}")
    if notice.lines:
        parts.append("\n".join(["Its last lines:", *(f"    {line}" for line in notice.lines)]))
    if notice.link:
        parts.append(notice.link)
    return "\n\n".join(parts) + "\n"


def as_mail(notice: Notice, sender: str, to: str, cluster: str) -> bytes:
    """The whole message."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(addr_spec=sender, display_name="Launchyard") if "@" in sender else sender
    mail["To"] = to
    mail["Subject"] = _one_line(notice.title)
    mail["Auto-Submitted"] = "auto-generated"
    mail["Date"] = formatdate(notice.at)
    mail["X-Launchyard-Event"] = notice.event
    mail.set_content(f"{as_text(notice)}\nCluster: {_one_line(cluster)}\n")
    return mail.as_bytes()


def as_json(notice: Notice) -> bytes:
    """What a signed webhook gets."""
    facts: dict[str, Any] = asdict(notice)
    return json.dumps({**facts, "at": rfc3339(notice.at), "version": 1}).encode()


def as_chat(notice: Notice) -> bytes:
    """What Slack and what speaks like it get: text in its own marks, none of which a user's text can set."""
    lines = [f"*{_plain(notice.title)}*"]
    if notice.cause:
        lines.append(_plain(notice.cause))
    if notice.lines:
        lines.append(
            "```\n" + "\n".join(_plain(line).replace("```", "'''") for line in notice.lines) + "\n```"
        )
    if notice.link:
        lines.append(f"<{notice.link}>")
    return json.dumps({"text": "\n".join(lines)}).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Over the time and the body, so that neither an old nor another message passes for this one."""
    made = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256)
    return f"sha256={made.hexdigest()}"


def _plain(text: str) -> str:
    """`&`, `<` and `>` are what its marks are made of; `@channel` is one of them."""
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _one_line(text: str) -> str:
    shown = "".join(one if one.isprintable() else " " for one in text)
    return shown if len(shown) <= LINE_MAX else shown[: LINE_MAX - 1] + "…"
