"""Step 6: the jobs of a group are found by it."""

import sqlalchemy as sa

_GROUPS = {
    "sqlite": "CASE WHEN json_valid(CAST(record AS TEXT)) "
    "THEN json_extract(CAST(record AS TEXT), '$.group') END",
    "postgresql": "convert_from(record, 'UTF8')::json ->> 'group'",
}
"""Where a row that is there already says its group."""


def upgrade(connection: sa.Connection) -> None:
    """Few jobs have one, so only those are in the index."""
    name = connection.dialect.name
    connection.execute(sa.text('ALTER TABLE jobs ADD COLUMN "group" TEXT'))
    connection.execute(
        sa.text(f'UPDATE jobs SET "group" = {_GROUPS[name]} WHERE {_GROUPS[name]} IS NOT NULL')  # noqa: S608
    )
    connection.execute(sa.text('CREATE INDEX jobs_group ON jobs ("group", id) WHERE "group" IS NOT NULL'))
