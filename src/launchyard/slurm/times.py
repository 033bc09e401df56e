"""Times as Slurm's commands print them. The clock and the time zone are the caller's, handed in."""

from collections.abc import Callable

from launchyard.model.light import Any

Stamp = Callable[[float | None], str]


def clock(seconds: float) -> str:
    """A duration in a column: `1:43`, `1:00:00`, `2-03:00:00`; what cannot be is `INVALID`."""
    whole = int(seconds)
    if whole < 0:
        return "INVALID"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{second:02}"
    hours, minute = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}:{minute:02}:{second:02}"
    return f"{hours // 24}-{hours % 24:02}:{minute:02}:{second:02}"


def full_clock(seconds: float) -> str:
    """A duration in a record: `00:01:43`, `2-03:00:00`."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    if hours < 24:
        return f"{hours:02}:{minute:02}:{second:02}"
    return f"{hours // 24}-{hours % 24:02}:{minute:02}:{second:02}"


def limit(seconds: float | None) -> str:
    """A time limit in a column."""
    return "UNLIMITED" if seconds is None else clock(seconds)


def stamps(
    style: str | None,
    now: float,
    local: Callable[[float], Any],
    format: Callable[[str, Any], str],
    unknown: str = "N/A",
) -> Stamp:
    """How points in time are written: `style` is SLURM_TIME_FORMAT (`standard`, `relative` or as strftime).

    `local` and `format` are `time.localtime` and `time.strftime`. A second that was written once is
    remembered: many jobs were submitted at one time.
    """
    known: dict[int | None, str] = {None: unknown}
    today = local(now) if style == "relative" else None

    def stamp(at: float | None) -> str:
        second = None if at is None else int(at)
        text = known.get(second)
        if text is None and second is not None:
            when = local(second)
            if not style or style == "standard":
                year, month, day, hour, minute, rest = when[:6]
                text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{rest:02}"
            else:
                text = format(style if today is None else _relative(when, today), when)
            known[second] = text
        return text or ""

    return stamp


def _relative(when: Any, today: Any) -> str:
    """The shortest that says which day it is."""
    days = 1000 * (when.tm_year - today.tm_year) + when.tm_yday - today.tm_yday
    if days == 0:
        return "%H:%M:%S"
    if days == -1:
        return "Ystday %H:%M"
    if days == 1:
        return "Tomorr %H:%M"
    if 1 < days <= 6:
        return "%a %H:%M"
    return "%-d %b %H:%M" if abs(days) <= 365 else "%-d %b %Y"
