"""What each code means by the word that stands for it in an address: `GET /v1/errors/{word}`.

A refusal's word is its code. The same code may be a reason to wait, or why a job ended, with another meaning:
`wait:limit-jobs`, `end:memory`.
"""

from launchyard.model.refusals import ERRORS, FORM, REFUSALS, Entry
from launchyard.policy.causes import CAUSES
from launchyard.policy.waits import WAITS

WAIT, END = "wait", "end"


def address_of_wait(code: str | None) -> str | None:
    """Where a server tells what this reason to wait means."""
    return f"{ERRORS}/{WAIT}:{code}" if code in WAITS else None


def address_of_end(code: str | None) -> str | None:
    """Where a server tells what this code of an ended job means."""
    return f"{ERRORS}/{END}:{code}" if code in CAUSES else None


def entry_of(word: str) -> Entry | None:
    """What is said of a word of an address; None for one that stands for nothing."""
    kind, _, code = word.partition(":")
    if kind == WAIT:
        return WAITS.get(code)
    if kind == END and (cause := CAUSES.get(code)) is not None:
        return Entry(cause.meaning, cause.help, "ly why 20")
    return REFUSALS.get(FORM if kind == FORM else word)
