"""Step 2: what users have used of their accounts, and the rules that were put in force at run time."""

import sqlalchemy as sa

_metadata = sa.MetaData()

sa.Table(
    "spent",
    _metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("qos", sa.Text, primary_key=True),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)

sa.Table(
    "rules",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("checksum", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)


def upgrade(connection: sa.Connection) -> None:
    """Make the tables."""
    _metadata.create_all(connection, checkfirst=False)
