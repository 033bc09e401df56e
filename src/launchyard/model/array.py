"""Job arrays: index ranges such as `1-10:2%4,20`, kept as ranges however many indexes they have."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from launchyard.model.state import JobState

INDEX_MAX = 4_000_000
"""The largest index and the largest count (Slurm's own bound is 4,000,001)."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """A set of array indexes as sorted, disjoint `(first, last, step)` ranges. Iterates in rising order."""

    ranges: tuple[tuple[int, int, int], ...] = ()

    def __len__(self) -> int:
        return sum((last - first) // step + 1 for first, last, step in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last, step in self.ranges:
            yield from range(first, last + 1, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """An array record: the indexes that have not split off yet, and how many tasks are in each state.

    `throttle` is the greatest number of tasks at work at once (None: no bound); `size`, `first`, `last` and
    `step` are those of the whole array as submitted (`step` is 1 when it is not one even range).
    """

    waiting: Indexes
    size: int
    first: int
    last: int
    step: int = 1
    throttle: int | None = None
    counts: dict[JobState, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of an array: the array's job id and this task's index."""

    job_id: int
    index: int
