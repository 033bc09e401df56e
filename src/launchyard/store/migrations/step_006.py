"""Step 6: two small indexes of the jobs by state, of those that have ended and of those that have not.

One index of all states was written at each move of a job, and most pages of a change were its leaves. Now a
job that starts and runs writes to none; one that ends leaves the live ones and comes to the ended ones.
"""

from typing import Any

import sqlalchemy as sa

_jobs = sa.Table(
    "jobs", sa.MetaData(), sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("state", sa.Text)
)
_LIVE = "state IN ('PENDING', 'STARTING', 'RUNNING', 'SUSPENDED', 'COMPLETING')"
_ENDED = "state NOT IN ('PENDING', 'STARTING', 'RUNNING', 'SUSPENDED', 'COMPLETING')"


def _index(name: str, where: str, *columns: sa.Column[Any]) -> sa.Index:
    condition = sa.text(where)
    return sa.Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


_by_all_states = sa.Index("jobs_state", _jobs.c.state)
_indexes = (
    _index("jobs_live", _LIVE, _jobs.c.id),
    _index("jobs_end_state", _ENDED, _jobs.c.state, _jobs.c.id),
)


def upgrade(connection: sa.Connection) -> None:
    """Make the two, and take the one away."""
    for index in _indexes:
        index.create(connection)
    _by_all_states.drop(connection)
