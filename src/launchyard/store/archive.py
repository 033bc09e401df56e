"""A backup: one SQLite file with every row, whichever database it was taken from or goes into.

It holds one moment of the database, taken while the server works. Rows go as they are, with their checksums.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from launchyard.store import meta
from launchyard.store.migrations import STEPS

ROWS_AT_ONCE = 2_000


def copy_file(database: Path, path: Path) -> None:
    """One moment of an SQLite database, page by page, while others write to it."""
    with (
        closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)
        # One file, with nothing beside it.
        target.execute("PRAGMA journal_mode = DELETE").fetchone()


def check_file(path: Path) -> None:
    """Raises `sqlite3.Error` for a copy that is not whole."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(str(found))


def write(source: sa.Connection, path: Path, schema: int) -> None:
    """The rows of any database of ours that has seen so many steps, as `source`'s transaction sees it."""
    with filling(path) as target:
        meta.make(target)
        for step in STEPS[:schema]:
            step(target)
        copy(source, target)


def keep_before_upgrade(source: sa.Connection, directory: Path, schema: int) -> None:
    """What the database was with this schema; whole under its name, or not there."""
    _keep(directory, lambda half: write(source, half, schema))


def keep_file_before_upgrade(database: Path) -> None:
    """The same of an SQLite database. Raises `sqlite3.Error`, `OSError`."""
    _keep(database.parent, lambda half: copy_file(database, half))


def before_upgrade(directory: Path) -> Path:
    """Where the copy is that was made before the upgrade to this version's tables."""
    return directory / f"before-schema-{meta.NEWEST}.backup"


def _keep(directory: Path, make: Callable[[Path], None]) -> None:
    path = before_upgrade(directory)
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    make(half)
    fd = os.open(half, os.O_RDONLY | os.O_CLOEXEC)
    os.fsync(fd)
    os.close(fd)
    half.rename(path)


@contextmanager
def filling(path: Path) -> Iterator[sa.Connection]:
    """A transaction on an SQLite file that nobody else has; on the disk afterwards."""
    engine = sa.create_engine(
        "sqlite+pysqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None), poolclass=NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = FULL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.exec_driver_sql("COMMIT")


@contextmanager
def reading(path: Path) -> Iterator[sa.Connection]:
    """An SQLite file that nobody writes to."""
    engine = sa.create_engine("sqlite+pysqlite://", creator=lambda: sqlite3.connect(path), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def copy(source: sa.Connection, target: sa.Connection) -> None:
    """All rows of all tables of the target that the source has too; both are of one schema."""
    there = set(sa.inspect(source).get_table_names())
    for name in sorted(there & set(sa.inspect(target).get_table_names())):
        table = _table(target, name)
        rows = source.execute(sa.select(*table.c).execution_options(yield_per=ROWS_AT_ONCE))
        for part in rows.partitions(ROWS_AT_ONCE):
            target.execute(table.insert(), [row._asdict() for row in part])


def clear(target: sa.Connection) -> None:
    """Nothing is left in any of our tables."""
    for name in sorted(sa.inspect(target).get_table_names()):
        if name != "lease":
            target.execute(_table(target, name).delete())


def _table(connection: sa.Connection, name: str) -> sa.TableClause:
    columns = sa.inspect(connection).get_columns(name)
    return sa.table(name, *(sa.column(one["name"], one["type"]) for one in columns))


def rows_of(connection: sa.Connection, name: str) -> Sequence[Any]:
    """How the tests compare two databases."""
    table = _table(connection, name)
    return sorted(tuple(row) for row in connection.execute(sa.select(*table.c)))
