"""A plain table: columns as wide as what is in them, two blanks between, nothing drawn."""

from collections.abc import Sequence

from launchyard.cli.output.screen import MUTED, columns, out, paint
from launchyard.cli.output.text import cut, pad, width

Cell = str | tuple[str, str]
"""Text, or text and its colour."""


def print_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], *, indent: str = "") -> None:
    """The last column takes what is left of the terminal and is cut there; a pipe gets everything."""
    texts = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows]
    last = len(head) - 1
    widths = [max(width(line[i]) for line in (head, *texts)) for i in range(last)]
    room = columns()
    left = None if room is None else max(8, room - len(indent) - sum(widths) - 2 * last - 1)
    out(indent + paint(_line(head, widths), MUTED))
    for row, plain in zip(rows, texts, strict=True):
        cells = []
        for i, cell in enumerate(row):
            text = plain[i] if i < last or left is None else cut(plain[i], left)
            shown = pad(text, widths[i]) if i < last else text
            cells.append(shown if isinstance(cell, str) else paint(shown, cell[1]))
        out(indent + "  ".join(cells).rstrip())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([*(pad(cells[i], widths[i]) for i in range(len(widths))), cells[-1]]).rstrip()


def print_pairs(pairs: Sequence[tuple[str, str]], *, indent: str = "") -> None:
    """Names and values below each other; pairs without a value are left out."""
    shown = [(name, value) for name, value in pairs if value]
    widest = max((width(name) for name, _ in shown), default=0)
    for name, value in shown:
        out(f"{indent}{paint(pad(name, widest), MUTED)}  {value}")
