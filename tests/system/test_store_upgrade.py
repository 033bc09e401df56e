"""Databases of older versions are brought up to date, after a copy, whole or not at all (F17)."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from launchyard.store import archive, meta
from launchyard.store.migrations import STEPS
from launchyard.store.open import Tenant, open_store
from launchyard.store.protocol import SchemaTooNew, Store
from tests import schemas
from tests.often import often
from tests.postgresql import one_cluster, schema_of

OLD = range(1, meta.NEWEST)
STRIDE = often(5, thorough=1)
CHILD = """
import os, signal, sys
import sqlalchemy as sa
from launchyard.store.open import open_store
left = int(sys.argv[2])
@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
open_store(sys.argv[1]).close()
"""


def to_postgresql(old: Path, schema: int, name: str) -> str:
    """The same rows, in the tables that they had then."""
    url = one_cluster().url(name)
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with archive.reading(old) as source, engine.begin() as target:
        meta.make(target)
        for step in STEPS[:schema]:
            step(target)
        archive.copy(source, target)
    engine.dispose()
    return url


@pytest.mark.parametrize("schema", range(1, meta.NEWEST + 1))
def test_database_of_each_schema_is_brought_up_to_date(tmp_path: Path, schema: int) -> None:
    path = tmp_path / "launchyard.db"
    schemas.fixture(schema, path)
    with closing(open_store(path)) as store:
        schemas.check(store)
    copied = archive.before_upgrade(tmp_path)
    assert copied.exists() == (schema < meta.NEWEST)
    if copied.exists():
        assert copied.stat().st_mode & 0o777 == 0o600
        assert _schema_of(copied) == str(schema)


@pytest.mark.parametrize("schema", range(1, meta.NEWEST + 1))
def test_the_same_on_postgresql(tmp_path: Path, schema: int) -> None:
    schemas.fixture(schema, tmp_path / "old.db")
    url = to_postgresql(tmp_path / "old.db", schema, schema_of(tmp_path))
    with closing(open_store(url, tenant=Tenant(backups=tmp_path))) as store:
        schemas.check(store)
    copied = archive.before_upgrade(tmp_path)
    assert copied.exists() == (schema < meta.NEWEST)
    if copied.exists():
        assert _schema_of(copied) == str(schema)
        assert copied.stat().st_mode & 0o777 == 0o600


def _schema_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    return str(row[0])


def _killed_at(url: str | Path, statement: int) -> bool:
    """Whether an upgrade was killed at its statement of that number; False: it has fewer."""
    command = [sys.executable, "-c", CHILD, str(url), str(statement)]
    code = subprocess.run(command, check=False, env={**os.environ}, timeout=60).returncode
    assert code in (0, -signal.SIGKILL)
    return code != 0


def test_upgrade_that_is_killed_at_any_statement_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    statement, seen = 1, set[str]()
    while True:
        path = tmp_path / str(statement) / "launchyard.db"
        path.parent.mkdir()
        schemas.fixture(1, path)
        killed = _killed_at(path, statement)
        seen.add(_schema_of(path))
        with closing(open_store(path)) as store:
            schemas.check(store)
        if not killed:
            break
        statement += STRIDE
    assert statement > 10
    assert seen == {"1", str(meta.NEWEST)}


def test_upgrade_on_postgresql_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    schemas.fixture(1, tmp_path / "old.db")
    statement, seen = 10, set[str]()
    while True:
        name = schema_of(tmp_path / str(statement))
        url = to_postgresql(tmp_path / "old.db", 1, name)
        killed = _killed_at(url, statement)
        seen.add(one_cluster().run("SELECT value FROM meta WHERE key = 'schema'", name)[0][0])
        # Whoever was killed held the lease; nobody waits for it here.
        one_cluster().run("UPDATE lease SET renewed_at = '-infinity'", name)
        with closing(open_store(url)) as store:
            schemas.check(store)
        if not killed:
            break
        statement += 2 * STRIDE
    assert seen == {"1", str(meta.NEWEST)}


def _sqlite(tmp_path: Path) -> str:
    return str(tmp_path / "launchyard.db")


def _postgresql(tmp_path: Path) -> str:
    return one_cluster().url(schema_of(tmp_path))


@pytest.mark.parametrize("where", [_sqlite, _postgresql])
def test_older_version_refuses_a_newer_database(
    tmp_path: Path, where: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = where(tmp_path)
    _open(url).close()
    monkeypatch.setattr(meta, "NEWEST", meta.NEWEST - 1)
    with pytest.raises(SchemaTooNew, match="or restore the backup made before the upgrade"):
        _open(url)
    monkeypatch.undo()
    _open(url).close()


def _open(url: str) -> Store:
    return open_store(url)
