"""Writes as prepared statements of many rows each.

One statement with many rows, not one statement many times: the driver lets other threads run between
statements, and beside a busy event loop every return costs up to a thread switch interval (5 ms). A thousand
rows took 4.9 s as single statements beside a busy thread, and 0.15 s this way.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

ROWS = (200, 20, 5, 2, 1)
"""How many rows a statement of SQLite's may have: few sizes, so that the driver keeps them prepared."""

Row = Sequence[Any]


class Upsert:
    """Insert rows of one table; a row whose key is there is replaced, or left when `replace` is not set."""

    def __init__(self, table: sa.TableClause, key: Sequence[str], *, replace: bool = True) -> None:
        self._table = table
        self._key = key
        self._replace = replace
        self._prepared: dict[int, str] = {}
        self._by_columns = ""

    def run(self, connection: sa.Connection, rows: Sequence[Row]) -> int:
        """How many rows were written; each row has the table's columns in their order, each key once."""
        if not rows:
            return 0
        if connection.dialect.name == "postgresql":
            return self._run_columns(connection, rows)
        written = 0
        for part in _parts(rows):
            if len(part) not in self._prepared:
                self._prepared[len(part)] = self._prepare(len(part), connection.dialect)
            flat = tuple(value for row in part for value in row)
            written += connection.exec_driver_sql(self._prepared[len(part)], flat).rowcount
        return written

    def _run_columns(self, connection: sa.Connection, rows: Sequence[Row]) -> int:
        """All rows in one statement, whose parameters are the columns as arrays."""
        self._by_columns = self._by_columns or self._prepare_columns(connection.dialect)
        columns = {f"c{position}": list(column) for position, column in enumerate(zip(*rows, strict=True))}
        return connection.exec_driver_sql(self._by_columns, columns).rowcount

    def _prepare(self, count: int, dialect: sa.Dialect) -> str:
        columns = [column.name for column in self._table.c]
        insert = sqlite.insert(self._table).values([dict.fromkeys(columns) for _ in range(count)])
        if self._replace:
            changed = {name: insert.excluded[name] for name in columns if name not in self._key}
            insert = insert.on_conflict_do_update(index_elements=self._key, set_=changed)
        else:
            insert = insert.on_conflict_do_nothing(index_elements=self._key)
        return str(insert.compile(dialect=dialect))

    def _prepare_columns(self, dialect: sa.Dialect) -> str:
        quote = dialect.identifier_preparer.quote
        kinds = [column.type.compile(dialect) for column in self._table.c]
        arrays = ", ".join(f"%(c{position})b::{kind}[]" for position, kind in enumerate(kinds))
        columns = [quote(column.name) for column in self._table.c]
        key = ", ".join(quote(name) for name in self._key)
        changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key.split(", "))
        return (
            f"INSERT INTO {quote(self._table.name)} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) "  # noqa: S608
            f"ON CONFLICT ({key}) DO {f'UPDATE SET {changed}' if self._replace else 'NOTHING'}"
        )


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    position = 0
    for count in ROWS:
        while len(rows) - position >= count:
            yield rows[position : position + count]
            position += count
