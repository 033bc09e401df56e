"""A user's crontab: the body of `POST /v1/slurm/crontab`, and what becomes of it."""

from dataclasses import dataclass, replace

from launchyard.model.cron import Cron
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.schedule import parse_schedule
from launchyard.model.submission import Submission
from launchyard.wire.convert import to_submission
from launchyard.wire.submit import SubmitJob

TEXT_MAX_BYTES = 256 * 1024
LINES_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CrontabLine:
    """The job that comes again and again at the times of `spec`, and the lines of the text it stands on."""

    spec: str
    first_line: int
    last_line: int
    job: SubmitJob


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCrontab:
    """The whole table as its user wrote it, and the jobs of its lines; all of it is taken or none."""

    text: str
    lines: list[CrontabLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrontabJobs:
    """The ids of the jobs, in the order of the lines."""

    jobs: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrontabText:
    """The table; lines whose jobs were cancelled are comments."""

    text: str


def to_lines(body: PutCrontab) -> list[Submission]:
    """The jobs of the table. Raises `LaunchyardError`, which names the lines."""
    _refuse_text(body.text)
    if len(body.lines) > LINES_MAX:
        raise Invalid(f"the crontab has {len(body.lines)} jobs; at most {LINES_MAX} are taken")
    count = body.text.count("\n") + 1
    return [_line(one, count) for one in body.lines]


def at_lines(error: LaunchyardError, cron: Cron | CrontabLine) -> LaunchyardError:
    """The same error with the lines it is about before its sentence: `lines 3-4: ...`."""
    first, last = cron.first_line, cron.last_line
    where = f"line {first}" if first == last else f"lines {first}-{last}"
    return type(error)(f"{where}: {error}", code=error.code)


def _line(one: CrontabLine, count: int) -> Submission:
    if not 1 <= one.first_line <= one.last_line <= count:
        raise Invalid(f"the lines {one.first_line} to {one.last_line} are not among the {count} of the text")
    try:
        schedule = parse_schedule(one.spec)
        submission = to_submission(one.job)
        if submission.indexes is not None or submission.terminal:
            raise Invalid("a line of a crontab is one batch job; an array or a terminal cannot be one")
    except LaunchyardError as error:
        raise at_lines(error, one) from None
    cron = Cron(str(schedule), one.first_line, one.last_line)
    return replace(submission, cron=cron, submission_id=None)


def _refuse_text(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid("the crontab has characters that are not Unicode; write it in UTF-8") from None
    if "\0" in text:
        raise Invalid("the crontab has a NUL character; it cannot be kept")
    if size > TEXT_MAX_BYTES:
        raise Invalid(f"the crontab is {size} bytes long; at most {TEXT_MAX_BYTES} are kept")
