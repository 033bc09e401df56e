"""JSON for commands that start in some milliseconds: `json` takes 8 of them for its regular expressions.

The work is done by the part of CPython that does it for `json`, and the values and texts are the same.
"""

import _json

from launchyard.model.light import Any

quoted = _json.encode_basestring_ascii
"""A text as JSON."""


class _Reading:
    """How numbers and objects are read."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON")


_reading: Any = _Reading
_scan = _json.make_scanner(_reading)
_parts = _json.make_encoder(None, _refuse, quoted, None, ":", ",", False, False, True)


def read(text: str) -> Any:
    """The value that the text says. Raises `ValueError` when it says none."""
    try:
        value, end = _scan(text, len(text) - len(text.lstrip()))
    except StopIteration:
        raise ValueError("this is no JSON") from None
    if text[end:].strip():
        raise ValueError("something follows the JSON")
    return value


def write(value: object) -> str:
    """Without blanks, and in ASCII."""
    return "".join(_parts(value, 0))
