"""PostgreSQL: a connection that writes, others that read, and a lease that keeps other servers out.

A connection may break at any moment. Before the commit nothing was written; at the commit nobody knows, and
`StoreDoubtful` says so: the number of the newest change tells at the next try, once the lease was proven
again, which waits for what the broken connection left. See docs/decisions/0015-a-lease-with-an-epoch.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from launchyard.model.database import checked_database, shown
from launchyard.model.errors import Invalid, Unavailable
from launchyard.store import archive, lease, meta, tables
from launchyard.store.lease import Lease, Renewing
from launchyard.store.open import Tenant
from launchyard.store.protocol import StoreBusy, StoreDamaged, StoreDoubtful, StoreFull
from launchyard.store.rows import Garbled
from launchyard.store.sql import Backend, SqlStore

VERSION_LEAST = 130000
CONNECT_S = 5
READERS_KEPT = 8
READERS_MAX = 32
IDLE_S = 3.0
"""A transaction of ours that says nothing for so long is given up: a server that sleeps holds no lock."""
ALIVE: dict[str, Any] = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 6000,
    "application_name": "launchyard",
}
"""A machine that vanished without a word is noticed within seconds."""

Driver = psycopg.Connection[tuple[Any, ...]]


def open_postgres(url: str, tenant: Tenant, *, busy_timeout_s: float = 5.0) -> SqlStore:
    """Take the lease and open the database; its tables are made or brought up to date.

    Raises `Held`, `SchemaTooNew`, `StoreDamaged`, `Unavailable` or `Invalid`.
    """
    server = Server(checked_database(url), tenant.password, busy_timeout_s)
    try:
        return _opened(server, tenant)
    except (DBAPIError, psycopg.Error) as error:
        raise server.explain(error) from error
    except Garbled as garbled:
        raise server.damaged(str(garbled)) from garbled


def back_up(url: str, password: str | None, path: Path) -> None:
    """One moment of the database into a file, whoever works with it."""
    server = Server(checked_database(url), password, CONNECT_S)
    engine = _engine(server.reading, 1, 0, isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            values = meta.read(connection)
            if not values:
                raise Invalid(f"{server.where} has no tables of ours yet; start the server once")
            meta.refuse_newer(values, server.where)
            archive.write(connection, path, int(values[meta.SCHEMA]))
    except (DBAPIError, psycopg.Error) as error:
        raise server.explain(error) from error
    finally:
        engine.dispose()


class Server:
    """Where the database is, how to connect, and what its errors mean."""

    def __init__(self, url: str, password: str | None, busy_timeout_s: float) -> None:
        self._url = url
        self._password = password
        self._busy_timeout_s = busy_timeout_s
        self.where = f"the database {shown(url)}"

    def connect(self, **settings: str) -> Driver:
        """A connection that is safe to commit on. Raises `Invalid` where the server does not keep commits."""
        secret = {} if self._password is None else {"password": self._password}
        connection = psycopg.connect(self._url, **(ALIVE | secret))
        try:
            connection.autocommit = True
            connection.prepare_threshold = 1
            self._refuse_unsafe(connection)
            for name, value in settings.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection

    def writing(self) -> Driver:
        return self.connect(
            lock_timeout=f"{self._busy_timeout_s * 1000:.0f}",
            idle_in_transaction_session_timeout=f"{IDLE_S * 1000:.0f}",
        )

    def reading(self) -> Driver:
        return self.connect(default_transaction_read_only="on")

    def renewing(self) -> Driver:
        """Not flushed: a lease that seems older after a crash only ends earlier."""
        connection = self.connect(lock_timeout=f"{self._busy_timeout_s * 1000:.0f}", synchronous_commit="off")
        connection.autocommit = True
        return connection

    def damaged(self, what: str) -> StoreDamaged:
        return StoreDamaged(f"{self.where} is damaged ({what}); restore a backup: ly restore FILE")

    def explain(self, error: DBAPIError | psycopg.Error) -> Exception:
        """The driver's error, bare or as SQLAlchemy wraps it, as one of ours."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = _first_line(cause)
        state = getattr(cause, "sqlstate", None) or ""
        if state == "53100":
            return StoreFull(f"no space left for {self.where}; free some and it goes on by itself")
        if state in ("55P03", "57014", "40P01", "40001"):
            return StoreBusy(f"somebody else holds rows of {self.where} ({said}); it will be tried again")
        if state.startswith("XX") or state in ("42P01", "42703"):
            return self.damaged(said)
        if state.startswith("22") or (not state and not isinstance(cause, psycopg.OperationalError)):
            return ValueError(said)
        return Unavailable(f"{self.where} cannot be used: {said}; see that it runs and lets this server in")

    def _refuse_unsafe(self, connection: Driver) -> None:
        """A server that forgets commits in a power cut would make every promise of ours a lie."""
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),"
            " current_setting('fsync'), current_setting('full_page_writes'),"
            " current_setting('synchronous_commit')"
        ).fetchone()
        assert row is not None
        if row[0] < VERSION_LEAST:
            raise Invalid(f"{self.where} is of PostgreSQL {row[0] // 10000}; version 13 or newer is needed")
        if row[1] != "UTF8":
            raise Invalid(f"{self.where} has the encoding {row[1]}; make one with ENCODING 'UTF8'")
        for name, value in zip(("fsync", "full_page_writes", "synchronous_commit"), row[2:], strict=True):
            if value == "off":
                raise Invalid(
                    f"{self.where} has {name} = off, so a power cut could lose acknowledged jobs; "
                    f"set {name} = on"
                )
        # Whatever the server's configuration becomes while we are connected.
        connection.execute("SELECT set_config('synchronous_commit', %s, false)", (row[4],))


