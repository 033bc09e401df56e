"""The tables of the accounting commands: fields by name with `%width`, cut or padded, or with delimiters.

A width below zero pads on the right. Text that is too long ends in `+`; times and numbers have their own
ways, as the real commands have them.
"""

from collections.abc import Iterable, Mapping, Sequence

from launchyard.model.light import NamedTuple
from launchyard.slurm.formats import printable

TEXT, DATE, PLAIN = 0, 1, 2
"""Cut with a `+`, cut without, or printed in full even where there is no room."""

WIDTH_MAX = 4096


class Field(NamedTuple):
    """`name` as the header has it; `key` names the value when it is another."""

    name: str
    width: int
    kind: int = TEXT
    key: str = ""


class UnknownField(ValueError):
    """`args[0]` is the word that no field begins with."""


class Style(NamedTuple):
    """`delimiter` None: padded columns. `ending`: one delimiter more at the end of each line."""

    delimiter: str | None = None
    ending: bool = False
    header: bool = True


def table_of(text: str, kinds: Mapping[int, str] | None = None) -> dict[str, Field]:
    """Fields from words `Name:width`, by small name; `kinds` names those that are no text."""
    special = {name: kind for kind, names in (kinds or {}).items() for name in names.lower().split()}
    found = {}
    for word in text.split():
        name, _, width = word.partition(":")
        found[name.lower()] = Field(name, int(width), special.get(name.lower(), TEXT), name.lower())
    return found


def chosen(text: str, known: Mapping[str, Field]) -> list[Field]:
    """The fields of `name[%[-]width]` with commas between; any beginning of a name stands for the first such.

    What follows an empty name is not read. Raises `UnknownField`.
    """
    words = [word.strip() for word in text.split(",")]
    if "" in words:
        words = words[: words.index("")]
    found: list[Field] = []
    for word in words:
        name, percent, width = word.partition("%")
        every = name.lower() == "all"
        for field in known.values() if every else (_named(name, known),):
            found.append(field._replace(width=_width(width)) if percent else field)
    return found


def _named(name: str, known: Mapping[str, Field]) -> Field:
    lower = name.lower()
    field = known.get(lower) or next((one for key, one in known.items() if key.startswith(lower)), None)
    if field is None:
        raise UnknownField(name)
    return field


def _width(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.removeprefix("-")
    return sign * min(int(digits), WIDTH_MAX) if digits.isdecimal() and len(digits) < 10 else 0


def lines(fields: Sequence[Field], rows: Iterable[Sequence[str]], style: Style) -> Iterable[str]:
    """The header, unless it is not wanted, and a line a row."""
    if style.delimiter is not None:
        end = style.delimiter if style.ending else ""
        if style.header:
            yield style.delimiter.join(field.name for field in fields) + end
        for row in rows:
            yield style.delimiter.join(map(printable, row)) + end
        return
    if style.header:
        yield "".join(f"{_padded(field.name[: abs(field.width)], field.width)} " for field in fields)
        yield "".join("-" * abs(field.width) + " " for field in fields)
    for row in rows:
        yield "".join(
            f"{_padded(_cut(printable(value), field), field.width)} "
            for field, value in zip(fields, row, strict=True)
        )


def _padded(text: str, width: int) -> str:
    return text.rjust(width) if width > 0 else text.ljust(-width)


def _cut(text: str, field: Field) -> str:
    width = abs(field.width)
    if len(text) <= width or field.kind == PLAIN:
        return text
    return text[: width - 1] + "+" if field.kind == TEXT and width else text[:width]


def listing(names: Iterable[str], across: int = 4, width: int = 19) -> Iterable[str]:
    """The names of fields, some on a line, for `--helpformat`."""
    row: list[str] = []
    for name in names:
        row.append(name.ljust(width))
        if len(row) == across:
            yield " ".join(row)
            row = []
    if row:
        yield " ".join(row)
