"""Who waits for whom: the look-ups by which an event finds those whose dependency it may settle.

Ends are remembered only while somebody waits for them. Tasks of arrays are found through their record.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from launchyard.model.job import Job
from launchyard.model.state import ENDED, JobState
from launchyard.policy.dependencies import Seen, seen_of

K = TypeVar("K")
Name = tuple[int, str]
"""User and name, by which singletons are told apart."""


class Dependents:
    """Kept by `LiveJobs`, one entry a live job."""

    def __init__(self) -> None:
        self.of: dict[int, set[int]] = {}
        """Jobs that name this one in their dependency."""
        self.blocked: set[int] = set()
        """Waiting jobs whose dependency is open."""
        self.delayed: set[int] = set()
        """Those of them to which time alone may open the way."""
        self.named: dict[Name, set[int]] = {}
        """All jobs by name; of an array its record alone."""
        self.singles: dict[Name, set[int]] = {}
        """Jobs that are to be the only one of their name."""
        self._ended: dict[int, dict[int | None, Seen]] = {}
        self._expected: Counter[int] = Counter()

    def expect(self, job_ids: Iterable[int]) -> None:
        """Somebody who waits for these is on the way in: their ends are remembered already."""
        self._expected.update(job_ids)

    def expected(self, job_ids: Iterable[int]) -> None:
        """He has come, or never will."""
        for job_id in job_ids:
            self._expected[job_id] -= 1
            if self._expected[job_id] <= 0:
                del self._expected[job_id]
                self._forget(job_id)

    def take(self, before: Job | None, job: Job) -> None:
        """A job is new, or is now like this."""
        if before is None or before.name != job.name:
            self._rename(before, job)
        if before is None or before.dependency is not job.dependency or (before.ended and not job.ended):
            self._depend(before, job)
        if job.state in ENDED:
            self._remember(job)

    def drop(self, job: Job) -> None:
        """It is not live any more: who came to wait for it after it ended has its end from here on."""
        self._remember(job)
        _take_out(self.named, (job.uid, job.name), job.id)
        self._release(job)
        self._forget(job.id)

    def remember(self, job_id: int, index: int | None, seen: Seen) -> None:
        """The end of a job that is not live any more."""
        self._ended.setdefault(job_id, {})[index] = seen

    def remembered(self, job_id: int, index: int | None) -> Seen | None:
        return self._ended.get(job_id, {}).get(index)

    def unblock(self, job_id: int) -> None:
        self.blocked.discard(job_id)
        self.delayed.discard(job_id)

    def _rename(self, before: Job | None, job: Job) -> None:
        if before is not None:
            _take_out(self.named, (before.uid, before.name), job.id)
            if _take_out(self.singles, (before.uid, before.name), job.id):
                self.singles.setdefault((job.uid, job.name), set()).add(job.id)
        if job.task is None:
            self.named.setdefault((job.uid, job.name), set()).add(job.id)

    def _depend(self, before: Job | None, job: Job) -> None:
        if before is not None:
            self._release(before)
        dependency = job.dependency
        if dependency is None or not dependency.clauses:
            return
        if dependency.singleton:
            self.singles.setdefault((job.uid, job.name), set()).add(job.id)
        if not waits(job) or (job.dependency_met and not dependency.singleton):
            return
        self.blocked.add(job.id)
        if any(clause.delay_min for clause in dependency.clauses):
            self.delayed.add(job.id)
        for clause in dependency.jobs:
            self.of.setdefault(clause.job_id, set()).add(job.id)

    def _release(self, job: Job) -> None:
        self.unblock(job.id)
        _take_out(self.singles, (job.uid, job.name), job.id)
        for clause in job.dependency.jobs if job.dependency is not None else ():
            _take_out(self.of, clause.job_id, job.id)
            self._forget(clause.job_id)

    def _remember(self, job: Job) -> None:
        if job.id in self.of or job.id in self._expected:
            self.remember(job.id, None, seen_of(job))
        if job.task is not None and (job.task.job_id in self.of or job.task.job_id in self._expected):
            self.remember(job.task.job_id, job.task.index, seen_of(job))

    def _forget(self, job_id: int) -> None:
        if job_id not in self.of and job_id not in self._expected:
            self._ended.pop(job_id, None)


def waits(job: Job) -> bool:
    """It waits, or of an array a part."""
    if job.array is not None:
        return bool(len(job.array.waiting)) and not job.ended
    return job.state is JobState.PENDING


def _take_out(table: dict[K, set[int]], key: K, job_id: int) -> bool:
    """Whether it was there."""
    members = table.get(key)
    if members is None or job_id not in members:
        return False
    members.discard(job_id)
    if not members:
        del table[key]
    return True
