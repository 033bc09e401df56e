"""Where text goes: standard output and error, colours on a terminal only, and one line that renews itself."""

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, TextIO

from launchyard.cli.output.text import cut

MUTED, ACCENT, GOOD, BAD, STRONG = "2", "34", "32", "31", "1"


def out(text: str = "") -> None:
    sys.stdout.write(text + "\n")


def err(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def problem(sentence: str) -> None:
    """What went wrong, as one sentence."""
    err(f"ly: {sentence}")


def flush() -> None:
    """What was written is to be seen now."""
    sys.stdout.flush()


def out_json(value: object) -> None:
    out(_json(value))


def out_json_list(values: Iterable[object]) -> None:
    """The same of a list, each value as it comes."""
    opening = "["
    for value in values:
        sys.stdout.write(opening + _json([value])[1:-2])
        opening = ","
    out("[]" if opening == "[" else "\n]")


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False


def coloured(stream: TextIO) -> bool:
    return is_terminal(stream) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour where colours are wanted, else as it is."""
    if not text or not colour or not coloured(stream or sys.stdout):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def columns() -> int | None:
    """How wide the terminal is; None when the output is not one and nothing need be cut."""
    return _width() if is_terminal(sys.stdout) else None


def _width() -> int:
    """`COLUMNS`, else what the terminal says, else 80."""
    named = os.environ.get("COLUMNS", "")
    if named.isdigit() and int(named):
        return int(named)
    for fd in (1, 2):
        with contextlib.suppress(OSError):
            if size := os.get_terminal_size(fd).columns:
                return size
    return 80


def can_show(glyph: str) -> bool:
    try:
        glyph.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


class Line:
    """One line on standard error that is written over while it changes; without a terminal, only its news."""

    def __init__(self) -> None:
        self._live = is_terminal(sys.stderr)
        self._shown = ""

    def show(self, text: str) -> None:
        if text == self._shown:
            return
        self._shown = text
        if self._live:
            fitting = cut(text, _width() - 1)
            sys.stderr.write(f"\r\x1b[K{fitting}")
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._live and self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = ""

    def keep(self) -> None:
        """Leave the line as it is and go on below it."""
        if self._live and self._shown:
            sys.stderr.write("\n")
            sys.stderr.flush()
        self._shown = ""


def out_stream() -> BinaryIO:
    """Standard output for bytes that are shown as they are."""
    sys.stdout.flush()
    return sys.stdout.buffer
