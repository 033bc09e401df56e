"""Step 8: jobs are found by the id that their engine has for them. No job of before has one."""

import sqlalchemy as sa


def upgrade(connection: sa.Connection) -> None:
    """On one machine no job has one, so only those that do are in the index."""
    connection.execute(sa.text("ALTER TABLE jobs ADD COLUMN engine_id TEXT"))
    connection.execute(
        sa.text("CREATE INDEX jobs_engine_id ON jobs (engine_id, id) WHERE engine_id IS NOT NULL")
    )
