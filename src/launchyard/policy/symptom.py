"""A symptom: what a program prints when it fails in a certain way, and what to say and do about it.

A search takes time linear in the text: the literal `hints` are looked for first, and a pattern is tried only
on a line that has one of them, cut to what a person would read. Patterns have no nested repetitions.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from launchyard.policy.logtext import LINE_MAX, LogText

_HARMLESS = re.compile(
    r"^[\W\d]{0,40}(?:info|debug|notice|warn(?:ing)?)\b"
    r"|(?<![-=])\b(?:retrying|ignored|ignoring|handled|skipped|skipping|recovered|continuing|going on"
    r"|falling back)\b",
    re.IGNORECASE,
)
"""A program that says so of what went wrong goes on after it."""
TRIES_MAX = 400
"""Lines with a hint that are tried for one symptom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One row of the tables in `policy.symptoms`.

    `sentence` and `command` are templates over the pattern's named groups and the values of
    `policy.remedy`. `first`: of several lines the first one is meant (compilers), else the last.
    `near`: only among so many last lines, for what programs also print when nothing is wrong. `then`: how
    the next line begins.
    """

    code: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    sentence: str
    command: str
    first: bool = False
    near: int | None = None
    then: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A symptom in a log: the number of its line and what the pattern took from it."""

    symptom: Symptom
    number: int
    line: str
    groups: dict[str, str]
    next: str = ""
    """The line after it."""


def row(
    code: str,
    hints: str | Sequence[str],
    pattern: str,
    sentence: str,
    command: str = "ly logs {id}",
    *,
    first: bool = False,
    near: int | None = None,
    then: str = "",
) -> Symptom:
    """One row, as short as a table wants it."""
    return Symptom(
        code=code,
        hints=(hints,) if isinstance(hints, str) else tuple(hints),
        pattern=re.compile(pattern),
        sentence=sentence,
        command=command,
        first=first,
        near=near,
        then=then,
    )


def search(log: LogText, symptoms: Iterable[Symptom], *, begin: int = 0) -> Finding | None:
    """The first row of the table that is in the log, from line `begin` on."""
    for symptom in symptoms:
        found = find(log, symptom, begin)
        if found is not None:
            return found
    return None


def find(log: LogText, symptom: Symptom, begin: int = 0) -> Finding | None:
    """Where in the log the symptom is; None when it is not there."""
    lowest = begin if symptom.near is None else max(begin, len(log.lines) - symptom.near)
    found: Finding | None = None
    for hint in symptom.hints:
        for number in log.lines_with(hint, last_first=not symptom.first, lowest=lowest, most=TRIES_MAX):
            if found is not None and (number < found.number) != symptom.first:
                break
            one = _at(log, number, symptom)
            if one is not None:
                found = one
                break
    return found


def _at(log: LogText, number: int, symptom: Symptom) -> Finding | None:
    line = log.lines[number]
    # What a compiler says of the source is an error whatever words it takes.
    if symptom.code != "compile" and _HARMLESS.search(line[:LINE_MAX]):
        return None
    following = log.lines[number + 1] if number + 1 < len(log.lines) else ""
    groups = matched(symptom, line) if following.startswith(symptom.then) else None
    if groups is None:
        return None
    return Finding(symptom=symptom, number=number, line=line, groups=groups, next=following)


def matched(symptom: Symptom, line: str) -> dict[str, str] | None:
    """What the pattern takes from the line; None when it does not fit."""
    match = symptom.pattern.search(line[:LINE_MAX])
    if match is None:
        return None
    return {name: value.strip() for name, value in match.groupdict().items() if value is not None}
