"""A crontab as scrontab reads it: entries, `#SCRON` lines with options for the next one, variables."""

import shlex

from launchyard.model.errors import Invalid
from launchyard.model.light import NamedTuple
from launchyard.model.number import shown
from launchyard.model.schedule import parse_schedule, split_entry

DIRECTIVE = "#SCRON"
BAD = "BAD"
"""The word before a line that is wrong, when it is given back to be edited."""

LINE_MAX = 8_192

EXAMPLE = """\
# Jobs at set times. A line of time and command, such as
#   0 8 * * mon-fri  $HOME/bin/report --all
# has five fields (minute, hour, day of the month, month, day of the week), or one of
# @hourly @daily @weekly @monthly @yearly, and then a command.
# Options of sbatch for the next entry alone stand on lines before it:
#   #SCRON --time=10:00 --mem=2G
#   #SCRON -o report-%j.out
# NAME=value is a variable of all entries below it.
"""


class Entry(NamedTuple):
    """`spec` in one form, `written` as it stands there; `words` are the options of its #SCRON lines.

    `first` and `last` are its lines from 1, with those of its options.
    """

    spec: str
    written: str
    command: str
    directives: list[str]
    words: list[str]
    variables: dict[str, str]
    first: int
    last: int


class Bad(NamedTuple):
    """Lines that cannot be, and why."""

    first: int
    last: int
    why: str


def read_table(text: str) -> tuple[list[Entry], list[Bad]]:
    """All entries, and all lines that are none."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            reader.take(number, line.strip())
        except Invalid as error:
            reader.bad.append(Bad(number, number, str(error)))
    return reader.entries, reader.bad


class _Reader:
    """What was read so far: the options for the next entry, and the variables of all below."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.bad: list[Bad] = []
        self._directives: list[str] = []
        self._words: list[str] = []
        self._first = 0
        self._variables: dict[str, str] = {}

    def take(self, number: int, line: str) -> None:
        if line.startswith(DIRECTIVE):
            self._first = self._first or number
            self._directives.append(line)
            self._words += _words(line[len(DIRECTIVE) :])
        elif line and not line.startswith("#"):
            if len(line) > LINE_MAX:
                raise Invalid(f"the line is {len(line)} characters long; at most {LINE_MAX} are read")
            variable = _variable(line)
            if variable is not None:
                self._variables = {**self._variables, variable[0]: variable[1]}
            else:
                self._entry(number, line)

    def _entry(self, number: int, line: str) -> None:
        directives, words, first = self._directives, self._words, self._first or number
        self._directives, self._words, self._first = [], [], 0
        written, command = split_entry(line)
        spec = str(parse_schedule(written))
        self.entries.append(Entry(spec, written, command, directives, words, self._variables, first, number))


def _words(text: str) -> list[str]:
    if len(text) > LINE_MAX:
        raise Invalid(f"the line is {len(text)} characters long; at most {LINE_MAX} are read")
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        raise Invalid(f"the options {shown(text.strip())} have a quote that is not closed") from None


def _variable(line: str) -> tuple[str, str] | None:
    """`NAME = value`, where the value may be in quotes; None: the line is something else."""
    name, equals, value = line.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name.isidentifier() or not name.isascii():
        return None
    if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
        value = value[1:-1]
    return name, value


SHELLS = frozenset(("bash", "dash", "ksh", "sh"))


def script_of(entry: Entry, shell: str) -> str:
    """The batch script of an entry; `shell` runs it where it understands what cron's own does."""
    chosen = entry.variables.get("SHELL", shell)
    if not chosen.startswith("/") or chosen.rpartition("/")[2] not in SHELLS:
        chosen = "/bin/sh"
    head = [f"#!{chosen}", "# This job comes of a line of scrontab.", *entry.directives]
    return "\n".join([*head, f"# Its time: {entry.written}", entry.command, ""])


def name_of(entry: Entry) -> str:
    """The first word of the command."""
    return entry.command.split(None, 1)[0]
