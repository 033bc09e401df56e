"""Opening a store: which kind, which schema, whose file."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from launchyard.model.change import Change
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.job import Job, JobKind
from launchyard.store import meta, tables
from launchyard.store.memory import MemoryStore
from launchyard.store.open import open_store
from launchyard.store.protocol import SchemaTooNew


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "daemon" / "launchyard.db"


def test_memory_and_files_are_known(path: Path) -> None:
    assert isinstance(open_store("memory:"), MemoryStore)
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit([Change(seq=4)])
    with closing(open_store(str(path))) as store:
        assert store.last_seq() == 4


def test_an_unknown_kind_is_refused_without_its_password() -> None:
    with pytest.raises(Invalid, match="mysql") as refused:
        open_store("mysql://ada:secret@host/db")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["postgresql://ada:secret@host/db", "postgresql://ada@host/db?password=secret"]
)
def test_a_password_in_an_address_is_refused_without_it(url: str) -> None:
    with pytest.raises(Invalid, match="database_password_file") as refused:
        open_store(url)

    assert "secret" not in str(refused.value)


def test_files_and_directory_are_for_their_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(open_store(path)) as store:
            store.commit([Change(seq=1)])
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    finally:
        os.umask(before)

    assert set(modes) == {f"launchyard.{end}" for end in ("db", "db-wal", "db-shm", "seq")}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_can_read_is_closed_to_them(path: Path) -> None:
    open_store(path).close()
    path.chmod(0o644)

    open_store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a b?c#d%20e.db", "ünï.db", "x&mode=rwc.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with closing(open_store(tmp_path / name)) as store:
        store.commit([Change(seq=9)])
        assert store.last_seq() == 9

    assert (tmp_path / name).exists()


def in_the_way_of(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True)
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/etc/hostname")


@pytest.mark.parametrize("kind", ["directory", "fifo", "link"])
def test_what_is_no_file_is_refused_in_one_sentence(path: Path, kind: str) -> None:
    in_the_way_of(path, kind)

    with pytest.raises(LaunchyardError) as refused:
        open_store(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    open_store(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = ?, checksum = ? WHERE key = ?", newer())
    before = path.read_bytes()

    with pytest.raises(SchemaTooNew) as refused:
        open_store(path)
    assert f"schema {meta.NEWEST + 1} " in str(refused.value)
    assert f"knows schema {meta.NEWEST};" in str(refused.value)
    assert path.read_bytes() == before


def newer() -> tuple[str, int, str]:
    key, value, checksum = meta.row(meta.SCHEMA, str(meta.NEWEST + 1))
    return value, checksum, key


def test_an_opening_that_was_cut_short_is_taken_up_again(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")

    with closing(open_store(path)) as store:
        assert store.next_job_id() == 1


def test_the_steps_lead_to_the_tables_that_queries_use() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        meta.upgrade(connection, "the test")
        inspector = sa.inspect(connection)
        made = {
            name: {column["name"] for column in inspector.get_columns(name)}
            for name in inspector.get_table_names()
        }
    engine.dispose()

    used = [tables.jobs, tables.texts, tables.idempotency, tables.tokens, tables.nodes, tables.meta]
    used += [tables.spent, tables.rules, tables.steps, tables.crontabs]
    assert made == {table.name: {column.name for column in table.c} for table in used}


@pytest.mark.long
def test_a_thousand_rows_take_a_handful_of_statements(path: Path) -> None:
    # Each statement lets the other threads run; beside a busy loop that costs up to 5 ms a statement.
    statements: list[str] = []

    def count(connection: object, cursor: object, statement: str, *more: object) -> None:
        statements.append(statement)

    with closing(open_store(path)) as store:
        sa.event.listen(sa.Engine, "before_cursor_execute", count)
        try:
            store.commit([Change(seq=1, jobs=tuple(job(number) for number in range(1, 1_001)))])
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", count)

    assert len(statements) == 1 + 1_000 // 200 + 1


def job(job_id: int) -> Job:
    return Job(
        id=job_id, name="job", kind=JobKind.COMMAND, user="ada", uid=1, partition="all", submitted_at=1.0
    )


def test_upgrading_twice_changes_nothing() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        meta.upgrade(connection, "the test")
        first = meta.read(connection)
        meta.upgrade(connection, "the test")
        second = meta.read(connection)
    engine.dispose()

    assert first == second
    assert first[meta.SCHEMA] == str(meta.NEWEST)
