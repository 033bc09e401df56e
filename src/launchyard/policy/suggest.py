"""What a waiting job could ask for instead, to start sooner: each found by really planning with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from launchyard.model.job import Job
from launchyard.model.submission import Update
from launchyard.policy.backfill import plan
from launchyard.policy.estimate import start_of
from launchyard.policy.ledger import Free, positions
from launchyard.policy.limits import Party
from launchyard.policy.order import Key
from launchyard.policy.queue import Shape
from launchyard.policy.snapshot import Snapshot

GAIN_S = 60.0
"""Less than this sooner is not worth a change."""
SUGGESTIONS_MAX = 3
PARTITIONS_MAX = 3
MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Suggestion:
    """With this change the job starts at `start` if all that runs uses its whole time limit."""

    update: Update
    start: float


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a job stands in the queue: what `WaitingQueue.put` is given."""

    shape: Shape
    key: Key
    count: int
    party: Party | None


Amend = Callable[[Update], Job | None]
"""The job with a change, None when that may not be."""
EntryOf = Callable[[Job], Entry]


def suggest(
    snapshot: Snapshot, job: Job, start: float | None, amend: Amend, entry_of: EntryOf
) -> list[Suggestion]:
    """Up to three changes, the one that gains most first; the smallest change of each kind that helps.

    `start` is when the job starts as it is, None when that is too far away to be foreseen.
    """
    found: list[Suggestion] = []
    for changes in _changes(snapshot, job):
        for update in changes:
            changed = amend(update)
            if changed is None:
                continue
            at = start_with(snapshot, changed, entry_of(changed), start)
            if at is not None:
                found.append(Suggestion(update, at))
                break
    found.sort(key=lambda one: one.start)
    return found[:SUGGESTIONS_MAX]


def start_with(snapshot: Snapshot, changed: Job, entry: Entry, start: float | None) -> float | None:
    """When the changed job starts, if that is sooner than `start` by enough."""
    waiting = snapshot.waiting.copy()
    waiting.put(changed.id, entry.shape, entry.key, entry.count, entry.party)
    before = None if start is None else start - GAIN_S
    return start_of(replace(snapshot, waiting=waiting), changed.id, before=before)


def _changes(snapshot: Snapshot, job: Job) -> Iterator[Iterator[Update]]:
    """Kinds of change; of each kind the smallest first."""
    yield _shorter(snapshot, job)
    if job.parts:
        return
    yield _fewer_cpus(snapshot, job)
    yield _less_memory(snapshot, job)
    yield _fewer_gpus(snapshot, job)
    yield _elsewhere(snapshot, job)


def _shorter(snapshot: Snapshot, job: Job) -> Iterator[Update]:
    """To end before what is reserved for those ahead, or a half, a quarter of the time."""
    seconds = snapshot.seconds(job.partition, job.time_limit_s)
    kept = plan(snapshot).reservations
    snapshot.ledger.drop_promises()
    gaps = [one.at - snapshot.now for one in kept if one.job_id != job.id]
    asked = {*gaps, seconds / 2, seconds / 4}
    for limit in sorted({int(one // MINUTE_S) * MINUTE_S for one in asked if one < seconds}, reverse=True):
        if limit >= MINUTE_S:
            yield Update(time_limit_s=limit)


def _fewer_cpus(snapshot: Snapshot, job: Job) -> Iterator[Update]:
    """As many as are free on one node, or a half, a quarter."""
    request = job.request
    if request.nodes > 1 or request.tasks is not None or request.cpus_milli <= 1000:
        return
    free = max((one.cpus_milli for one in _open(snapshot, job)), default=0)
    asked = {free, request.cpus_milli // 2, request.cpus_milli // 4}
    for cpus_milli in sorted({one // 1000 * 1000 for one in asked if one < request.cpus_milli}, reverse=True):
        if cpus_milli >= 1000:
            yield Update(cpus_milli=cpus_milli)


def _less_memory(snapshot: Snapshot, job: Job) -> Iterator[Update]:
    """As much as is free on a node that has the CPUs and GPUs, or a half, a quarter."""
    request = job.request
    if request.nodes > 1 or request.tasks is not None or request.memory_mib <= 1:
        return
    free = max(
        (
            one.memory_mib
            for one in _open(snapshot, job)
            if one.cpus_milli >= request.cpus_milli and one.gpus.bit_count() >= request.gpus
        ),
        default=0,
    )
    asked = {free, request.memory_mib // 2, request.memory_mib // 4}
    for memory_mib in sorted({one for one in asked if 0 < one < request.memory_mib}, reverse=True):
        yield Update(memory_mib=memory_mib)


def _fewer_gpus(snapshot: Snapshot, job: Job) -> Iterator[Update]:
    request = job.request
    if request.nodes > 1 or request.gpus <= 1:
        return
    free = max((one.gpus.bit_count() for one in _open(snapshot, job)), default=0)
    for gpus in sorted({one for one in (free, request.gpus // 2) if 0 < one < request.gpus}, reverse=True):
        yield Update(gpus=gpus)


def _elsewhere(snapshot: Snapshot, job: Job) -> Iterator[Update]:
    names = [name for name in snapshot.partitions if name != job.partition]
    for name in names[:PARTITIONS_MAX]:
        yield Update(partition=name)


def _open(snapshot: Snapshot, job: Job) -> list[Free]:
    allowed = snapshot.index.allowed(job.partition, job.request)
    return [free for at in positions(allowed) if (free := snapshot.ledger.at[at]).open]