def _opened(server: Server, tenant: Tenant) -> SqlStore:
    writers = _engine(server.writing, 1, 0)
    try:
        with writers.begin() as connection:
            meta.refuse_newer(meta.read(connection), server.where)
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('launchyard lease'))")
            connection.exec_driver_sql(lease.MAKE)
            connection.exec_driver_sql(lease.FIRST)
        with writers.begin() as connection:
            held = lease.take(connection, tenant.holder, server.where)
        _upgrade(writers, held, server, tenant.backups)
    except BaseException:
        writers.dispose()
        raise
    more = READERS_MAX - READERS_KEPT
    # A database that was restarted fails no read: a connection is asked before it is used again.
    readers = _engine(server.reading, READERS_KEPT, more, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
    renewing = Renewing(held, server.renewing, tenant.fenced)

    def close() -> None:
        readers.dispose()
        writers.dispose()
        renewing.close()

    return SqlStore(
        Backend(
            writing=lambda: _writing(writers, held),
            readers=readers,
            explain=server.explain,
            damaged=server.damaged,
            durable=lambda seq, next_job_id: None,
            check=lambda connection: None,
            close=close,
        )
    )


def _upgrade(writers: sa.Engine, held: Lease, server: Server, backups: Path | None) -> None:
    """In one transaction, fenced like any other, and after a copy was made."""
    with writers.begin() as connection:
        held.prove(connection)
        values = meta.read(connection)
        seen = int(values.get(meta.SCHEMA, "0"))
        if seen < meta.NEWEST:
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            if values and backups is not None:
                archive.keep_before_upgrade(connection, backups, seen)
            meta.upgrade(connection, server.where)
            values = meta.read(connection)
        newest = connection.scalar(sa.select(sa.func.max(tables.jobs.c.id))) or 0
        if newest >= int(values[meta.NEXT_JOB_ID]):
            raise Garbled(f"job {newest} has an id that the counter has not reached")
        # However long that took, nobody else is to take it for abandoned.
        held.prove(connection)


@contextmanager
def _writing(writers: sa.Engine, held: Lease) -> Iterator[sa.Connection]:
    """One transaction that is ours alone. Raises `Fenced`, and `StoreDoubtful` when its end is not known."""
    with writers.connect() as connection:
        transaction = connection.begin()
        try:
            held.prove(connection)
            yield connection
        except BaseException:
            with suppress(DBAPIError):
                transaction.rollback()
            raise
        try:
            transaction.commit()
        except DBAPIError as error:
            if not connection.invalidated:
                raise
            raise StoreDoubtful(
                f"{held.where} went away during a commit ({_first_line(error.orig)}); whether it was kept is "
                "asked as soon as it is back"
            ) from error


def _engine(connect: Callable[[], Driver], kept: int, more: int, **options: Any) -> sa.Engine:
    return sa.create_engine(
        "postgresql+psycopg://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=kept,
        max_overflow=more,
        pool_timeout=CONNECT_S,
        use_native_hstore=False,
        **options,
    )


def _first_line(error: BaseException | None) -> str:
    """Without the lines that say which row: those may hold what users wrote."""
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else "the connection was closed"
