"""Which of several servers may write: one row with an epoch, which every transaction of a server asks for.

A server renews the row; one that stands by takes it when it was not renewed for `HELD_S`, and raises the
epoch. Whoever slept meanwhile finds another epoch at its next commit and writes nothing. All times are the
database's own: the clocks of the servers do not matter. See docs/decisions/0015-a-lease-with-an-epoch.md.
"""

import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread

import psycopg
import sqlalchemy as sa

from launchyard.store.protocol import Fenced, Held

HELD_S = 5.0
"""So long after its last sign a server keeps the database to itself."""
RENEW_S = 1.0

MAKE = """
CREATE TABLE IF NOT EXISTS lease (
    one boolean PRIMARY KEY CHECK (one),
    epoch bigint NOT NULL,
    holder text NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    renewed_at timestamptz NOT NULL
) WITH (fillfactor = 10)
"""
FIRST = "INSERT INTO lease VALUES (true, 0, '', '', 0, '-infinity') ON CONFLICT DO NOTHING"
TAKE = """
UPDATE lease SET epoch = epoch + 1, holder = %s, host = %s, pid = %s, renewed_at = clock_timestamp()
WHERE holder = %s OR renewed_at < clock_timestamp() - make_interval(secs => %s) RETURNING epoch
"""
WHO = "SELECT host, pid FROM lease"
RENEW = "UPDATE lease SET renewed_at = clock_timestamp() WHERE epoch = %s"
LET_GO = "UPDATE lease SET renewed_at = '-infinity' WHERE epoch = %s"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """That this server may write, for as long as the row has this epoch."""

    epoch: int
    where: str

    def prove(self, connection: sa.Connection) -> None:
        """First in every transaction: holds the row until its end, so that nobody takes over in between."""
        if connection.exec_driver_sql(RENEW, (self.epoch,)).rowcount != 1:
            raise self.lost()

    def lost(self) -> Fenced:
        return Fenced(
            f"another server has taken over {self.where}; this one writes nothing any more and stands by"
        )


def take(connection: sa.Connection, holder: str, where: str) -> Lease:
    """In a transaction of its own. `holder` is who asks: one that comes again need not wait for itself.

    Raises `Held` while another server has it.
    """
    row = connection.exec_driver_sql(
        TAKE, (holder, socket.gethostname(), os.getpid(), holder, HELD_S)
    ).first()
    if row is None:
        host, pid = connection.exec_driver_sql(WHO).one()
        raise Held(
            f"the server on {host} (pid {pid}) works with {where}; this one takes over when that one ends"
        )
    return Lease(epoch=row[0], where=where)


class Renewing:
    """A thread that renews the lease, over a connection of its own; `fenced` is called in it, once."""

    def __init__(
        self,
        lease: Lease,
        connect: Callable[[], "psycopg.Connection[tuple[object, ...]]"],
        fenced: Callable[[], None],
    ) -> None:
        self._lease = lease
        self._connect = connect
        self._fenced = fenced
        self._closing = Event()
        self._thread = Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let the next server in at once."""
        self._closing.set()
        self._thread.join()
        with suppress(psycopg.Error), self._connect() as connection:
            connection.execute(LET_GO, (self._lease.epoch,))

    def _run(self) -> None:
        connection = None
        while not self._closing.wait(RENEW_S):
            try:
                connection = connection or self._connect()
                if connection.execute(RENEW, (self._lease.epoch,)).rowcount != 1:
                    _log.error("%s", self._lease.lost())
                    self._fenced()
                    break
            except psycopg.Error:
                # The writer says what is wrong with the database; here it is tried again.
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()
