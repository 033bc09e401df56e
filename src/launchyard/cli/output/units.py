"""Times and amounts as tables show them; sentences use `model.walltime.humane` and `humane_memory`."""

import time
from datetime import datetime

from launchyard.model.memory import humane_memory
from launchyard.model.when import parse_rfc3339

_STEPS = (("d", 86_400, "h", 3_600), ("h", 3_600, "m", 60))


def short_time(seconds: float | None) -> str:
    """`42s`, `4m`, `1h56m`, `2d3h`; `-` for what is not known."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    for large, large_s, small, small_s in _STEPS:
        if whole >= large_s:
            count, left = whole // large_s, whole % large_s // small_s
            return f"{count}{large}{left}{small}" if left else f"{count}{large}"
    return f"{whole // 60}m" if whole >= 60 else f"{whole}s"


def short_memory(mib: float | None) -> str:
    """`16G`, `512M`, `1.5G`."""
    return "-" if mib is None else humane_memory(mib).replace(" ", "").replace("iB", "")


def number(value: float) -> str:
    """A count without a needless fraction: `4`, `0.5`."""
    return f"{value:g}"


def plural(count: float, noun: str) -> str:
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def at(moment: str | float | None) -> float | None:
    """Seconds since 1970 of RFC 3339 text (or of seconds)."""
    return parse_rfc3339(moment) if isinstance(moment, str) else moment


def clock(seconds: float, now: float | None = None) -> str:
    """A moment by this machine's clock: `14:20`, `Tue 14:20` within a week, else `2026-12-01 14:20`."""
    then = datetime.fromtimestamp(seconds)
    today = datetime.fromtimestamp(time.time() if now is None else now)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    near = abs((then.date() - today.date()).days) < 7
    return then.strftime("%a %H:%M" if near else "%Y-%m-%d %H:%M")


def full_clock(moment: str | float | None) -> str:
    seconds = at(moment)
    return "-" if seconds is None else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")
