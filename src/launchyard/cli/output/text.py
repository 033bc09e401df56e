"""Text as a terminal may safely show it: names that people chose cannot move the cursor or hide others."""

import unicodedata

_BIDI = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def clean(value: object) -> str:
    """The text with control characters and direction marks written out: `\\x1b`, `\\n`, `\\u202e`."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or (unicodedata.category(char) not in ("Cc", "Cs") and char not in _BIDI)
        else _escaped(char)
        for char in text
    )


def sentence(value: object) -> str:
    """The first line of what may have more of them, such as the words of a program that failed."""
    return clean(str(value or "").partition("\n")[0])


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def width(text: str) -> int:
    """Columns that the text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """At most `columns` wide; what was longer ends in an ellipsis."""
    if width(text) <= columns:
        return text
    kept, used = [], 1
    for char in text:
        used += _width(char)
        if used > columns:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
