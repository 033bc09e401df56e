"""The directives at the head of a script: `#SBATCH` and `#LY` lines down to the first command.

Read as sbatch reads them: several options a line, quotes, `#` begins a comment, `-c4`, `--mem=4G`,
`--mem 4G`, and unambiguous beginnings of long names. What an option means is `slurm.request`'s to say.
"""

import importlib

from launchyard.model.errors import Invalid
from launchyard.model.light import NamedTuple
from launchyard.model.number import shown
from launchyard.slurm.nearest import nearest
from launchyard.slurm.options import LY, NOTHING, SBATCH, VALUE, Language

LINE_MAX = 8_192


class Directive(NamedTuple):
    """One option: `name` is its long name, `value` None when it takes none or none was given."""

    line: int
    source: str
    name: str
    value: str | None = None

    def __str__(self) -> str:
        """As an error names it: `line 3: #SBATCH --mem=4X`."""
        value = "" if self.value is None else f"={self.value}"
        return f"line {self.line}: {self.source} --{self.name}{value}"


class Words(NamedTuple):
    """The words of one line."""

    line: int
    words: list[str]


def parse_directives(text: str) -> tuple[Directive, ...]:
    """The options of a script in the order written, `#LY` lines after `#SBATCH` lines: the last one counts.

    Raises `Invalid` for an unknown option, with its line and the nearest.
    """
    return tuple(
        one
        for language in (SBATCH, LY)
        for line in words_of(text, language)
        for one in _options_of(line, language)
    )


def words_of(text: str, language: Language) -> list[Words]:
    """The words on the lines of one language. Raises `Invalid`."""
    lines = ((number, _after(line, language.source)) for number, line in _head(text))
    return [_words(number, rest, language) for number, rest in lines if rest is not None]


def _head(text: str) -> list[tuple[int, str]]:
    """The lines before the first command, with their numbers."""
    lines: list[tuple[int, str]] = []
    start, number = 0, 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].rstrip("\r")
        start, number = end + 1, number + 1
        if line.strip() and not line.lstrip().startswith("#"):
            break
        lines.append((number, line))
    return lines


def _after(line: str, source: str) -> str | None:
    """What follows `#SBATCH` and a blank; None for any other line, such as `##SBATCH`."""
    if not line.startswith(source) or line[len(source) : len(source) + 1] not in ("", " ", "\t"):
        return None
    return line[len(source) :]


def _words(number: int, rest: str, language: Language) -> Words:
    where = f"line {number}: {language.source}"
    if len(rest) > LINE_MAX:
        raise Invalid(f"{where} is {len(rest)} characters long; at most {LINE_MAX} are read")
    try:
        return Words(number, _split(rest))
    except ValueError:
        raise Invalid(f"{where} {shown(rest.strip())} has a quote that is not closed") from None


def _split(text: str) -> list[str]:
    """As a shell does, up to a comment; most lines have nothing that takes more than their blanks to see."""
    if text.isascii() and _SPECIAL.isdisjoint(text):
        return text.split()
    words: list[str] = importlib.import_module("shlex").split(text, comments=True)
    return words


_SPECIAL = frozenset("'\"\\#\v\f\x1c\x1d\x1e\x1f")
"""Quotes, comments, and what is a blank to `str.split` alone."""


def _options_of(line: Words, language: Language) -> list[Directive]:
    where = f"line {line.line}: {language.source}"
    words = line.words
    found: list[Directive] = []
    position = 0
    while position < len(words):
        following = words[position + 1] if position + 1 < len(words) else None
        options, used = _word(words[position], following, where, language)
        found.extend(Directive(line.line, language.source, name, value) for name, value in options)
        position += 1 + used
    return found


Options = list[tuple[str, str | None]]


def _word(word: str, following: str | None, where: str, language: Language) -> tuple[Options, int]:
    """The options in one word, and how many words after it belong to it (0 or 1)."""
    if word.startswith("--"):
        return _long(word, following, where, language)
    if word.startswith("-") and len(word) > 1:
        return _short(word, following, where, language)
    if word in ("hetjob", "packjob"):
        raise Invalid(
            f"{where} {word}: jobs of several unlike parts are submitted by sbatch, which `ly slurm-path` has"
        )
    raise Invalid(f"{where} has a word that is no option: {shown(word)}. Options begin with - or --.")


def _long(word: str, following: str | None, where: str, language: Language) -> tuple[Options, int]:
    written, equals, value = word[2:].partition("=")
    name = language.long_name(written)
    if name is None:
        near = nearest(written, language.names)
        hint = f"did you mean --{near}?" if near else "`ly submit --help` lists the options"
        raise Invalid(f"{where} has an unknown option: {shown('--' + written)}; {hint}")
    takes = language.names[name]
    if equals:
        if takes == NOTHING:
            raise Invalid(f"{where} --{name} takes no value, but {shown(value)} is given")
        return [(name, value)], 0
    if takes != VALUE:
        return [(name, None)], 0
    if following is None:
        raise Invalid(f"{where} --{name} needs a value; write --{name}=VALUE")
    return [(name, following)], 1


def _short(word: str, following: str | None, where: str, language: Language) -> tuple[Options, int]:
    options: Options = []
    for position, letter in enumerate(word[1:], start=1):
        name = language.letters.get(letter)
        if name is None:
            raise Invalid(f"{where} has an unknown option: {shown('-' + letter)} in {shown(word)}")
        if language.names[name] != VALUE:
            options.append((name, None))
            continue
        attached = word[position + 1 :]
        if not attached and following is None:
            raise Invalid(f"{where} -{letter} needs a value; write --{name}=VALUE")
        return [*options, (name, attached or following)], 0 if attached else 1
    return options, 0
