"""When a job of a crontab runs: five fields (minute, hour, day, month, day of the week), or a word (@daily).

Light enough for commands that have to start quickly. When the next time is, `policy.recurring` says.
"""

from collections.abc import Sequence

from launchyard.model.errors import Invalid
from launchyard.model.light import NamedTuple
from launchyard.model.number import is_digits, shown

FIELD_MAX = 400
"""So many characters of one field are read: more than it takes to name each minute."""

WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
    "@elevenses": "0 11 * * *",
    "@noon": "0 12 * * *",
    "@fika": "0 15 * * *",
    "@teatime": "0 16 * * *",
}

LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""The most days of each month."""


class Schedule(NamedTuple):
    """What each field allows, in rising order; empty: anything (`*`). Sunday is 0.

    Where both the day and the day of the week are given, either will do, as cron has it.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def __str__(self) -> str:
        """The five fields, as `parse_schedule` reads them back."""
        return " ".join(_field_text(field) for field in self)


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()
    """The names of the values from the least one on."""


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)


def split_entry(line: str) -> tuple[str, str]:
    """The times and the command of a line. Raises `Invalid`."""
    count = 1 if line.startswith("@") else len(_FIELDS)
    parts = line.split(None, count)
    if len(parts) <= count or not parts[count].strip():
        what = "a time such as @daily" if count == 1 else "five fields of time"
        raise Invalid(f"the line {shown(line)} needs {what} and a command")
    return " ".join(parts[:count]), parts[count].strip()


def parse_schedule(text: str) -> Schedule:
    """Raises `Invalid` for what is no time, and for a date that never comes."""
    fields = text.split()
    if len(fields) == 1 and text.startswith("@"):
        meaning = WORDS.get(text.lower())
        if meaning is None:
            raise Invalid(f"{shown(text)} is not known; there are {', '.join(WORDS)}")
        fields = meaning.split()
    if len(fields) != len(_FIELDS):
        raise Invalid(f"the time {shown(text)} has {len(fields)} fields; write five, such as 0 8 * * mon")
    schedule = Schedule(*(_values(field, one) for field, one in zip(_FIELDS, fields, strict=True)))
    _refuse_never(schedule, text)
    return schedule


def _values(field: _Field, text: str) -> tuple[int, ...]:
    """What a field allows; empty: anything."""
    if len(text) > FIELD_MAX:
        raise Invalid(f"the {field.name} is {len(text)} characters long; at most {FIELD_MAX} are read")
    if text == "*":
        return ()
    found: set[int] = set()
    for part in text.split(","):
        found.update(_range(field, part, text))
    if field.name == "day of the week":
        found = {one % 7 for one in found}
    return tuple(sorted(found))


def _range(field: _Field, part: str, text: str) -> range:
    """`*`, `5`, `mon`, `1-5`, each with a step if it is more than one value: `*/10`, `9-17/2`."""
    written, slash, step = part.partition("/")
    if written == "*":
        least, most = field.least, min(field.most, 6) if field.most == 7 else field.most
    else:
        first, dash, last = written.partition("-")
        least = _value(field, first, text)
        most = _value(field, last, text) if dash else least
        if dash and most == 0 and field.most == 7:
            most = 7
        if most < least:
            raise Invalid(f"the {field.name} {shown(text)} goes from {least} down to {most}; turn it round")
        if slash and not dash:
            most = field.most
    if not slash:
        return range(least, most + 1)
    if not is_digits(step) or not 1 <= int(step) <= field.most:
        raise Invalid(f"the {field.name} {shown(text)} has a bad step value; write 1 to {field.most}")
    return range(least, most + 1, int(step))


def _value(field: _Field, text: str, whole: str) -> int:
    if text.lower() in field.words:
        return field.least + field.words.index(text.lower())
    if not is_digits(text) or not field.least <= int(text) <= field.most:
        names = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
        raise Invalid(
            f"the {field.name} {shown(whole)} is not understood; write {field.least} to {field.most}{names}, "
            "with commas, - and / between"
        )
    return int(text)


def _refuse_never(schedule: Schedule, text: str) -> None:
    """30 February never comes; 29 February does."""
    months = schedule.months or range(1, 13)
    if schedule.days and schedule.days[0] > max(LONGEST[month - 1] for month in months):
        raise Invalid(f"the time {shown(text)} never comes: no such month has {schedule.days[0]} days")


def _field_text(values: Sequence[int]) -> str:
    """`0-3,7`; `*` for anything."""
    spans: list[list[int]] = []
    for one in values:
        if spans and spans[-1][1] + 1 == one:
            spans[-1][1] = one
        else:
            spans.append([one, one])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans) or "*"
