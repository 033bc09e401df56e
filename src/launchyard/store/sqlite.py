"""SQLite: one connection writes and checkpoints, read-only ones read, damage is looked for at open.

WAL with synchronous=FULL: a commit that returned survives a power cut (NORMAL lost all of them: measured).
Versions before 3.51.3 can damage a database whose log two connections reset at once; here only one may.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path
from shlex import quote as quoted
from typing import Literal
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from launchyard.model.errors import Invalid, Unavailable
from launchyard.store import archive, guard, meta, tables
from launchyard.store.filesystem import refuse_network_file_system
from launchyard.store.protocol import StoreBusy, StoreDamaged, StoreFull
from launchyard.store.rows import Garbled
from launchyard.store.sql import Backend, SqlStore

MAGIC = b"SQLite format 3\0"
WAL_PAGES = 2_000
"""The log is written back into the database beyond this many pages (8 MiB)."""
WAL_BYTES_KEPT = 64 * 1024 * 1024
FULL_CHECK_BYTES = 256 * 1024 * 1024
"""Up to this size (some 200,000 jobs, half a second) the check at open compares indexes with rows too."""
READERS_KEPT = 8
READERS_MAX = 64
PROBE_BYTES = 64 * 1024

Synchronous = Literal["FULL", "NORMAL"]


def open_sqlite(path: Path, *, busy_timeout_s: float = 5.0, synchronous: Synchronous = "FULL") -> SqlStore:
    """Open or make the database. `synchronous="NORMAL"` is for the test that shows what it would lose."""
    refuse_network_file_system(path)
    errors = Errors(path, busy_timeout_s)
    try:
        fresh = _prepare_file(path, errors)
        values = {} if fresh else _sound_values(path, busy_timeout_s, errors)
        return _connect(path, values, busy_timeout_s, synchronous, errors)
    except (DBAPIError, sqlite3.Error) as error:
        raise errors.explain(error) from error
    except Garbled as garbled:
        raise errors.damaged(str(garbled)) from garbled
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise errors.full() from error
        raise Invalid(
            f"the database {path} cannot be opened: {error.strerror}; name another --state"
        ) from error


class Errors:
    """What SQLite's errors mean, with the file's name."""

    def __init__(self, path: Path, busy_timeout_s: float) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s

    def damaged(self, what: str) -> StoreDamaged:
        return StoreDamaged(
            f"the database {self._path} is damaged ({what}); restore your backup of it, or move it aside and "
            f"start again with an empty queue, which forgets all jobs: {self._move_aside()}"
        )

    def full(self) -> StoreFull:
        return StoreFull(f"no space left for the database {self._path}; free some and it goes on by itself")

    def explain(self, error: DBAPIError | sqlite3.Error) -> Exception:
        """The driver's error, bare or as SQLAlchemy wraps it, as one of ours."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        primary = code & 0xFF
        if isinstance(cause, sqlite3.InterfaceError | sqlite3.DataError | sqlite3.ProgrammingError):
            return ValueError(str(cause))
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreBusy(
                f"another process holds the database {self._path} (waited {self._busy_timeout_s:g} s); "
                "it will be tried again"
            )
        if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and self._no_space()):
            return self.full()
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self.damaged(str(cause))
        return Unavailable(
            f"the database {self._path} cannot be used: {cause}; look at its disk and permissions"
        )

    def _move_aside(self) -> str:
        files = f"{quoted(str(self._path.parent / self._path.stem))}.*"
        aside = quoted(str(self._path.parent / "damaged"))
        return f"mkdir {aside} && mv {files} {aside}/"

    def _no_space(self) -> bool:
        """SQLite says only "I/O error" for a full quota and a full memory file system: try to write."""
        probe = self._path.with_name(f".{self._path.name}.space")
        try:
            with open(probe, "wb", buffering=0) as file:
                return file.write(bytes(PROBE_BYTES)) < PROBE_BYTES
        except OSError:
            return True
        finally:
            probe.unlink(missing_ok=True)


def _guard_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.seq")


