"""How often a job that failed is tried again by itself: `3:1m`, three times, after 1 min, 2 min and 4 min."""

from collections.abc import Iterable
from dataclasses import dataclass

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, shown
from launchyard.model.state import JobState
from launchyard.model.walltime import format_walltime, parse_walltime

COUNT_MAX = 100
BACKOFF_DEFAULT_S = 10
BACKOFF_MAX_S = 3600
"""No pause before the next attempt is longer."""

RETRIED = {
    "failed": JobState.FAILED,
    "timeout": JobState.TIMEOUT,
    "out-of-memory": JobState.OUT_OF_MEMORY,
}
"""The ends that may be tried again, in the words of a submission."""

_TRY = "Write 3, or 3:1m for three more attempts, the first after one minute and each pause twice as long."


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """`count` attempts after the first one, for the ends in `on`; a cancelled job is never tried again."""

    count: int
    backoff_s: int = BACKOFF_DEFAULT_S
    on: tuple[JobState, ...] = (JobState.FAILED,)

    def pause_s(self, used: int) -> int:
        """How long to wait when `used` retries are used up already."""
        return min(BACKOFF_MAX_S, self.backoff_s << min(used, 20))


def parse_retries(text: str) -> tuple[int, int]:
    """The count and the first pause in seconds. Raises `Invalid`."""
    value = bounded(text, "the retries", 40)
    count, colon, backoff = value.partition(":")
    if not is_digits(count) or int(count) > COUNT_MAX:
        raise Invalid(f"the retries {shown(value)} are not understood (at most {COUNT_MAX}). {_TRY}")
    if not colon:
        return int(count), BACKOFF_DEFAULT_S
    if backoff in ("0", "0s"):
        return int(count), 0
    if not backoff or is_digits(backoff):
        raise Invalid(f"the pause in the retries {shown(value)} has no unit. {_TRY}")
    backoff_s = parse_walltime(backoff)
    if backoff_s is None or backoff_s > BACKOFF_MAX_S:
        raise Invalid(f"the pause in the retries {shown(value)} is longer than an hour. {_TRY}")
    return int(count), backoff_s


def format_retries(retries: Retries) -> str:
    """What `parse_retries` reads back: `3:1m`."""
    return f"{retries.count}:{format_walltime(retries.backoff_s)}"


def parse_retried(words: Iterable[str]) -> tuple[JobState, ...]:
    """The ends that are tried again: `failed`, `timeout`, `out-of-memory`. Raises `Invalid`."""
    found: list[JobState] = []
    for word in words:
        state = RETRIED.get(word.strip().lower().replace("_", "-"))
        if state is None:
            raise Invalid(f"{shown(word)} is no end that is tried again; write one of {', '.join(RETRIED)}")
        found.append(state)
    if not found:
        raise Invalid(f"no end is named that is to be tried again; write one of {', '.join(RETRIED)}")
    return tuple(dict.fromkeys(found))
