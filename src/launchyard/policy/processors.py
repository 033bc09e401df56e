"""A machine that is a number of equal processors, as workload traces know it: a `Space` for `backfill.fill`.

A job whose predicted end has come counts as free, though its end has not been seen yet.
"""

from bisect import bisect_left, insort
from typing import Protocol


class Rigid(Protocol):
    """A job that takes so many processors for, as is believed, so many seconds."""

    @property
    def number(self) -> int: ...

    @property
    def processors(self) -> int: ...

    @property
    def predicted_s(self) -> int: ...


class Processors:
    """How many processors are free at `now`, and when more will be. Holds one reservation: EASY."""

    def __init__(self, total: int) -> None:
        self.free = total
        self.now = 0
        self._ends: list[tuple[int, int, int]] = []
        self._held: dict[int, tuple[int, int, int]] = {}
        self._head: Rigid | None = None
        self._shadow: tuple[int, int] | None = None
        self._changed = False

    def copy(self) -> "Processors":
        """One to play forward on."""
        twin = Processors(self.free)
        twin.now, twin._ends, twin._held = self.now, list(self._ends), dict(self._held)
        return twin

    def next_end(self) -> int | None:
        """When the next job is believed to end."""
        return self._ends[0][0] if self._ends else None

    def begin_pass(self, now: int) -> None:
        """Time goes on; what was reserved in the last pass is forgotten."""
        self.now = now
        self._head = self._shadow = None
        self._changed = False
        ends = self._ends
        passed = 0
        while passed < len(ends) and ends[passed][0] <= now:
            _, number, processors = ends[passed]
            self.free += processors
            del self._held[number]
            passed += 1
        if passed:
            del ends[:passed]

    def goes_on(self, now: int) -> bool:
        """Time goes on and the reservation stands, unless something ended since: then a pass must begin."""
        if self._head is None or self._changed or (self._ends and self._ends[0][0] <= now):
            return False
        self.now = now
        return True

    def start(self, job: Rigid) -> int | None:
        """The time at which it starts, which is now, if it fits and does not delay the reservation."""
        processors = job.processors
        if processors > self.free:
            return None
        if self._head is not None and not self._leaves_enough(job):
            return None
        self.free -= processors
        self.hold(job, self.now + job.predicted_s)
        return self.now

    def reserve(self, job: Rigid) -> Rigid | None:
        """The earliest time for this job is kept; which it is, is found out when somebody comes later."""
        self._head = job
        return job

    def hold(self, job: Rigid, until: int) -> None:
        """The job is believed to end then."""
        held = self._held[job.number] = (until, job.number, job.processors)
        insort(self._ends, held)

    def overrun(self, job: Rigid, until: int) -> None:
        """A job goes on longer than was believed."""
        self.end(job)
        self.free -= job.processors
        self.hold(job, until)

    def end(self, job: Rigid) -> None:
        """The job ended; one that was believed to have ended already is no error."""
        self._changed = True
        held = self._held.pop(job.number, None)
        if held is not None:
            del self._ends[bisect_left(self._ends, held)]
            self.free += held[2]

    def _leaves_enough(self, job: Rigid) -> bool:
        """Whether the head gets its processors no later when this job starts now."""
        if self._shadow is None:
            self._shadow = self._foresee()
        at, spare = self._shadow
        if self.now + job.predicted_s <= at:
            return True
        if job.processors > spare:
            return False
        self._shadow = (at, spare - job.processors)
        return True

    def _foresee(self) -> tuple[int, int]:
        """When the head fits if all ends come as believed, and how many processors are then left besides."""
        assert self._head is not None
        free, need, at = self.free, self._head.processors, self.now
        for until, _, processors in self._ends:
            if free >= need and until > at:
                break
            free += processors
            at = until
        return at, free - need
