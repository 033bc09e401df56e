"""The few single values beside the rows: which schema, which change, which job id comes next.

`meta` itself is made here and never changes its shape, so that any Launchyard can read how new a database is.
"""

from secrets import token_hex
from zlib import crc32

import sqlalchemy as sa

from launchyard.store import tables
from launchyard.store.migrations import STEPS
from launchyard.store.protocol import SchemaTooNew
from launchyard.store.rows import Garbled

SCHEMA = "schema"
LAST_SEQ = "last_seq"
NEXT_JOB_ID = "next_job_id"
DATABASE = "database"
"""Random, so that a file beside the database can say which one it belongs to."""

NEWEST = len(STEPS)
"""The schema that this Launchyard makes."""

_metadata = sa.MetaData()
_meta = sa.Table(
    "meta",
    _metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("checksum", sa.BigInteger, nullable=False),
)


def row(key: str, value: str) -> tuple[str, str, int]:
    return key, value, crc32(f"{key}={value}".encode())


def read(connection: sa.Connection) -> dict[str, str]:
    """All values; empty for a database that nobody has used yet. Raises `Garbled`."""
    if not sa.inspect(connection).has_table("meta"):
        return {}
    found: dict[str, str] = {}
    for key, value, checksum in connection.execute(sa.select(*tables.meta.c)):
        if row(key, value)[2] != checksum:
            raise Garbled(f"the checksum of the value {key!r} is wrong")
        found[key] = value
    return found


def upgrade(connection: sa.Connection, where: str) -> None:
    """Take the database from whatever step it has seen to the last one, inside the caller's transaction."""
    values = read(connection)
    seen = int(values.get(SCHEMA, "0"))
    refuse_newer(values, where)
    if not values:
        make(connection)
        fresh = {SCHEMA: "0", LAST_SEQ: "0", NEXT_JOB_ID: "1", DATABASE: token_hex(16)}
        connection.execute(tables.meta.insert(), [_named(key, value) for key, value in fresh.items()])
    for step in STEPS[seen:]:
        step(connection)
    _put(connection, SCHEMA, str(NEWEST))


def make(connection: sa.Connection) -> None:
    """The table alone, with nothing in it."""
    _metadata.create_all(connection)


def refuse_newer(values: dict[str, str], where: str) -> None:
    """Raises `SchemaTooNew`: a newer Launchyard has used this database."""
    seen = int(values.get(SCHEMA, "0"))
    if seen > NEWEST:
        raise SchemaTooNew(
            f"{where} has schema {seen} of a newer Launchyard and this one knows schema {NEWEST}; "
            "start the newer Launchyard, or restore the backup made before the upgrade"
        )


def _put(connection: sa.Connection, key: str, value: str) -> None:
    connection.execute(sa.update(tables.meta).where(tables.meta.c.key == key).values(_named(key, value)))


def _named(key: str, value: str) -> dict[str, str | int]:
    return dict(zip(("key", "value", "checksum"), row(key, value), strict=True))
