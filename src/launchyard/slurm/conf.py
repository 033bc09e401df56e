"""A site's slurm.conf, read as Slurm reads it: continued lines, names in any case, files included.

What the values mean for us is said in `conftoml`; here every line becomes a record with its place.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.slurm.confnames import KNOWN, RECORDS

INCLUDES_MAX = 20
LINES_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where it stands, for people."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter of the top level; `name` is written as Slurm writes it."""

    name: str
    value: str
    place: Place
    known: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """A line such as `NodeName=n[1-8] CPUs=4`: `kind` is its first name, values are by name in small letters.

    `written` are the names as they were written.
    """

    kind: str
    name: str
    values: Mapping[str, str]
    written: Mapping[str, str]
    place: Place


@dataclass(slots=True)
class Conf:
    """All of it, in the order of the files."""

    settings: list[Setting] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def last(self, name: str) -> Setting | None:
        """The one that holds: that which comes last."""
        return next((one for one in reversed(self.settings) if one.name.lower() == name.lower()), None)

    def of_kind(self, kind: str) -> list[Record]:
        return [one for one in self.records if one.kind == kind]


def read(text: str, file: str, include: Callable[[str], str] | None = None) -> Conf:
    """`include` answers the text of another file. Raises `Invalid` for a line that is none of its."""
    conf = Conf()
    _read(conf, text, file, include, 0)
    return conf


def _read(conf: Conf, text: str, file: str, include: Callable[[str], str] | None, depth: int) -> None:
    for number, line in _whole_lines(text, file):
        place = Place(file, number)
        word, _, rest = line.partition(" ")
        if word.lower() == "include" and "=" not in word:
            if depth >= INCLUDES_MAX:
                raise Invalid(f"{place}: files include each other more than {INCLUDES_MAX} deep")
            name = rest.strip()
            if include is None:
                raise Invalid(f"{place}: {shown(name)} cannot be included here")
            _read(conf, include(name), name, include, depth + 1)
            continue
        pairs = list(_pairs(line, place))
        first = pairs[0][0]
        kind = next((one for one in RECORDS if one.lower() == first.lower()), None)
        if kind is not None:
            conf.records.append(_record(kind, pairs, place))
            continue
        for name, value in pairs:
            known = KNOWN.get(name.lower().split("[")[0])
            conf.settings.append(Setting(known or name, value, place, known is not None))


def _record(kind: str, pairs: list[tuple[str, str]], place: Place) -> Record:
    values = {name.lower(): value for name, value in pairs[1:]}
    written = {name.lower(): name for name, _ in pairs[1:]}
    return Record(kind, pairs[0][1], values, written, place)


def _whole_lines(text: str, file: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, with their number; a backslash at the end joins the next to them."""
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        raise Invalid(f"{file} has more than {LINES_MAX} lines; is it the right file?")
    parts: list[str] = []
    begun = 0
    for number, raw in enumerate(lines, start=1):
        line = _without_comment(raw).rstrip()
        if not parts:
            begun = number
        joined = line.endswith("\\")
        parts.append(line.removesuffix("\\").strip())
        if joined:
            continue
        whole = " ".join(part for part in parts if part)
        parts = []
        if whole:
            yield begun, whole.replace("\t", " ")
    if whole := " ".join(part for part in parts if part):
        yield begun, whole.replace("\t", " ")


def _without_comment(line: str) -> str:
    """Up to a `#` that no backslash protects."""
    start = 0
    while (at := line.find("#", start)) >= 0:
        if at == 0 or line[at - 1] != "\\":
            return line[:at]
        start = at + 1
    return line


def _pairs(line: str, place: Place) -> Iterator[tuple[str, str]]:
    """`Name=value Other="two words"`."""
    at = 0
    while at < len(line):
        equals = line.find("=", at)
        name = line[at:equals].strip() if equals >= 0 else line[at:].strip()
        if equals < 0 or not name or " " in name:
            raise Invalid(f"{place}: {shown(name or line[at:])} is no Name=value")
        at = equals + 1
        while at < len(line) and line[at] == " ":
            at += 1
        if line[at : at + 1] in ('"', "'"):
            end = line.find(line[at], at + 1)
            if end < 0:
                raise Invalid(f"{place}: the quotes of {shown(name)} are not closed")
            yield name.rstrip("+-"), line[at + 1 : end]
            at = end + 1
        else:
            end = line.find(" ", at)
            end = len(line) if end < 0 else end
            yield name.rstrip("+-"), line[at:end]
            at = end
        while at < len(line) and line[at] == " ":
            at += 1
