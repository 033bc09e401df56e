"""Writes as prepared statements of many rows each.

One statement with many rows, not one statement many times: the driver lets other threads run between
statements, and beside a busy event loop every return costs up to a thread switch interval (5 ms). A thousand
rows took 4.9 s as single statements beside a busy thread, and 0.15 s this way.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

ROWS = (200, 20, 5, 2, 1)
"""How many rows a statement may have: few sizes, so that the driver keeps them prepared."""

Row = Sequence[Any]

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Both databases understand ON CONFLICT; SQLAlchemy has it in each dialect's own insert."""


class Upsert:
    """Insert rows of one table; a row whose key is there is replaced, or left when `replace` is not set."""

    def __init__(self, table: sa.TableClause, key: Sequence[str], *, replace: bool = True) -> None:
        self._table = table
        self._key = key
        self._replace = replace
        self._prepared: dict[int, tuple[str, list[str] | None]] = {}

    def run(self, connection: sa.Connection, rows: Sequence[Row]) -> int:
        """How many rows were written; each row has the table's columns in their order, each key once."""
        written = 0
        for part in _parts(rows):
            if len(part) not in self._prepared:
                self._prepared[len(part)] = self._prepare(len(part), connection.dialect)
            text, names = self._prepared[len(part)]
            flat = tuple(value for row in part for value in row)
            values = flat if names is None else dict(zip(names, flat, strict=True))
            written += connection.exec_driver_sql(text, values).rowcount
        return written

    def _prepare(self, count: int, dialect: sa.Dialect) -> tuple[str, list[str] | None]:
        """The text, and the names of its parameters for a driver that wants them by name."""
        columns = [column.name for column in self._table.c]
        rows = [dict.fromkeys(columns) for _ in range(count)]
        insert = _INSERTS[dialect.name](self._table).values(rows)
        if self._replace:
            changed = {name: insert.excluded[name] for name in columns if name not in self._key}
            insert = insert.on_conflict_do_update(index_elements=self._key, set_=changed)
        else:
            insert = insert.on_conflict_do_nothing(index_elements=self._key)
        compiled = insert.compile(dialect=dialect)
        return str(compiled), None if dialect.positional else list(compiled.params)


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    position = 0
    for count in ROWS:
        while len(rows) - position >= count:
            yield rows[position : position + count]
            position += count
