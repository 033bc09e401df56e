"""Advance and maintenance reservations: who may use one, what they bar, and the sentence for who waits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from launchyard.model.errors import Infeasible
from launchyard.model.job import Job
from launchyard.model.number import shown
from launchyard.model.partition import Partition
from launchyard.model.reason import Reason
from launchyard.model.reservation import Reservation
from launchyard.model.resources import Request
from launchyard.model.walltime import format_walltime, humane
from launchyard.model.when import rfc3339
from launchyard.policy.capacity import Capacity
from launchyard.policy.future import Closure, Future
from launchyard.policy.impossible import nearest, refuse_impossible, some
from launchyard.policy.index import Row
from launchyard.policy.ledger import Ledger, positions

Reservations = Mapping[str, Reservation]


def closures_of(reservations: Iterable[Reservation], ledger: Ledger) -> tuple[Closure, ...]:
    """As the plan knows them; a maintenance belongs to nobody."""
    return tuple(
        Closure(
            name="" if one.maintenance else one.name,
            start=one.start,
            end=one.end,
            nodes=sum(ledger.free[name].bit for name in set(one.nodes) if name in ledger.free),
        )
        for one in reservations
    )


def refuse_reserved(
    request: Request,
    time_limit_s: int | None,
    who: tuple[str, str | None, bool],
    where: tuple[Partition, Capacity],
    reservations: Reservations,
    now: float,
) -> None:
    """`who`: user, account, and whether an administrator. Raises `Infeasible` for what it is not for."""
    name = request.reservation
    found = reservations.get(name)
    user, account, admin = who
    if found is None or found.end <= now:
        usable = [one.name for one in reservations.values() if may_use(one, user, account, admin=admin)]
        raise Infeasible(
            f"there is no reservation {shown(name)}; {nearest(name, usable)}", code="no-reservation"
        )
    if not may_use(found, user, account, admin=admin):
        raise Infeasible(f"reservation {name} is not for {user}; {_for_whom(found)}", code="no-reservation")
    left_s = int(found.left_s(now))
    if time_limit_s is None or time_limit_s > left_s:
        asked = "no limit" if time_limit_s is None else humane(time_limit_s)
        raise Infeasible(
            f"reservation {name} has {humane(left_s)} left, {asked} asked for; "
            f"ask for --time {format_walltime(left_s)} or less"
        )
    partition, capacity = where
    names = sorted(set(found.nodes) & set(request.nodelist or found.nodes))
    if not names:
        raise Infeasible(f"--nodelist names none of the nodes of reservation {name}: {some(found.nodes)}")
    try:
        refuse_impossible(replace(request, nodelist=tuple(names)), partition, capacity)
    except Infeasible as error:
        raise Infeasible(f"on the nodes of reservation {name} ({some(names)}): {error}") from None


def may_use(reservation: Reservation, user: str, account: str | None, *, admin: bool = False) -> bool:
    if reservation.maintenance:
        return False
    return admin or user in reservation.users or account in reservation.accounts


def overlapping(new: Reservation, others: Iterable[Reservation]) -> Reservation | None:
    """Another one that has promised nodes of this one to somebody; maintenance may come over anything."""
    if new.maintenance:
        return None
    return next((one for one in others if one.name != new.name and new.meets(one)), None)


def free_nodes(
    count: int, wanted: Reservation, reservations: Iterable[Reservation], busy: Mapping[str, float]
) -> list[str]:
    """So many nodes of the `wanted` ones, first those free by then; `busy`: until when each may be in use."""
    taken = {name for one in reservations if wanted.meets(one) for name in one.nodes}
    free = [name for name in wanted.nodes if name not in taken]
    if len(free) < count:
        nodes = f"{count} node{'' if count == 1 else 's'}"
        raise Infeasible(
            f"{nodes} asked for, {len(free)} of {len(wanted.nodes)} are in no other reservation then; "
            f"ask for {len(free)} or less, or for another time"
        )
    return sorted(free, key=lambda name: (max(0.0, busy.get(name, 0.0) - wanted.start), free.index(name)))[
        :count
    ]


@dataclass(frozen=True, slots=True)
class Bar:
    """What alone keeps jobs of one shape from starting now: the one after which they fit, and its nodes."""

    reservation: Reservation
    nodes: tuple[str, ...]


def bar(
    request: Request,
    row: Row,
    seconds: float,
    ledger: Ledger,
    reservations: Sequence[Reservation],
    now: float,
) -> Bar | None:
    """None: it is not reservations alone. `row` is that of the request."""
    future = Future(ledger, now, closures_of(reservations, ledger))
    opened = future.open_to(row.fits, seconds, "", now)
    if opened == row.fits or ledger.shares(request, row.need, row.fits) is None:
        return None
    if ledger.shares(request, row.need, opened) is not None:
        return None
    barred = {ledger.names[at] for at in positions(row.fits & ~opened)}
    barring = [one for one in reservations if barred & set(one.nodes) and one.start < now + seconds]
    barring.sort(key=lambda one: (one.end, one.name))
    last = barring[-1]
    for one in barring:
        left = Future(
            ledger, one.end, closures_of([two for two in reservations if two.end > one.end], ledger)
        )
        if ledger.shares(request, row.need, left.open_to(row.fits, seconds, "", one.end)) is not None:
            last = one
            break
    return Bar(last, tuple(name for name in last.nodes if name in barred))


def of_its_own(job: Job, seconds: float, own: Reservation | None, now: float) -> Reason | None:
    """Why a job waits that names a reservation (`own`, None when it is gone); None: not for that."""
    name = job.request.reservation
    change = f'`ly update {job.id} --reservation ""` lets it go on without'
    if own is None or own.end <= now:
        return Reason(
            code="reservation-gone",
            sentence=f"waits for reservation {name}, which is over or was deleted; {change}",
        )
    if own.start > now:
        sentence = f"waits until {rfc3339(own.start)}, when reservation {name} begins"
        return Reason(code="reservation", sentence=sentence)
    least_s = 1 if job.until_reservation_ends else seconds
    if now + (job.time_min_s or least_s) > own.end:
        left = format_walltime(max(1, int(own.end - now)))
        sentence = (
            f"would run past the end of reservation {name} at {rfc3339(own.end)}; "
            f"`ly update {job.id} --time {left}` makes it fit"
        )
        return Reason(code="reservation", sentence=sentence)
    return None


def barred(job: Job, found: Bar, now: float) -> Reason:
    """`waits until 14:00: nodes n1 and n2 are reserved for maintenance`, and what lets it start before."""
    one, here = found.reservation, found.nodes
    nodes = f"node {here[0]} is" if len(here) == 1 else f"nodes {_listed(here)} are"
    what = f"for {one.reason}" if one.reason else "for maintenance" if one.maintenance else f"as {one.name}"
    sentence = f"waits until {rfc3339(one.end)}: {nodes} reserved {what}"
    before_s = int(one.start - now)
    if before_s >= 60:
        change = f"--time {format_walltime(before_s - before_s % 60)}"
        how = f"`ly update {job.id} {change}`" if job.id else change
        sentence += f" from {rfc3339(one.start)}; it would fit before with {how}"
    return Reason(code="reserved", sentence=sentence)


def _listed(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _for_whom(one: Reservation) -> str:
    if one.maintenance:
        return "it is for maintenance, and for no jobs"
    parts = [f"users {', '.join(one.users)}"] if one.users else []
    parts += [f"accounts {', '.join(one.accounts)}"] if one.accounts else []
    return f"it is for {' and '.join(parts)}"
