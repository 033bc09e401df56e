"""Step 1: the first tables. Frozen: what changes later is a step of its own."""

import sqlalchemy as sa

_metadata = sa.MetaData()

_integer_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite gives the row its place by its id only when the type is INTEGER."""

_jobs = sa.Table(
    "jobs",
    _metadata,
    sa.Column("id", _integer_key, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("partition", sa.Text, nullable=False),
    sa.Column("submission_id", sa.Text),
    sa.Column("array_job_id", sa.BigInteger),
    sa.Column("array_index", sa.BigInteger),
    sa.Column("submitted_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)


def _index(name: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    """Only the rows that have the column `where` are in the index."""
    condition = None if where is None else _jobs.c[where].is_not(None)
    sa.Index(
        name,
        *(_jobs.c[column] for column in columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


_index("jobs_state", "state")
_index("jobs_user", "user", "id")
_index("jobs_submission", "user", "submission_id", unique=True, where="submission_id")
_index("jobs_task", "array_job_id", "array_index", unique=True, where="array_job_id")
_index("jobs_submitted_at", "submitted_at")
_index("jobs_ended_at", "ended_at", where="ended_at")

sa.Table(
    "texts",
    _metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

sa.Table(
    "idempotency",
    _metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)

sa.Table(
    "tokens",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)

sa.Table(
    "nodes",
    _metadata,
    sa.Column("cluster", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)


def upgrade(connection: sa.Connection) -> None:
    """Make the tables. `meta` is older than every step: it holds the number of the last one."""
    _metadata.create_all(connection, checkfirst=False)
