"""Time limits: Slurm's forms (`90`, `1-02:03:04`) and short ones (`2h`, `1h30m`), in seconds."""

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, shown

LENGTH_MAX = 40
WALLTIME_MAX_S = 100 * 366 * 86_400
UNLIMITED = ("UNLIMITED", "INFINITE")

_TRY = "Write minutes (90), HH:MM:SS (01:30:00), D-HH:MM:SS (1-12:00:00), a short form (1h30m) or UNLIMITED."
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SHORT = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def parse_walltime(text: str) -> int | None:
    """Seconds, or None for no limit.

    A bare number is minutes, as in Slurm; `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`, and units
    `d h m s` from the largest to the smallest. Raises `Invalid`.
    """
    value = bounded(text, "the time", LENGTH_MAX)
    if value.upper() in UNLIMITED:
        return None
    seconds = _with_units(value) if value[-1].isalpha() else _with_colons(value)
    if seconds == 0:
        raise Invalid(f"the time {shown(value)} is zero. {_TRY}")
    if seconds > WALLTIME_MAX_S:
        raise Invalid(f"the time {shown(value)} is more than 100 years. Write UNLIMITED for no limit.")
    return seconds


def _with_colons(value: str) -> int:
    days, dash, rest = value.partition("-")
    clock = rest if dash else value
    parts = clock.split(":")
    if len(parts) > 3 or not all(is_digits(part) for part in parts) or (dash and not is_digits(days)):
        bad = next((p for p in [*([days] if dash else []), *parts] if not is_digits(p)), clock)
        raise Invalid(f"the time {shown(value)} has a part that is not understood: {shown(bad)}. {_TRY}")
    numbers = [int(part) for part in parts]
    if dash:
        hours, minutes, seconds = [*numbers, 0, 0][:3]
        return int(days) * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if len(numbers) == 1:
        return numbers[0] * 60
    hours, minutes, seconds = [0, *numbers][-3:]
    return hours * 3_600 + minutes * 60 + seconds


def _with_units(value: str) -> int:
    total, digits, unit_before = 0, "", 86_401
    for character in value.lower():
        if character.isascii() and character.isdigit():
            digits += character
            continue
        if character == " ":
            continue
        unit_s = _UNITS.get(character)
        if unit_s is None or not is_digits(digits) or unit_s >= unit_before:
            raise Invalid(f"the time {shown(value)} is not understood at {shown(digits + character)}. {_TRY}")
        total, digits, unit_before = total + int(digits) * unit_s, "", unit_s
    return total


def format_walltime(seconds: int | None) -> str:
    """The short form that `parse_walltime` reads back: `2h`, `1h56m`, `1d2h`, `45s`, `UNLIMITED`."""
    if seconds is None:
        return UNLIMITED[0]
    parts, left = [], seconds
    for unit, unit_s in _SHORT:
        count, left = divmod(left, unit_s)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def slurm_walltime(seconds: int | None) -> str:
    """As Slurm prints it: `1-02:03:04`, `02:00:00`, `UNLIMITED`."""
    if seconds is None:
        return UNLIMITED[0]
    days, left = divmod(seconds, 86_400)
    clock = f"{left // 3_600:02}:{left // 60 % 60:02}:{left % 60:02}"
    return f"{days}-{clock}" if days else clock


def humane(seconds: float | None) -> str:
    """For a sentence, the two largest units: `45 s`, `20 min`, `1 h 56 min`, `3 d 4 h`, `no limit`."""
    if seconds is None:
        return "no limit"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return _two(whole, 60, "min", 1, "s")
    if whole < 86_400:
        return _two(whole, 3_600, "h", 60, "min")
    return _two(whole, 86_400, "d", 3_600, "h")


def _two(seconds: int, large_s: int, large: str, small_s: int, small: str) -> str:
    count, left = seconds // large_s, seconds % large_s // small_s
    return f"{count} {large} {left} {small}" if left else f"{count} {large}"
