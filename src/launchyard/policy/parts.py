"""Jobs of unlike parts: all parts get their place at once, or none does.

The parts are placed one after the other on the same ledger, in a likely order, else in another.
Not all orders are tried: where they miss a place that there is, the job waits, and nobody else is hurt.
"""

from collections.abc import Callable, Mapping, Sequence

from launchyard.model.resources import Allocation, Part, in_all
from launchyard.policy.future import Future, Wish
from launchyard.policy.index import Index, Row
from launchyard.policy.ledger import Ledger
from launchyard.policy.need import Need
from launchyard.policy.queue import Candidate
from launchyard.policy.snapshot import Snapshot


def fit(snapshot: Snapshot, future: Future, parts: Sequence[Part], seconds: float) -> Allocation | None:
    """Where all parts fit now for so long, if they delay nobody for whom something is kept."""
    now = snapshot.now

    def nodes(part: Part, row: Row) -> int:
        here = future.open_to(row.fits, seconds, part.request.reservation, now)
        return here & future.beside(row.need, now + seconds)

    found = place(snapshot.ledger, snapshot.index, parts, nodes)
    return found if found is not None and future.leaves_enough(found, now + seconds) else None


def wishes_of(snapshot: Snapshot, job: Candidate) -> list[list[Wish]]:
    """What is to be kept for a job: one wish, or one for each of its parts, in each order that is tried.

    Of what may run for less than it asked, until its reservation ends, the start is kept.
    """
    index, shape = snapshot.index, job.shape
    seconds = snapshot.seconds(shape.partition, shape.time_limit_s)
    parts = shape.parts or (Part(partition=shape.partition, request=shape.request),)
    rows = [index.row(part.partition, part.request) for part in parts]
    return [
        [Wish(job.job_id, rows[number], least, parts[number].request.reservation) for number in order]
        for least in ((seconds, 1.0) if shape.until_reservation_ends else (seconds,))
        for order in _orders(index, parts)
    ]


def place(
    ledger: Ledger, index: Index, parts: Sequence[Part], nodes: Callable[[Part, Row], int]
) -> Allocation | None:
    """Where all parts go, each on those of its `nodes` that hold it; the ledger is left as it was."""
    for order in _orders(index, parts):
        found = _placed(ledger, index, {number: parts[number] for number in order}, nodes)
        if len(found) == len(parts):
            return _together(parts, [found[number] for number in range(len(parts))])
    return None


def _placed(
    ledger: Ledger, index: Index, parts: Mapping[int, Part], nodes: Callable[[Part, Row], int]
) -> dict[int, Allocation]:
    """The parts as far as they fit one after the other."""
    given: dict[int, Allocation] = {}
    for number, part in parts.items():
        row = index.row(part.partition, part.request)
        allocation = ledger.shares(part.request, row.need, nodes(part, row))
        if allocation is None or not ledger.has_licences(part.request):
            break
        ledger.adopt(allocation)
        given[number] = allocation
    for one in given.values():
        ledger.release(one)
    return given


def _orders(index: Index, parts: Sequence[Part]) -> list[list[int]]:
    """Those first that few nodes suit; those first that take the most; as they were given."""
    if len(parts) == 1:
        return [[0]]
    every = range(len(parts))
    allowed = [index.row(part.partition, part.request).allowed.bit_count() for part in parts]
    needs = [Need.of(part.request) for part in parts]
    size = [(not one.exclusive, -one.gpus, -one.cpus_milli, -one.memory_mib) for one in needs]
    orders = (
        sorted(every, key=lambda number: (allowed[number], size[number])),
        sorted(every, key=lambda number: size[number]),
        list(every),
    )
    return [order for number, order in enumerate(orders) if order not in orders[:number]]


def _together(parts: Sequence[Part], given: Sequence[Allocation]) -> Allocation:
    return Allocation(
        shares=tuple(share for one in given for share in one.shares),
        licences=in_all(parts).licences,
        parts=tuple(len(one.shares) for one in given),
    )
