"""Step 3: the ended jobs of one user and name, newest first, found at once: what advice is made of.

Only ended jobs are in the index, so that submitting and starting jobs write nothing to it.
"""

import sqlalchemy as sa

_jobs = sa.Table(
    "jobs",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("user", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("ended_at", sa.Double),
)
_ended = _jobs.c.ended_at.is_not(None)
_runs = sa.Index(
    "jobs_runs",
    _jobs.c.user,
    _jobs.c.name,
    _jobs.c.id,
    sqlite_where=_ended,
    postgresql_where=_ended,
)


def upgrade(connection: sa.Connection) -> None:
    """Make the index."""
    _runs.create(connection)
