"""The waiting jobs that may be considered now, kept in order and by lane.

Jobs of one lane ask for the same on the same partition for the same time, and count against the same limits:
when one does not fit, none of its lane does. A pass therefore costs as many steps as there are lanes, not
jobs. One owner: the controller.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

from launchyard.model.resources import Part, Request
from launchyard.policy.limits import Amounts, LimitBook, Party
from launchyard.policy.need import Need
from launchyard.policy.order import Key
from launchyard.policy.ordered import Ordered
from launchyard.policy.paged import Paged

Entry = tuple[Key, int]
"""Key and job id."""
Head = tuple[Entry, int]
"""The first entry of a lane and the lane's number."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides where and how long a job may run; with `time_min_s` also shorter, to start at once.

    A job of unlike `parts` is placed part by part; `request` is their sum.
    """

    partition: str
    request: Request
    time_limit_s: int | None
    time_min_s: int | None = None
    parts: tuple[Part, ...] = ()
    until_reservation_ends: bool = False
    """Where less is left of its reservation, it may run for that."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A waiting job (the next task of it, if it is an array) as a pass looks at it."""

    job_id: int
    shape: Shape
    qos: str = ""
    """Its QOS, where jobs of that QOS may make others go."""


@dataclass(slots=True)
class Lane:
    """The waiting entries of one shape and party, first to start first."""

    shape: Shape
    party: Party | None
    entries: Ordered[Entry] = field(default_factory=Ordered)
    cpus_milli: int = 0
    memory_mib: int = 0
    """No node with less of both free is of any use to it, and it wants nothing that has to be kept for it."""

    def __post_init__(self) -> None:
        if not (self.shape.parts or self.shape.request.licences):
            need = Need.of(self.shape.request)
            self.cpus_milli, self.memory_mib = need.cpus_milli, need.memory_mib


class WaitingQueue:
    """Jobs by lane, and how many starts each may have (more than one for an array).

    Copies share what neither has changed, so that one to plan on costs little however many wait.
    """

    def __init__(self) -> None:
        self._lanes: dict[int, Lane] = {}
        self._own: set[int] = set()
        """The lanes that no copy has too."""
        self._numbers: dict[tuple[Shape, Party | None], int] = {}
        self._number = 0
        self._where: Paged[tuple[int, Key]] = Paged()
        self._order: Ordered[Entry] = Ordered()
        self._heads: Ordered[Head] = Ordered()
        self.counts: Paged[int] = Paged()

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._where

    def copy(self) -> "WaitingQueue":
        """A queue with the same entries."""
        twin = WaitingQueue()
        twin._lanes, twin._numbers, twin._number = self._lanes.copy(), self._numbers.copy(), self._number
        twin._where, twin._order, twin.counts = self._where.copy(), self._order.copy(), self.counts.copy()
        twin._heads = self._heads.copy()
        self._own = set()
        return twin

    def put(self, job_id: int, shape: Shape, key: Key, count: int = 1, party: Party | None = None) -> None:
        """Add the job, or move it where it now belongs. `party` where limits count."""
        number, where = self._numbers.get((shape, party)), self._where.get(job_id)
        if where is None or where[0] != number or where[1] != key:
            if where is not None:
                self.drop(job_id)
            if number not in self._lanes:
                number = self._new_lane(shape, party)
            entries = self._lane(number).entries
            if not entries:
                self._heads.add(((key, job_id), number))
            elif (key, job_id) < entries.first:
                self._heads.remove((entries.first, number))
                self._heads.add(((key, job_id), number))
            entries.add((key, job_id))
            self._order.add((key, job_id))
            self._where[job_id] = (number, key)
        self.counts[job_id] = count

    def drop(self, job_id: int) -> None:
        """Forget the job; one that is not here is no error."""
        where = self._where.pop(job_id, None)
        if where is None:
            return
        number, key = where
        lane = self._lane(number)
        was_first = lane.entries.first == (key, job_id)
        lane.entries.remove((key, job_id))
        self._order.remove((key, job_id))
        if was_first:
            self._heads.remove(((key, job_id), number))
            if lane.entries:
                self._heads.add((lane.entries.first, number))
        if not lane.entries:
            del self._numbers[lane.shape, lane.party], self._lanes[number]
            self._own.discard(number)
        del self.counts[job_id]

    def shape_of(self, job_id: int) -> Shape:
        return self._lanes[self._where[job_id][0]].shape

    def key_of(self, job_id: int) -> Key:
        return self._where[job_id][1]

    def lanes(self) -> list[Lane]:
        """The lanes that have waiting jobs; read only."""
        return list(self._lanes.values())

    def heads(self) -> tuple[list[Head], Mapping[int, Lane]]:
        """The first entry of each lane, in order, with the lane's number; the lanes by number, read only."""
        return list(self._heads), self._lanes

    def in_order(self) -> Iterator[int]:
        """All job ids, first to start first."""
        return (job_id for _, job_id in self._order)

    def ahead(self, job_id: int) -> int:
        """How many entries come before this one."""
        _, key = self._where[job_id]
        return self._order.before((key, job_id))

    def _new_lane(self, shape: Shape, party: Party | None) -> int:
        """Its number."""
        number = self._number = self._number + 1
        self._numbers[shape, party], self._lanes[number] = number, Lane(shape, party)
        self._own.add(number)
        return number

    def _lane(self, number: int) -> Lane:
        """One to be changed."""
        lane = self._lanes[number]
        if number not in self._own:
            lane = self._lanes[number] = replace(lane, entries=lane.entries.copy())
            self._own.add(number)
        return lane


