"""Step 3: the ended jobs of one user and name, newest first, found at once: what advice is made of.

Only ended jobs are in the index, so that submitting and starting jobs write nothing to it.
"""

from typing import Any

import sqlalchemy as sa

_jobs = sa.Table(
    "jobs",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("user", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("ended_at", sa.Double),
)


def upgrade(connection: sa.Connection) -> None:
    """Make the index."""
    jobs = _jobs.to_metadata(sa.MetaData())
    ended: dict[str, Any] = {f"{connection.dialect.name}_where": jobs.c.ended_at.is_not(None)}
    sa.Index("jobs_runs", jobs.c.user, jobs.c.name, jobs.c.id, **ended).create(connection)
