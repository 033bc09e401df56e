"""Jobs of unlike parts: all parts get their place at once, or none does.

The parts are placed one after the other on the same ledger, those first that few nodes suit. The order is
the same every time: where it misses a place that another would find, the job waits, and nobody else is hurt.
"""

from collections.abc import Callable, Sequence

from launchyard.model.resources import Allocation, Part, in_all
from launchyard.policy.future import Future, Wish
from launchyard.policy.index import Index, Row
from launchyard.policy.ledger import Ledger
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


def wishes_of(snapshot: Snapshot, job: Candidate) -> list[Wish]:
    """What is to be kept for a job: one wish, or one for each of its parts."""
    index, shape = snapshot.index, job.shape
    seconds = snapshot.seconds(shape.partition, shape.time_limit_s)
    parts = shape.parts or (Part(partition=shape.partition, request=shape.request),)
    return [
        Wish(job.job_id, index.row(part.partition, part.request), seconds, part.request.reservation)
        for part in (parts[number] for number in _order(index, parts))
    ]


def place(
    ledger: Ledger, index: Index, parts: Sequence[Part], nodes: Callable[[Part, Row], int]
) -> Allocation | None:
    """Where all parts go, each on those of its `nodes` that hold it; the ledger is left as it was."""
    given: dict[int, Allocation] = {}
    try:
        for number in _order(index, parts):
            part = parts[number]
            row = index.row(part.partition, part.request)
            allocation = ledger.shares(part.request, row.need, nodes(part, row))
            if allocation is None or not ledger.has_licences(part.request):
                return None
            ledger.adopt(allocation)
            given[number] = allocation
    finally:
        for one in given.values():
            ledger.release(one)
    return _together(parts, [given[number] for number in range(len(parts))])


def _order(index: Index, parts: Sequence[Part]) -> list[int]:
    """The most particular part first."""

    def rank(number: int) -> tuple[bool, int, int, int, int]:
        part = parts[number]
        row = index.row(part.partition, part.request)
        need = row.need
        size = (-need.gpus, -need.cpus_milli, -need.memory_mib)
        return (not need.exclusive, row.allowed.bit_count(), *size)

    return sorted(range(len(parts)), key=rank) if len(parts) > 1 else [0]


def _together(parts: Sequence[Part], given: Sequence[Allocation]) -> Allocation:
    return Allocation(
        shares=tuple(share for one in given for share in one.shares),
        licences=in_all(parts).licences,
        parts=tuple(len(one.shares) for one in given),
    )
