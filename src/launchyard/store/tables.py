"""The tables as queries see them now. How they came to be, step by step, is in migrations/."""

import sqlalchemy as sa

jobs = sa.table(
    "jobs",
    sa.column("id", sa.BigInteger),
    sa.column("state", sa.Text),
    sa.column("user", sa.Text),
    sa.column("name", sa.Text),
    sa.column("partition", sa.Text),
    sa.column("submission_id", sa.Text),
    sa.column("array_job_id", sa.BigInteger),
    sa.column("array_index", sa.BigInteger),
    sa.column("submitted_at", sa.Double),
    sa.column("ended_at", sa.Double),
    sa.column("group", sa.Text),
    sa.column("card", sa.Integer),
    sa.column("engine_id", sa.Text),
    sa.column("checksum", sa.BigInteger),
    sa.column("record", sa.LargeBinary),
)

texts = sa.table("texts", sa.column("digest", sa.Text), sa.column("body", sa.LargeBinary))

idempotency = sa.table(
    "idempotency",
    sa.column("user", sa.Text),
    sa.column("key", sa.Text),
    sa.column("checksum", sa.BigInteger),
    sa.column("record", sa.LargeBinary),
)

tokens = sa.table(
    "tokens",
    sa.column("id", sa.Text),
    sa.column("checksum", sa.BigInteger),
    sa.column("record", sa.LargeBinary),
)

nodes = sa.table(
    "nodes",
    sa.column("cluster", sa.Text),
    sa.column("name", sa.Text),
    sa.column("checksum", sa.BigInteger),
    sa.column("record", sa.LargeBinary),
)

spent = sa.table(
    "spent",
    sa.column("user", sa.Text),
    sa.column("account", sa.Text),
    sa.column("qos", sa.Text),
    sa.column("checksum", sa.BigInteger),
    sa.column("record", sa.LargeBinary),
)

steps = sa.table(
    "steps",
    sa.column("job_id", sa.BigInteger),
    sa.column("attempt", sa.BigInteger),
    sa.column("number", sa.BigInteger),
    sa.column("user", sa.Text),
    sa.column("ended_at", sa.Double),
    sa.column("checksum", sa.BigInteger),
    sa.column("record", sa.LargeBinary),
)

crontabs = sa.table(
    "crontabs",
    sa.column("uid", sa.BigInteger),
    sa.column("checksum", sa.BigInteger),
    sa.column("record", sa.LargeBinary),
)

rules = sa.table(
    "rules",
    sa.column("name", sa.Text),
    sa.column("checksum", sa.BigInteger),
    sa.column("body", sa.LargeBinary),
)

meta = sa.table(
    "meta", sa.column("key", sa.Text), sa.column("value", sa.Text), sa.column("checksum", sa.BigInteger)
)
