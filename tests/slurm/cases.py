"""The table of command lines for both clusters, tests/slurm/cases.txt, which says how it is written."""

from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """In which part of the table it is, how to compare, who asks, and what."""

    part: str
    how: str
    who: str
    line: str


HOW = ("=", "~", "#", ":")


def read(text: str) -> tuple[Case, ...]:
    """The cases of a table, in order."""
    part = ""
    found = []
    for line in text.splitlines():
        if line.startswith("["):
            part = line.strip("[]")
        elif part and line:
            found.append(_case(part, line))
    return tuple(found)


def _case(part: str, text: str) -> Case:
    how, _, rest = text.partition(" ")
    assert how in HOW, text
    who, mark, line = rest.partition("$ ")
    return Case(part, how, who, line) if mark and who in ("li", "root") else Case(part, how, "ada", rest)


CASES = read((Path(__file__).parent / "cases.txt").read_text())
