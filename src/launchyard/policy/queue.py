"""The waiting jobs that may be considered now, kept in order and by shape.

Jobs of one shape ask for the same on the same partition for the same time: when one does not fit, none of
its shape does. A pass therefore costs as many steps as there are shapes, not jobs. One owner: the controller.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from launchyard.model.resources import Request
from launchyard.policy.order import Key


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides where and how long a job may run."""

    partition: str
    request: Request
    time_limit_s: int | None


@dataclass(slots=True)
class Lane:
    """The waiting entries of one shape, first to start first: (key, job id)."""

    shape: Shape
    entries: list[tuple[Key, int]] = field(default_factory=list)


class WaitingQueue:
    """Jobs by shape, and how many starts each may have (more than one for an array)."""

    def __init__(self) -> None:
        self._lanes: dict[Shape, Lane] = {}
        self._where: dict[int, tuple[Shape, Key]] = {}
        self._order: list[tuple[Key, int]] = []
        self.counts: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._where

    def put(self, job_id: int, shape: Shape, key: Key, count: int = 1) -> None:
        """Add the job, or move it where it now belongs."""
        if self._where.get(job_id) != (shape, key):
            self.drop(job_id)
            lane = self._lanes.setdefault(shape, Lane(shape))
            insort(lane.entries, (key, job_id))
            insort(self._order, (key, job_id))
            self._where[job_id] = (shape, key)
        self.counts[job_id] = count

    def drop(self, job_id: int) -> None:
        """Forget the job; one that is not here is no error."""
        where = self._where.pop(job_id, None)
        if where is None:
            return
        shape, key = where
        lane = self._lanes[shape]
        del lane.entries[bisect_left(lane.entries, (key, job_id))]
        del self._order[bisect_left(self._order, (key, job_id))]
        if not lane.entries:
            del self._lanes[shape]
        del self.counts[job_id]

    def shape_of(self, job_id: int) -> Shape:
        return self._where[job_id][0]

    def lanes(self) -> list[Lane]:
        """The shapes that have waiting jobs; read only."""
        return list(self._lanes.values())

    def in_order(self) -> Iterator[int]:
        """All job ids, first to start first."""
        return (job_id for _, job_id in self._order)

    def ahead(self, job_id: int) -> int:
        """How many entries come before this one."""
        _, key = self._where[job_id]
        return bisect_left(self._order, (key, job_id))
