"""Values of a slurm.conf: numbers, times, sizes, lists. What is not understood is None."""

from collections.abc import Mapping

from launchyard.model.errors import LaunchyardError
from launchyard.model.hostlist import expand
from launchyard.model.memory import format_memory, parse_memory
from launchyard.model.walltime import format_walltime, parse_walltime

UNLIMITED = "UNLIMITED"
COUNT_MAX = 1_000_000_000


def whole(text: str, least: int = 0, most: int = COUNT_MAX) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return None
    return min(int(text), most) if int(text) >= least else None


def number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found <= 1e9 else None


def truth(text: str) -> bool:
    return text.lower() in ("yes", "1", "true", "up")


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def is_all(text: str) -> bool:
    return text.upper() in ("ALL", "")


def is_name(text: str) -> bool:
    return 0 < len(text) <= 64 and all(c.isascii() and (c.isalnum() or c in "._-") for c in text)


def time(text: str) -> str | None:
    """A time limit as our configuration has it; minutes without a unit."""
    if text.upper() in ("INFINITE", "UNLIMITED", "-1"):
        return UNLIMITED
    try:
        return format_walltime(parse_walltime(text))
    except LaunchyardError:
        return None


def seconds(text: str) -> int | None:
    """Of a time that `time` made; UNLIMITED is None."""
    return parse_walltime(text)


def memory(text: str) -> str | None:
    """MiB without a unit."""
    try:
        return format_memory(parse_memory(text if text[-1:].isalpha() else f"{text}M"))
    except LaunchyardError:
        return None


def nodes(text: str) -> list[str] | None:
    try:
        return expand(text)
    except LaunchyardError:
        return None


def tres(text: str) -> Mapping[str, str]:
    """`cpu=100,gres/gpu=4` by name in small letters."""
    pairs = (word.partition("=") for word in words(text))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}
