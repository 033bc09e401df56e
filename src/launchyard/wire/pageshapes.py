"""The shapes of answers that are made for pages: pictures of usage, logs with a margin, grids, long lists."""

from typing import Any, Literal

from launchyard.model.state import JobState
from launchyard.wire.shape import shape


@shape
class Rates:
    """By column, one value a moment: seconds since the start, and what was used in the time up to then.

    `cpus` are processors, memory is in MiB, what was read and written in MiB a second; `gpus` are how many of
    its GPUs were at work at that moment, in parts of one. Null where it was not measured.
    """

    at_s: list[float]
    cpus: list[float | None]
    memory_mib: list[float | None]
    read_mib_s: list[float | None]
    written_mib_s: list[float | None]
    gpus: list[float | None]
    gpu_memory_mib: list[float | None]


@shape
class UsageSeries:
    """What one attempt of a job used as time went by; `asked` what it held. `running`: there is more to come.

    With `follow` this is the first line of many, each a JSON text; the further ones are `{"more": Rates}`.
    """

    attempt: int
    started_at: str | None
    running: bool
    asked: dict[str, float]
    every_s: float
    rates: Rates


@shape
class LogMatches:
    """Lines of a log that contain a text, as [number, offset of the line, text]; numbers count from 1.

    `next` is the offset to go on from, with `line` as the number of the line there; null: this was all.
    """

    matches: list[tuple[int, int, str]]
    next: int | None
    line: int
    size: int


@shape
class LogMarks:
    """What the margin of a log shows.

    `places` say where some lines begin, as [number, offset]; `errors` are the last lines that tell of errors,
    as [number, offset, text], of `error_count` in all. Not `complete`: the end was not looked at.
    """

    lines: int
    places: list[tuple[int, int]]
    errors: list[tuple[int, int, str]]
    error_count: int
    size: int
    complete: bool


@shape
class TimePart:
    """`later`: it was not to begin yet. `until` is null while it goes on; `state`: how an attempt ended."""

    name: Literal["later", "waited", "environment", "starting", "ran"]
    since: str | None
    until: str | None
    attempt: int | None
    state: JobState | None


@shape
class Timeline:
    """What became of a job so far."""

    parts: list[TimePart]
    now: str


@shape
class NotCompleted:
    """A task of an array that did not complete."""

    id: int
    index: int
    state: JobState
    exit_code: int | None
    signal: int | None
    cause: str | None
    started_at: str | None
    ended_at: str | None


@shape
class TaskGrid:
    """All tasks of an array: `indexes` as ranges, and of each of them in that order a letter of `letters`.

    `states` is empty where there are too many to draw. `not_completed` are the last ones that ended badly.
    """

    job_id: int
    size: int
    indexes: str
    states: str
    letters: dict[str, JobState]
    counts: dict[str, int]
    not_completed: list[NotCompleted]


@shape
class JobColumns:
    """Many jobs by column, newest first; times are seconds since 1970. Tasks are not among them unless asked.

    A column is a list of values, or `{"of": values, "at": positions in them}` where few values come often.
    `next` is the `cursor` of the next page, null on the last; `now` when this was true.
    """

    count: int
    now: float
    next: str | None
    columns: dict[str, Any]