def _prepare_file(path: Path, errors: Errors) -> bool:
    """Make the file when it is not there; whether it is new or empty.

    Before any connection: closing a descriptor of an open database would drop its locks.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Invalid(f"the database {path} is not a regular file; name another --state")
        os.fchmod(fd, 0o600)
        start = file.read(len(MAGIC))
    if start and start != MAGIC:
        raise errors.damaged("it does not begin as a database does")
    log = path.with_name(path.name + "-wal")
    if not start and (guard.read(_guard_path(path)) or (log.exists() and log.stat().st_size)):
        raise errors.damaged("it is missing or empty, but there was one")
    return not start


def _sound_values(path: Path, busy_timeout_s: float, errors: Errors) -> dict[str, str]:
    """What `meta` holds, or `StoreDamaged` or `SchemaTooNew`.

    Looks at everything before the first write, so that what can be saved from the files stays in them.
    """
    if path.with_name(path.name + "-journal").exists():
        _undo_first_start(path, busy_timeout_s)
    readers = _engine(path, "ro", busy_timeout_s, "PRAGMA query_only = 1")
    try:
        with readers.connect() as connection:
            values = meta.read(connection)
            meta.refuse_newer(values, f"the database {path}")
            thorough = path.stat().st_size <= FULL_CHECK_BYTES
            _check_pages(connection, "integrity_check" if thorough else "quick_check")
            kept = guard.read(_guard_path(path))
            if kept is not None and not values:
                raise errors.damaged("its tables are missing")
            if values:
                _refuse_lost_commits(connection, values, kept, errors)
            return values
    finally:
        readers.dispose()


def _undo_first_start(path: Path, busy_timeout_s: float) -> None:
    """A first start that was cut short before the log existed left a journal; only a writer may undo it."""
    with closing(_connection(path, "rw", busy_timeout_s)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _refuse_lost_commits(
    connection: sa.Connection, values: dict[str, str], kept: guard.Kept | None, errors: Errors
) -> None:
    seq, next_job_id = int(values[meta.LAST_SEQ]), int(values[meta.NEXT_JOB_ID])
    if kept is not None and kept.database == values[meta.DATABASE] and kept.seq > seq:
        raise errors.damaged(f"it ends at change {seq} and change {kept.seq} was acknowledged")
    newest = connection.scalar(sa.select(sa.func.max(tables.jobs.c.id))) or 0
    if newest >= next_job_id:
        raise Garbled(f"job {newest} has an id that the counter {next_job_id} has not reached")


def _connect(
    path: Path, values: dict[str, str], busy_timeout_s: float, synchronous: Synchronous, errors: Errors
) -> SqlStore:
    writers = _engine(
        path,
        "rw",
        busy_timeout_s,
        f"PRAGMA synchronous = {synchronous}",
        f"PRAGMA wal_autocheckpoint = {WAL_PAGES}",
        f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}",
    )
    sa.event.listen(writers, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    writer = writers.connect()
    try:
        values = _upgraded(writer, values, path)
        kept = guard.Guard(
            _guard_path(path),
            values[meta.DATABASE],
            int(values[meta.LAST_SEQ]),
            int(values[meta.NEXT_JOB_ID]),
        )
    except BaseException:
        writer.close()
        raise
    _flush_directory(path.parent)
    readers = _engine(path, "ro", busy_timeout_s, "PRAGMA query_only = 1", kept=READERS_KEPT)

    def close() -> None:
        readers.dispose()
        writer.close()
        kept.close()

    @contextmanager
    def writing() -> Iterator[sa.Connection]:
        with writer.begin():
            yield writer

    return SqlStore(
        Backend(
            writing=writing,
            readers=readers,
            explain=errors.explain,
            damaged=errors.damaged,
            durable=kept.keep,
            check=lambda connection: _check_pages(connection, "integrity_check"),
            close=close,
        )
    )


def _upgraded(writer: sa.Connection, values: dict[str, str], path: Path) -> dict[str, str]:
    """The values of an up-to-date database. Nothing is written when it is one: its disk may be full."""
    driver = writer.connection.driver_connection
    assert driver is not None
    if driver.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise Invalid(
            f"{path.parent} is on a file system that cannot keep the database; name another --state"
        )
    if values.get(meta.SCHEMA) == str(meta.NEWEST):
        return values
    if values:
        archive.keep_file_before_upgrade(path)
    with writer.begin():
        meta.upgrade(writer, f"the database {path}")
        values = meta.read(writer)
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return values


def _engine(path: Path, mode: str, busy_timeout_s: float, *pragmas: str, kept: int = 0) -> sa.Engine:
    """Connections to the file, each prepared with the pragmas; `kept` of them are kept open between uses."""

    def connect() -> sqlite3.Connection:
        return _connection(path, mode, busy_timeout_s, *pragmas)

    if not kept:
        return sa.create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
    return sa.create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=kept,
        max_overflow=READERS_MAX - kept,
    )


def _connection(path: Path, mode: str, busy_timeout_s: float, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={mode}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    for pragma in pragmas:
        connection.execute(pragma).close()
    return connection


def _check_pages(connection: sa.Connection, pragma: Literal["quick_check", "integrity_check"]) -> None:
    found = connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar()
    if found != "ok":
        raise Garbled(str(found).replace("\n", " "))


def _flush_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
