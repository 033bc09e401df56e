"""Live jobs by user, account and state: kept as they move, since many ask often and few are meant."""

import heapq
from collections.abc import Callable, Iterator
from typing import NamedTuple

from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.policy.ordered import Ordered


class Group(NamedTuple):
    """What jobs have in common that lists and counts ask for first."""

    uid: int
    user: str
    account: str | None
    state: JobState


class Depth(NamedTuple):
    """What jobs have in common that figures tell; `array`: records of arrays, whose waiting tasks count."""

    state: JobState
    partition: str
    array: bool


class Tally:
    """`move` each job with each change; groups that come to nothing are forgotten."""

    def __init__(self) -> None:
        self._groups: dict[Group, Ordered[int]] = {}
        self.depths: dict[Depth, int] = {}

    def move(self, before: Job | None, after: Job | None) -> None:
        """A job as it was counted, and as it is now; None: not yet, or not any more."""
        self._weigh(before, after)
        was = None if before is None else _group_of(before)
        now = None if after is None else _group_of(after)
        if was == now:
            return
        if was is not None and before is not None:
            self._groups[was].remove(before.id)
            if not self._groups[was]:
                del self._groups[was]
        if now is not None and after is not None:
            if now not in self._groups:
                self._groups[now] = Ordered()
            self._groups[now].add(after.id)

    def of(self, counts: Callable[[int, str | None], bool]) -> dict[JobState, int]:
        """How many are in each state, of those of which `counts(uid, account)` holds."""
        found: dict[JobState, int] = {}
        for group, ids in self._groups.items():
            if counts(group.uid, group.account):
                found[group.state] = found.get(group.state, 0) + len(ids)
        return found

    def ids(self, wanted: Callable[[Group], bool]) -> Iterator[int]:
        """Those of the groups that are wanted, in no order."""
        return (job_id for group, ids in self._groups.items() if wanted(group) for job_id in ids)

    def newest(self, wanted: Callable[[Group], bool], below: int | None = None) -> Iterator[int]:
        """The same, the highest first, of those below one."""
        chosen = [ids.downwards(below) for group, ids in self._groups.items() if wanted(group)]
        return chosen[0] if len(chosen) == 1 else heapq.merge(*chosen, reverse=True)

    def _weigh(self, before: Job | None, after: Job | None) -> None:
        was = None if before is None else _depth_of(before)
        now = None if after is None else _depth_of(after)
        if was == now:
            return
        for sign, one in ((-1, was), (1, now)):
            if one is not None:
                depth, count = one
                self.depths[depth] = self.depths.get(depth, 0) + sign * count
                if not self.depths[depth]:
                    del self.depths[depth]


def _group_of(job: Job) -> Group:
    return Group(job.uid, job.user, job.account, job.state)


def _depth_of(job: Job) -> tuple[Depth, int]:
    array = job.array
    count = 1 if array is None else len(array.waiting)
    return Depth(job.state, job.partition, array is not None), count
