"""The file of `srun --multi-prog`: which ranks run which program.

A line is ranks, a program and its arguments; `*` stands for all ranks not named before it. In arguments `%t`
is the rank and `%o` its place within the line's ranks; single quotes keep a text from being looked at.
"""

from collections.abc import Sequence

from launchyard.model.light import NamedTuple
from launchyard.slurm.ranks import parse_ranks

NOT_DEFINED = "No executable program specified for this task"


class BadFile(ValueError):
    """A file that cannot be read so; one sentence with the line."""


class Word(NamedTuple):
    """An argument; `parts` in turn looked at for `%t` and `%o`, and quoted."""

    parts: tuple[tuple[str, bool], ...]

    def of(self, rank: int, offset: int) -> str:
        return "".join(text if quoted else _filled(text, rank, offset) for text, quoted in self.parts)


def programs(text: str, tasks: int, more: Sequence[str] = ()) -> list[list[str]]:
    """The command of each rank; `more` arguments follow each. Raises `BadFile`."""
    commands: list[list[str] | None] = [None] * tasks
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        words = _words(line, number)
        ranks = _ranks(words[0].of(0, 0), commands, number)
        if len(words) < 2:
            raise BadFile(f"line {number} names no program")
        for offset, rank in enumerate(ranks):
            if rank < tasks:
                commands[rank] = [*(word.of(rank, offset) for word in words[1:]), *more]
    missing = next((rank for rank, command in enumerate(commands) if command is None), None)
    if missing is not None:
        raise BadFile(f"{NOT_DEFINED} (task {missing})")
    return [command for command in commands if command is not None]


def _lines(text: str) -> list[str]:
    """A backslash at the end joins the next line."""
    return text.replace("\\\n", " ").split("\n")


def _ranks(text: str, commands: Sequence[list[str] | None], number: int) -> list[int]:
    if text == "*":
        return [rank for rank, command in enumerate(commands) if command is None]
    try:
        return parse_ranks(text)
    except ValueError:
        raise BadFile(f"line {number} begins with {text!r}; write ranks such as 0-3,5 or *") from None


def _words(line: str, number: int) -> list[Word]:
    words: list[Word] = []
    parts: list[tuple[str, bool]] = []
    current, quote, inside = "", "", False
    for character in line:
        if quote:
            if character == quote:
                parts.append((current, quote == "'"))
                current, quote = "", ""
            else:
                current += character
        elif character in "'\"":
            parts.append((current, False))
            current, quote, inside = "", character, True
        elif character.isspace():
            if inside:
                words.append(Word((*parts, (current, False))))
            parts, current, inside = [], "", False
        else:
            current += character
            inside = True
    if quote:
        raise BadFile(f"line {number} has a quote that is not closed")
    return [*words, Word((*parts, (current, False)))] if inside else words


def _filled(text: str, rank: int, offset: int) -> str:
    return text.replace("%t", str(rank)).replace("%o", str(offset))
