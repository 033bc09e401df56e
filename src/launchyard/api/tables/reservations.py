"""The columns of reservations."""

from collections.abc import Mapping

from launchyard.api.tables.column import Column
from launchyard.model.reservation import Reservation

COLUMNS: Mapping[str, Column[Reservation]] = {
    "name": lambda one: one.name,
    "start": lambda one: one.start,
    "end": lambda one: one.end,
    "nodes": lambda one: list(one.nodes),
    "users": lambda one: list(one.users),
    "accounts": lambda one: list(one.accounts),
    "maintenance": lambda one: one.maintenance,
    "reason": lambda one: one.reason or None,
    "created_by": lambda one: one.created_by,
    "created_at": lambda one: one.created_at,
}
