"""Step 1: the first tables. Frozen: what changes later is a step of its own."""

from typing import Any

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


def _indexes(jobs: sa.Table, dialect: str) -> list[sa.Index]:
    def index(name: str, *columns: str, unique: bool = False, where: str | None = None) -> sa.Index:
        """Only the rows that have the column `where` are in the index."""
        partial: dict[str, Any] = {} if where is None else {f"{dialect}_where": jobs.c[where].is_not(None)}
        return sa.Index(name, *(jobs.c[column] for column in columns), unique=unique, **partial)

    return [
        index("jobs_state", "state"),
        index("jobs_user", "user", "id"),
        index("jobs_submission", "user", "submission_id", unique=True, where="submission_id"),
        index("jobs_task", "array_job_id", "array_index", unique=True, where="array_job_id"),
        index("jobs_submitted_at", "submitted_at"),
        index("jobs_ended_at", "ended_at", where="ended_at"),
    ]


def upgrade(connection: sa.Connection) -> None:
    """Make the tables. `meta` is older than every step: it holds the number of the last one."""
    _metadata.create_all(connection, checkfirst=False)
    for index in _indexes(_jobs.to_metadata(sa.MetaData()), connection.dialect.name):
        index.create(connection)
