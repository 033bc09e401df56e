"""Numbers as people write them, read in one pass: ASCII digits only, bounded, and exact (no floats).

Python's own `int()` also takes `1_000`, ` 7 ` and digits of other scripts; a queue must not.
"""

from launchyard.model.errors import Invalid

DIGITS_MAX = 15
SHOWN_MAX = 60


def is_digits(text: str) -> bool:
    """Whether `text` is one to `DIGITS_MAX` ASCII digits."""
    return 0 < len(text) <= DIGITS_MAX and text.isascii() and text.isdigit()


def shown(text: str) -> str:
    """The text as an error names it: printable, quoted and not longer than a person reads."""
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."
    return '"' + "".join(c if c.isprintable() else "?" for c in cut) + '"'


def bounded(text: str, what: str, length_max: int) -> str:
    """The text without surrounding blanks; refused when it is empty or longer than `length_max`."""
    if len(text) > length_max:
        raise Invalid(f"{what} is {len(text)} characters long; at most {length_max} are read")
    stripped = text.strip()
    if not stripped:
        raise Invalid(f"{what} is empty")
    return stripped


def scaled(text: str, places: int) -> int | None:
    """The decimal `text` times 10 to the power of `places`, exact; None when it is no such number.

    `scaled("0.5", 3)` is 500; `scaled("0.0005", 3)` is None.
    """
    whole, dot, fraction = text.partition(".")
    if dot and not fraction:
        return None
    if not is_digits(whole or "0") or (fraction and not is_digits(fraction)) or len(fraction) > places:
        return None
    if not whole and not fraction:
        return None
    return int((whole or "0") + fraction.ljust(places, "0"))
