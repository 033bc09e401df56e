"""Columns of a table by name, and the rows of what was asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.wire.decode import did_you_mean

T = TypeVar("T")
Column = Callable[[T], Any]

COLUMNS_MAX = 200


def chosen(names: str | None, known: Mapping[str, Column[T]]) -> list[Column[T]]:
    """The columns named, with commas between them; all of them when none is. Raises `Invalid`."""
    if not names:
        return list(known.values())
    words = names.split(",")
    if len(words) > COLUMNS_MAX:
        raise Invalid(f"{len(words)} columns are asked for; ask for at most {COLUMNS_MAX}")
    for word in words:
        if word not in known:
            raise Invalid(f"there is no column {shown(word)}{did_you_mean(word, sorted(known))}")
    return [known[word] for word in words]


def rows_of(things: Iterable[T], columns: Sequence[Column[T]]) -> list[list[Any]]:
    """One list of values a thing; what is not known is None, times are seconds since 1970."""
    return [[column(thing) for column in columns] for thing in things]
