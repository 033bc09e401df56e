"""Points in time as sacct and sreport read them for a start and an end (-S, -E), in the caller's zone."""

from datetime import datetime, timedelta

LENGTH_MAX = 64

_UNITS = ("seconds", "minutes", "hours", "days", "weeks")
_CLOCK = {"midnight": 0, "noon": 12, "fika": 15, "teatime": 16}


class BadMoment(ValueError):
    """`position` is where reading it ended."""

    def __init__(self, text: str, position: int = 0) -> None:
        super().__init__(text)
        self.position = position


def parse_moment(text: str, now: float) -> float:
    """Seconds since 1970 of `HH:MM[:SS][AM|PM]`, `MMDD[YY]`, `MM/DD[/YY]`, `MM.DD[.YY]`, `YYYY-MM-DD`, each
    with `-HH:MM[:SS]` or `THH:MM[:SS]` after it; `today`, `tomorrow`, `noon`, `now-2days`, `uts1700000000`.

    Raises `BadMoment`.
    """
    word = text.strip().lower()
    if not word or len(word) > LENGTH_MAX or not word.isascii():
        raise BadMoment(text)
    if word.startswith("now"):
        return now + _after(word[3:], text)
    if word.startswith("uts") and word[3:].isdigit():
        return float(word[3:])
    today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if word in ("today", "tomorrow"):
        return (today + timedelta(days=word == "tomorrow")).timestamp()
    if word in _CLOCK:
        return today.replace(hour=_CLOCK[word]).timestamp()
    if ":" in word and not any(mark in word for mark in "-/.t"):
        return _on(today, word, text).timestamp()
    return _dated(word, today, text).timestamp()


def _after(rest: str, text: str) -> int:
    """`+1hour`, `-30minutes`, `+90`."""
    if not rest:
        return 0
    sign = {"+": 1, "-": -1}.get(rest[0])
    digits = rest[1:].rstrip("abcdefghijklmnopqrstuvwxyz ").strip()
    unit = rest[1:].strip()[len(digits) :].strip() or "seconds"
    name = next((one for one in _UNITS if one.startswith(unit)), None)
    if sign is None or name is None or not digits.isdigit() or len(digits) > 9:
        raise BadMoment(text)
    return sign * int(digits) * int(timedelta(**{name: 1}).total_seconds())


def _on(day: datetime, clock: str, text: str) -> datetime:
    """That day at `16:00`, `16:00:30`, `4:00pm`."""
    half = clock[-2:] if clock[-2:] in ("am", "pm") else ""
    parts = clock.removesuffix(half).strip().split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isdigit() and len(part) <= 2 for part in parts):
        raise BadMoment(text)
    hour, minute, second = [*map(int, parts), 0][:3]
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return day.replace(hour=hour, minute=minute, second=second)
    except ValueError:
        raise BadMoment(text) from None


def _dated(word: str, today: datetime, text: str) -> datetime:
    """A date, and a time of the day after `T` or `-`."""
    if len(word) >= 10 and word[4] == "-" and word[7] == "-":
        year, month, day, clock = word[:4], word[5:7], word[8:10], word[10:]
    elif word[2:3] in ("/", "."):
        date, dash, rest = word.partition("-")
        month, day, *years = date.split(date[2])
        year, clock = years[0] if years else "", dash + rest
    else:
        date, dash, rest = word.partition("-")
        month, day, year, clock = date[:2], date[2:4], date[4:], dash + rest
    parts = (year or str(today.year), month, day)
    if not all(part.isdigit() for part in parts) or len(parts[0]) not in (2, 4):
        raise BadMoment(text)
    try:
        found = datetime(int(parts[0]) + (2000 if len(parts[0]) == 2 else 0), int(month), int(day))
    except ValueError:
        raise BadMoment(text) from None
    if not clock:
        return found
    if clock[0] not in "t-":
        raise BadMoment(text)
    return _on(found, clock[1:], text)
