"""Slurm's words for the states of jobs, from ours and back."""

from collections.abc import Iterable

from launchyard.model.light import NamedTuple


class Word(NamedTuple):
    """`base` and `flag` as JSON has them; the flag, where there is one, is what a column shows."""

    base: str
    flag: str
    compact: str

    @property
    def long(self) -> str:
        return self.flag or self.base

    @property
    def list(self) -> list[str]:
        return [self.base, self.flag] if self.flag else [self.base]


WORDS = {
    "PENDING": Word("PENDING", "", "PD"),
    "STARTING": Word("RUNNING", "CONFIGURING", "CF"),
    "RUNNING": Word("RUNNING", "", "R"),
    "SUSPENDED": Word("SUSPENDED", "", "S"),
    "COMPLETING": Word("COMPLETED", "COMPLETING", "CG"),
    "COMPLETED": Word("COMPLETED", "", "CD"),
    "FAILED": Word("FAILED", "", "F"),
    "CANCELLED": Word("CANCELLED", "", "CA"),
    "TIMEOUT": Word("TIMEOUT", "", "TO"),
    "OUT_OF_MEMORY": Word("OUT_OF_MEMORY", "", "OOM"),
    "NODE_FAIL": Word("NODE_FAIL", "", "NF"),
    "PREEMPTED": Word("PREEMPTED", "", "PR"),
    "DEADLINE": Word("DEADLINE", "", "DL"),
    # Nobody saw how it ended: to a program that knows Slurm, its node failed.
    "LOST": Word("NODE_FAIL", "", "NF"),
}
"""By our state."""

LONG = {state: word.long for state, word in WORDS.items()}
COMPACT = {state: word.compact for state, word in WORDS.items()}

LIVE = ("PENDING", "STARTING", "RUNNING", "SUSPENDED", "COMPLETING")
"""Shown when no state is asked for."""
ENDED = tuple(state for state in WORDS if state not in LIVE)

CODES = {
    **{"PENDING": "PD", "RUNNING": "R", "SUSPENDED": "S", "COMPLETED": "CD", "CANCELLED": "CA"},
    **{"FAILED": "F", "TIMEOUT": "TO", "NODE_FAIL": "NF", "PREEMPTED": "PR", "BOOT_FAIL": "BF"},
    **{"DEADLINE": "DL", "OUT_OF_MEMORY": "OOM", "COMPLETING": "CG", "CONFIGURING": "CF", "RESIZING": "RS"},
    **{"RESV_DEL_HOLD": "RD", "REQUEUED": "RQ", "REQUEUE_FED": "RF", "REQUEUE_HOLD": "RH", "REVOKED": "RV"},
    **{"SIGNALING": "SI", "SPECIAL_EXIT": "SE", "STAGE_OUT": "SO", "STOPPED": "ST"},
}
"""All words and codes that may be asked for; some of them never come about here."""

_BY_CODE = {code: word for word, code in CODES.items()}


class Unknown(ValueError):
    """A word that is no state; `args[0]` is the word."""


def ours(words: Iterable[str]) -> frozenset[str] | None:
    """Our states that these words or codes mean, in any case; None: all. Raises `Unknown`."""
    found: set[str] = set()
    for given in words:
        upper = given.strip().upper()
        if upper == "ALL":
            return None
        word = upper if upper in CODES else _BY_CODE.get(upper)
        if word is None:
            raise Unknown(given)
        found.update(state for state, one in WORDS.items() if word in (one.flag or one.base, one.flag))
        if word == "RUNNING":
            # Slurm counts a job that is being set up as running.
            found.add("STARTING")
    return frozenset(found)
