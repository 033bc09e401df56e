"""The text of a log as lines to compare and show: without colours, control characters and blank lines."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
"""Colours and cursor moves (CSI), titles (OSC), other escapes (ECMA-48)."""
_ENDS = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]+")
"""A carriage return ends a line too: a progress bar is many lines, and its last one counts."""
SHOWN_MAX = 300
LINE_MAX = 600
"""Characters of a line that are looked at."""


class LogText:
    """Lines of a log, blank ones left out; `lines_with` finds those that contain a literal."""

    __slots__ = ("_starts", "_text", "lines")

    def __init__(self, text: str) -> None:
        plain = _ESCAPES.sub("", text) if "\x1b" in text else text
        self.lines = [line for line in map(_printable, _ENDS.split(plain)) if line]
        looked_at = [line[:LINE_MAX] for line in self.lines]
        self._text = "\n".join(looked_at)
        self._starts = [0, *accumulate(len(line) + 1 for line in looked_at)]

    def lines_with(self, hint: str, *, last_first: bool, lowest: int, most: int) -> Iterator[int]:
        """Numbers of lines from `lowest` on that contain `hint`, each once, at most `most` of them."""
        text, starts = self._text, self._starts
        begin, end = starts[lowest], len(text)
        for _ in range(most):
            place = text.rfind(hint, begin, end) if last_first else text.find(hint, begin)
            if place < 0:
                return
            number = bisect_right(starts, place) - 1
            yield number
            if last_first:
                end = starts[number]
            else:
                begin = starts[number + 1]


def _printable(line: str) -> str:
    """Without what could move the cursor or hide text; tabs are blanks."""
    if not line.isprintable():
        line = "".join(char if char.isprintable() else " " if char == "\t" else "" for char in line)
    return line.rstrip()


def shown(line: str) -> str:
    """A line as an answer shows it: at most `SHOWN_MAX` characters."""
    text = line.strip()
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1].rstrip() + "…"
