"""What logs take is known by blocks of ids, and the lowest ids lose theirs first."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from launchyard.controller.duties.logroom import BLOCK, LogRoom
from launchyard.model.change import Change
from launchyard.model.event import StateChanged
from launchyard.model.job import Job, JobKind
from launchyard.model.state import JobState
from launchyard.store.memory import MemoryStore

FAR = 2 * BLOCK


class Shelf:
    """Logs of 100 bytes each; `held` cannot be removed."""

    def __init__(self, *ids: int) -> None:
        self.there = set(ids)
        self.held: set[int] = set()
        self.looks = 0

    async def remove_logs(self, jobs: Sequence[Job]) -> None:
        self.there -= {job.id for job in jobs} - self.held

    async def log_bytes(self, jobs: Sequence[Job]) -> list[int]:
        self.looks += len(jobs)
        return [100 if job.id in self.there else 0 for job in jobs]


def ended(number: int) -> Job:
    return Job(
        id=number,
        name="job",
        kind=JobKind.COMMAND,
        user="ada",
        uid=1000,
        partition="all",
        state=JobState.COMPLETED,
        submitted_at=1.0,
        ended_at=5.0,
    )


def moved(job: Job) -> StateChanged:
    return StateChanged(1, job.id, job.user, job.state, JobState.RUNNING, 5.0, None)


def room_of(*ids: int) -> tuple[MemoryStore, Shelf, LogRoom]:
    store, shelf = MemoryStore(), Shelf(*ids)
    store.commit([Change(seq=1, jobs=tuple(ended(one) for one in ids))])
    return store, shelf, LogRoom(store, shelf, pause_s=0)


def test_the_lowest_ids_go_over_blocks_until_it_is_enough() -> None:
    _, shelf, room = room_of(1, 2, FAR + 1, FAR + 2, 2 * FAR)
    assert asyncio.run(room.keep_below(500)) == 0
    assert asyncio.run(room.keep_below(250)) == 300
    assert shelf.there == {FAR + 2, 2 * FAR}


def test_only_what_ended_since_is_counted_again() -> None:
    store, shelf, room = room_of(1, FAR)
    asyncio.run(room.keep_below(1000))
    late, runs = ended(FAR + 1), replace(ended(2), state=JobState.RUNNING, ended_at=None)
    store.commit([Change(seq=2, jobs=(late, runs))])
    shelf.there |= {late.id, runs.id}
    shelf.looks = 0
    room.hear([moved(late), moved(runs)])
    assert asyncio.run(room.keep_below(1000)) == 0
    assert shelf.looks == 2
    assert asyncio.run(room.keep_below(200)) == 100
    assert shelf.there == {runs.id, FAR, late.id}


def test_what_others_removed_is_not_counted_any_more() -> None:
    _, shelf, room = room_of(1, 2, 3)
    asyncio.run(room.keep_below(1000))
    shelf.there.remove(1)
    room.removed([ended(1)])
    assert asyncio.run(room.keep_below(200)) == 0


def test_what_cannot_be_removed_is_tried_at_the_next_look() -> None:
    _, shelf, room = room_of(1, 2)
    shelf.held = {1}
    assert asyncio.run(room.keep_below(100)) == 0
    shelf.held = set()
    assert asyncio.run(room.keep_below(100)) == 100
    assert shelf.there == {2}
