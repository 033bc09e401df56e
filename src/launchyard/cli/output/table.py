"""A plain table: columns as wide as what is in them, two blanks between, nothing drawn."""

import sys
from collections.abc import Sequence

from launchyard.cli.output.screen import MUTED, coloured, columns, out, paint
from launchyard.cli.output.text import cut, pad, width

Cell = str | tuple[str, str]
"""Text, or text and its colour."""


def print_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], *, indent: str = "") -> None:
    """The last column takes what is left of the terminal and is cut there; a pipe gets everything."""
    Table(indent).show(head, rows)


class Table:
    """A table that comes in parts: what is shown stays as it is, and columns may be wider below it."""

    def __init__(self, indent: str = "") -> None:
        self._indent = indent
        self._head: list[str] = []
        self._widths: list[int] = []

    def show(self, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """The next rows, below their head where that is not the same as before."""
        texts = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows]
        last = len(head) - 1
        begins = list(head) != self._head
        shown = [head, *texts] if begins else texts
        least = [0] * last if begins else self._widths
        widths = [max((least[i], *(width(line[i]) for line in shown))) for i in range(last)]
        self._head, self._widths = list(head), widths
        if begins:
            out(self._indent + paint(_line(head, widths), MUTED))
        room, painted = columns(), coloured(sys.stdout)
        left = None if room is None else max(8, room - len(self._indent) - sum(widths) - 2 * last - 1)
        for row, plain in zip(rows, texts, strict=True):
            if left is not None:
                plain[last] = cut(plain[last], left)
            line = _painted(row, plain, widths) if painted else _line(plain, widths)
            out(self._indent + line)


def _painted(row: Sequence[Cell], plain: Sequence[str], widths: Sequence[int]) -> str:
    shown = [*map(pad, plain, widths), plain[-1]]
    cells = [
        text if isinstance(cell, str) else paint(text, cell[1]) for cell, text in zip(row, shown, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([*map(pad, cells, widths), cells[-1]]).rstrip()


def print_pairs(pairs: Sequence[tuple[str, str]], *, indent: str = "") -> None:
    """Names and values below each other; pairs without a value are left out."""
    shown = [(name, value) for name, value in pairs if value]
    widest = max((width(name) for name, _ in shown), default=0)
    for name, value in shown:
        out(f"{indent}{paint(pad(name, widest), MUTED)}  {value}")
