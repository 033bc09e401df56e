"""Command lines as GNU getopt reads them: joined letters, `--name=value`, `--name value`, name beginnings.

Every drop-in command gives its options as one table and gets back what was given, in order.
"""

from collections.abc import Mapping, Sequence

from launchyard.model.light import NamedTuple

NOTHING, VALUE, MAYBE = 0, 1, 2
"""What an option takes; MAYBE only as `--name=value` or `-nvalue`."""


class WrongUse(Exception):
    """A command line that cannot be: one line after the command's name (`whole`: as it is), exit code 255.

    `hint`: `Try "sbatch --help" for more information` follows.
    """

    def __init__(self, line: str, *, whole: bool = False, hint: bool = False) -> None:
        super().__init__(line)
        self.line = line
        self.whole = whole
        self.hint = hint


class Options(NamedTuple):
    """`names`: what each long name takes. `letters`: long name by letter."""

    names: Mapping[str, int]
    letters: Mapping[str, str]


class Given(NamedTuple):
    """`options` in the order given, by long name; a value of None: none was given. `rest`: positionals."""

    options: list[tuple[str, str | None]]
    rest: list[str]

    def last(self, name: str) -> str | None:
        """The value given last; "" for one given without a value, None when it was not given."""
        values = [value for one, value in self.options if one == name]
        return (values[-1] or "") if values else None

    def count(self, name: str) -> int:
        return sum(one == name for one, _ in self.options)


def options(value: str = "", nothing: str = "", maybe: str = "", letters: str = "") -> Options:
    """A table from words: long names by what they take, and `n:name` pairs."""
    kinds = ((value, VALUE), (nothing, NOTHING), (maybe, MAYBE))
    return Options(
        {name: kind for names, kind in kinds for name in names.split()},
        dict(pair.split(":", 1) for pair in letters.split()),
    )


def parse(arguments: Sequence[str], known: Options, *, stop_at_first: bool = False) -> Given:
    """What was given. Raises `WrongUse` as getopt would say it.

    Options may stand after positionals, unless `stop_at_first`: then the first positional and all that
    follows are `rest` (a command and its own arguments). `--` ends the options.
    """
    given = Given([], [])
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word == "--":
            given.rest.extend(left)
            break
        if word.startswith("--"):
            _long(word, left, known, given)
        elif word.startswith("-") and word != "-":
            _letters(word, left, known, given)
        else:
            given.rest.append(word)
            if stop_at_first:
                given.rest.extend(left)
                break
    return given


def parse_parts(arguments: Sequence[str], known: Options) -> tuple[list[Given], Given]:
    """What was given of each part of a job, divided by `:`, and of all of them, with what follows the last.

    Options stop at the first positional. Raises `WrongUse`.
    """
    parts = [parse(arguments, known, stop_at_first=True)]
    while parts[-1].rest[:1] == [":"]:
        parts.append(parse(parts[-1].rest[1:], known, stop_at_first=True))
    return parts, Given([one for part in parts for one in part.options], parts[-1].rest)


def _long(word: str, left: list[str], known: Options, given: Given) -> None:
    written, equals, value = word[2:].partition("=")
    name = written if written in known.names else ""
    if not name:
        matches = [one for one in known.names if one.startswith(written)]
        if len(matches) > 1:
            shown = " ".join(f"'--{one}'" for one in matches)
            raise WrongUse(f"option '--{written}' is ambiguous; possibilities: {shown}", hint=True)
        if not matches:
            raise WrongUse(f"unrecognized option '--{written}'", hint=True)
        name = matches[0]
    takes = known.names[name]
    if takes == NOTHING and equals:
        raise WrongUse(f"option '--{name}' doesn't allow an argument", hint=True)
    if takes == VALUE and not equals:
        if not left:
            raise WrongUse(f"option '--{name}' requires an argument", hint=True)
        value = left.pop(0)
    given.options.append((name, value if equals or takes == VALUE else None))


def _letters(word: str, left: list[str], known: Options, given: Given) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        name = known.letters.get(letter)
        if name is None:
            raise WrongUse(f"invalid option -- '{letter}'", hint=True)
        takes = known.names[name]
        if takes == NOTHING:
            given.options.append((name, None))
            continue
        if takes == VALUE and not rest:
            if not left:
                raise WrongUse(f"option requires an argument -- '{letter}'", hint=True)
            rest = left.pop(0)
        given.options.append((name, rest or None if takes == MAYBE else rest))
        return
