"""Output formats as Slurm's commands take them: `%.18i %.9P` by letters, `JobID:10,State:.8` by names.

A field is padded to its width and cut at it, numbers too; without a width it takes what it needs. Text that
follows a field is printed as it is: one `|`, a control character, several characters. Rows are made a column
at a time, with one template for all of them: ten thousand rows take some milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence

from launchyard.model.light import NamedTuple

NAME_WIDTH = 20
"""Of a field asked for by its name without a width."""
WIDTH_MAX = 4096

_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Field(NamedTuple):
    """One column: `name` in the table of fields, "" for text alone; `width` 0: as wide as needed."""

    name: str
    width: int = 0
    right: bool = False
    suffix: str = ""


class Layout(NamedTuple):
    """What a line is made of. `unknown`: fields that there are not; the command says so and goes on."""

    prefix: str
    fields: list[Field]
    unknown: list[str]

    @property
    def names(self) -> list[str]:
        """The fields in it, each once."""
        return list(dict.fromkeys(field.name for field in self.fields if field.name))


def by_letters(text: str, letters: Mapping[str, str]) -> Layout:
    """`%[[.]width]letter` with any text around; `letters` names the field of each letter.

    `%all` alone: every field of them, with bars between. An unknown letter prints as it is written.
    """
    if text.strip().lower() == "%all":
        every = list(letters.values())
        return Layout("", [Field(name, suffix="|") for name in every[:-1]] + [Field(every[-1])], [])
    prefix, *tokens = text.split("%")
    layout = Layout(prefix, [], [])
    for token in filter(None, tokens):
        right = token.startswith(".")
        width, rest = _width(token[1:] if right else token)
        name = letters.get(rest[:1], "")
        if name:
            layout.fields.append(Field(name, width, right, rest[1:]))
        else:
            layout.fields.append(Field("", suffix=f"%{token}"))
            layout.unknown.append(rest)
    return layout


def by_names(text: str, names: Mapping[str, str]) -> Layout:
    """`name[:[.][width][suffix]]` with commas between; `names` is the field of each name in small letters."""
    layout = Layout("", [], [])
    for token in text.split(","):
        word, colon, size = token.partition(":")
        if not word:
            continue
        name = names.get(word.lower(), "")
        if not name:
            layout.unknown.append(word)
            continue
        right = size.startswith(".")
        width, suffix = _width(size[1:] if right else size)
        layout.fields.append(Field(name, width if colon else NAME_WIDTH, right, suffix))
    return layout


def _width(text: str) -> tuple[int, str]:
    """Leading digits, and what follows them."""
    end = 0
    while end < len(text) and text[end] in "0123456789":
        end += 1
    return min(int(text[:end] or 0), WIDTH_MAX) if end < 10 else WIDTH_MAX, text[end:]


def template(layout: Layout) -> str:
    """The `%` template of a line."""
    return _plain(layout.prefix) + "".join(_piece(field) + _plain(field.suffix) for field in layout.fields)


def _piece(field: Field) -> str:
    if not field.name:
        return ""
    if not field.width:
        return "%s"
    return f"%{'' if field.right else '-'}{field.width}.{field.width}s"


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def header(layout: Layout, headers: Mapping[str, str]) -> str:
    """The line above the rows."""
    return template(layout) % tuple(headers[field.name] for field in layout.fields if field.name)


def lines(layout: Layout, columns: Mapping[str, Sequence[str]], count: int) -> Iterable[str]:
    """`count` rows; `columns` holds the texts of every field in the layout, by its name."""
    line, chosen = _plain(layout.prefix), []
    for field in layout.fields:
        piece, texts = _piece(field), columns.get(field.name, ())
        if count and texts and texts[0] == texts[-1] and texts.count(texts[0]) == count:
            piece = _plain(piece % (texts[0],))
        elif field.name:
            chosen.append(texts)
        line += piece + _plain(field.suffix)
    return map(line.__mod__, zip(*chosen, strict=True)) if chosen else [line % ()] * count


def printable(text: str) -> str:
    """Text of users without what moves a terminal's cursor or begins another row."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