class Thinned(Protocol):
    """Which lanes of very many a pass need not look at (`policy.thinning`)."""

    def wanted(self, count: int) -> "tuple[float, Callable[[Lane], bool]] | None":
        """Given how many are left: the most CPUs that one may need, and what says of those whether to go on.

        None: go on with all.
        """


class Walk:
    """One pass over a queue: lanes merged in order, without those that do not fit or are over a limit."""

    def __init__(
        self,
        queue: WaitingQueue,
        limits: LimitBook | None,
        seconds: Callable[[str, int | None], float],
        thinned: Thinned | None = None,
    ) -> None:
        self._queue = queue
        self._seconds = seconds
        self._limits = limits.copy() if limits is not None and limits.any else None
        self._thinned = thinned
        self._blocked = False

    def walk(self) -> Iterator[Candidate]:
        # In order, which is a heap.
        heads, lanes = self._queue.heads()
        following: dict[int, Iterator[Entry]] = {}
        while heads:
            if self._thinned is not None and (thin := self._thinned.wanted(len(heads))) is not None:
                most, wanted = thin
                heads = [one for one in heads if (lane := lanes[one[1]]).cpus_milli <= most and wanted(lane)]
                heapq.heapify(heads)
                continue
            (_, job_id), number = heapq.heappop(heads)
            lane = lanes[number]
            yield from self._starts(lane, job_id)
            if not self._blocked:
                if number not in following:
                    following[number] = islice(lane.entries, 1, None)
                if (entry := next(following[number], None)) is not None:
                    heapq.heappush(heads, (entry, number))
            self._blocked = False

    def block(self, job: Candidate) -> None:
        self._blocked = True

    def _starts(self, lane: Lane, job_id: int) -> Iterator[Candidate]:
        """The job as often as it may start, until it does not."""
        candidate = Candidate(job_id, lane.shape, lane.party.qos if lane.party is not None else "")
        limits, party = self._limits, lane.party
        if limits is None or party is None:
            for _ in range(self._queue.counts[job_id]):
                yield candidate
                if self._blocked:
                    return
            return
        amounts = Amounts.asked(lane.shape.request)
        seconds = self._seconds(lane.shape.partition, lane.shape.time_limit_s)
        for _ in range(self._queue.counts[job_id]):
            if limits.breach(party, amounts, seconds) is not None:
                self._blocked = True
                return
            yield candidate
            if self._blocked:
                return
            limits.take(party, amounts, seconds)
