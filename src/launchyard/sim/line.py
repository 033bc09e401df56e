"""The waiting jobs of a replay: kept in order, and walked through as `backfill.fill` asks."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from launchyard.policy.processors import Processors
from launchyard.sim.trace import TraceJob

Sort = Callable[[TraceJob], float]


class Line:
    """Jobs by `key`, then by their place in the log. `behind` orders those who may go ahead of a blocked
    head; `strict`: nobody may."""

    def __init__(
        self, space: Processors, key: Sort | None, behind: Sort | None = None, *, strict: bool = False
    ) -> None:
        self._space = space
        self._key = key
        self._behind = behind
        self._strict = strict
        self._entries: list[tuple[float, int, TraceJob]] = []
        self._blocked = False

    def __len__(self) -> int:
        return len(self._entries)

    def copy(self, space: Processors) -> "Line":
        """The same line before other processors."""
        twin = Line(space, self._key, self._behind, strict=self._strict)
        twin._entries = list(self._entries)
        return twin

    def put(self, job: TraceJob) -> None:
        insort(self._entries, self._entry(job))

    def drop(self, job: TraceJob) -> None:
        del self._entries[bisect_left(self._entries, self._entry(job))]

    def is_first(self, job: TraceJob) -> bool:
        return self._entries[0][2] is job

    def rearrange(self, key: Sort) -> None:
        """The jobs are ordered by this from now on."""
        self._key = key
        self._entries = sorted(self._entry(job) for _, _, job in self._entries)

    def walk(self) -> Iterator[TraceJob]:
        self._blocked = False
        entries = self._entries
        told = 0
        while not self._blocked:
            if told == len(entries):
                return
            yield entries[told][2]
            told += 1
        if self._strict:
            return
        # Less is free with each start, so who does not fit by now will not fit later in this pass.
        free = self._space.free
        rest = [job for _, _, job in entries[told:] if job.processors <= free]
        if self._behind is not None:
            rest.sort(key=self._behind)
        yield from rest

    def block(self, job: TraceJob) -> None:
        self._blocked = True

    def _entry(self, job: TraceJob) -> tuple[float, int, TraceJob]:
        return (0.0 if self._key is None else self._key(job), job.number, job)
