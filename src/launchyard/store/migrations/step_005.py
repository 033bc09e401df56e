"""Step 5: the crontabs of users."""

import sqlalchemy as sa

_metadata = sa.MetaData()

sa.Table(
    "crontabs",
    _metadata,
    sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)


def upgrade(connection: sa.Connection) -> None:
    """Make the table."""
    _metadata.create_all(connection, checkfirst=False)
