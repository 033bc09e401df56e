"""Reservations between JSON and the model."""

from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.number import shown
from launchyard.model.reservation import Reservation
from launchyard.model.walltime import WALLTIME_MAX_S
from launchyard.model.when import parse_rfc3339, rfc3339
from launchyard.wire.convert import checked_name
from launchyard.wire.orders import MakeReservation
from launchyard.wire.wishes import count


def to_reservation(body: MakeReservation, now: float, by: str) -> tuple[Reservation, int | None]:
    """The reservation asked for, and how many nodes when they are not named. Raises `Invalid`."""
    name = checked_name(body.name, "name") or ""
    if not all(c.isascii() and (c.isalnum() or c in "._-") for c in name):
        raise Invalid(f"the name {shown(name)} must be letters, digits, '.', '_' or '-'")
    start = float(int(now)) if body.start is None else parse_rfc3339(body.start)
    if body.nodes is None and body.count is None:
        raise Invalid('say which nodes, such as "n[1-4]", or by count how many')
    names = body.nodes if isinstance(body.nodes, str) else ",".join(body.nodes or ())
    return (
        Reservation(
            name=name,
            start=start,
            end=_end(body, start),
            nodes=tuple(dict.fromkeys(expand(names))) if names else (),
            users=tuple(checked_name(user, "users") or "" for user in body.users),
            accounts=tuple(checked_name(account, "accounts") or "" for account in body.accounts),
            maintenance=body.maintenance,
            reason=checked_name(body.reason or None, "reason") or "",
            created_by=by,
        ),
        count(body.count, "count"),
    )


def reservation_json(one: Reservation) -> dict[str, Any]:
    return {
        "name": one.name,
        "start": rfc3339(one.start),
        "end": rfc3339(one.end),
        "nodes": list(one.nodes),
        "users": list(one.users),
        "accounts": list(one.accounts),
        "maintenance": one.maintenance,
        "reason": one.reason or None,
        "created_by": one.created_by,
        "created_at": rfc3339(one.created_at),
    }


def _end(body: MakeReservation, start: float) -> float:
    if (body.end is None) == (body.duration_s is None):
        raise Invalid("say either by end when it is over, or by duration_s how long it is")
    if body.end is not None:
        return parse_rfc3339(body.end)
    seconds = body.duration_s or 0
    if not 1 <= seconds <= WALLTIME_MAX_S:
        raise Invalid(f"duration_s is {seconds}; it is between 1 s and {WALLTIME_MAX_S} s (100 years)")
    return start + seconds
