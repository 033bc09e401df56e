"""Points in time: RFC 3339 in UTC between programs, Slurm's begin forms from people. Seconds since 1970."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, shown

LENGTH_MAX = 64

_TRY = "Write for example 16:00, tomorrow, 2026-12-01T10:00 or now+1hour."
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_CLOCK = {"midnight": time(0), "noon": time(12), "fika": time(15), "teatime": time(16)}


def rfc3339(at: float) -> str:
    """`2026-12-01T10:00:00Z`, with milliseconds when there are some."""
    second, milliseconds = divmod(round(at * 1000), 1000)
    return f"{_to_the_second(second)}.{milliseconds:03}Z" if milliseconds else f"{_to_the_second(second)}Z"


@lru_cache(maxsize=4096)
def _to_the_second(second: int) -> str:
    """Much is told of the same seconds: of a job its submission, start and end, of many jobs the same."""
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()


def parse_rfc3339(text: str) -> float:
    """Seconds since 1970 of a date, a time and an offset (`Z`, `+01:00`). Raises `Invalid`."""
    value = bounded(text, "the time", LENGTH_MAX)
    moment = _iso(value) if len(value) > 10 else None
    if moment is None or moment.tzinfo is None:
        raise Invalid(f"the time {shown(value)} is not RFC 3339. Write for example 2026-12-01T10:00:00Z.")
    return _seconds(moment, value)


def parse_begin(text: str, now: float, zone: tzinfo = UTC) -> float:
    """When a job may begin; `zone` is that of the person who wrote it. Raises `Invalid`.

    `now+1hour` (seconds without a unit), `16:00`, `4:00pm`, `noon`, `today`, `tomorrow`, `2026-12-01`,
    `2026-12-01T10:00[:30]`, or RFC 3339. A time of the day that has passed is tomorrow's.
    """
    value = bounded(text, "the begin time", LENGTH_MAX)
    lower = value.lower()
    if lower.startswith("now"):
        return now + _after_now(lower, value)
    today = _local(now, zone)
    if lower in ("today", "tomorrow"):
        return today.timestamp() if lower == "today" else _at(today.date() + timedelta(days=1), time(0), zone)
    clock = _CLOCK.get(lower) or _clock(lower)
    if clock is not None:
        at = _at(today.date(), clock, zone)
        return at if at > now else _at(today.date() + timedelta(days=1), clock, zone)
    moment = _iso(value)
    if moment is None:
        raise Invalid(f"the begin time {shown(value)} is not understood. {_TRY}")
    return _seconds(moment if moment.tzinfo else moment.replace(tzinfo=zone), value)


def _after_now(lower: str, value: str) -> int:
    if lower == "now":
        return 0
    count = lower[4:].rstrip("abcdefghijklmnopqrstuvwxyz ").strip()
    unit = lower[4:].strip()[len(count) :].strip()
    unit_s = 1 if not unit else _UNITS.get(unit.removesuffix("s"))
    if lower[3] != "+" or len(count) > 9 or not is_digits(count) or unit_s is None:
        units = ", ".join(f"{name}s" for name in _UNITS)
        raise Invalid(
            f"the begin time {shown(value)} is not understood. Write now+30minutes; units: {units}."
        )
    return int(count) * unit_s


def _clock(lower: str) -> time | None:
    """A time of the day: `16:00`, `16:00:30`, `4pm`, `4:30 am`."""
    half = lower[-2:] if lower[-2:] in ("am", "pm") else ""
    parts = lower.removesuffix(half).strip().split(":")
    if not all(is_digits(part) and len(part) <= 2 for part in parts) or not (half or len(parts) > 1):
        return None
    hour, minute, second = [*(int(part) for part in parts), 0, 0][:3]
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    return (
        time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 and len(parts) < 4 else None
    )


def _iso(value: str) -> datetime | None:
    """ISO 8601 with dashes and colons only (`20261201` and week dates are not what people mean)."""
    if len(value) < 10 or value[4] != "-" or value[7] != "-" or not value.isascii():
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _local(now: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(now, zone)


def _at(day: date, clock: time, zone: tzinfo) -> float:
    return datetime.combine(day, clock, zone).timestamp()


def _seconds(moment: datetime, value: str) -> float:
    if not 1970 <= moment.year < 9999:
        raise Invalid(f"the time {shown(value)} is out of range. {_TRY}")
    return moment.timestamp()
