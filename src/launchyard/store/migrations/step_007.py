"""Step 7: the cards of sessions are found among all jobs. No job of before is one."""

import sqlalchemy as sa


def upgrade(connection: sa.Connection) -> None:
    """Few jobs are sessions, so only those are in the index."""
    connection.execute(sa.text("ALTER TABLE jobs ADD COLUMN card INTEGER"))
    connection.execute(sa.text('CREATE INDEX jobs_card ON jobs ("user", id) WHERE card IS NOT NULL'))
