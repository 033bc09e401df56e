"""Step 4: the steps of jobs."""

import sqlalchemy as sa

_metadata = sa.MetaData()

_steps = sa.Table(
    "steps",
    _metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)
sa.Index("steps_ended_at", _steps.c.ended_at)


def upgrade(connection: sa.Connection) -> None:
    """Make the table."""
    _metadata.create_all(connection, checkfirst=False)
