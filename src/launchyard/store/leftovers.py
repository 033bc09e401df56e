"""Texts and idempotency keys that nothing refers to any more: found in their order, and taken away."""

from collections.abc import Sequence

import sqlalchemy as sa

from launchyard.model.change import Change, Idempotency
from launchyard.store import rows, tables

AT_ONCE = 500
"""How many one statement names."""


def digests(connection: sa.Connection, after: str, limit: int) -> list[str]:
    column = tables.texts.c.digest
    found = connection.execute(sa.select(column).where(column > after).order_by(column).limit(limit))
    return [digest for (digest,) in found]


def idempotencies(connection: sa.Connection, after: tuple[str, str], limit: int) -> list[Idempotency]:
    columns = tables.idempotency.c
    user, key = after
    later = sa.or_(columns.user > user, sa.and_(columns.user == user, columns.key > key))
    some = sa.select(columns.record, columns.checksum).where(later).order_by(columns.user, columns.key)
    found = connection.execute(some.limit(limit))
    return [rows.unpack(Idempotency, record, sum_, "an idempotency key") for record, sum_ in found]


def forget(connection: sa.Connection, changes: Sequence[Change]) -> None:
    """Before anything is put: what comes again in the same commit stays."""
    gone = [digest for change in changes for digest in change.forgotten_texts]
    for at in range(0, len(gone), AT_ONCE):
        part = gone[at : at + AT_ONCE]
        connection.execute(sa.delete(tables.texts).where(tables.texts.c.digest.in_(part)))
    columns = tables.idempotency.c
    for user, key in (one for change in changes for one in change.forgotten_keys):
        connection.execute(sa.delete(tables.idempotency).where(columns.user == user, columns.key == key))
