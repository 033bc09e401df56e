"""Values in order, in short runs: to add or remove one moves those of its run, however many there are.

Copies share runs until one of them changes: to copy costs a step a run.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T", int, tuple[tuple[float, ...], int], tuple[tuple[tuple[float, ...], int], int])

RUN_MAX = 1_000


class Ordered(Generic[T]):
    """Each value once. Not to be changed while somebody goes through it."""

    __slots__ = ("_lasts", "_own", "_runs")

    def __init__(self) -> None:
        self._runs: list[list[T]] = []
        self._lasts: list[T] = []
        """The last value of each run, none of which is empty."""
        self._own: list[bool] = []
        """Of each run, whether no copy has it too."""

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def __iter__(self) -> Iterator[T]:
        return (value for run in self._runs for value in run)

    @property
    def first(self) -> T:
        """Raises `IndexError` when there is none."""
        return self._runs[0][0]

    def add(self, value: T) -> None:
        """Take in one that is not there."""
        if not self._runs:
            self._runs.append([value])
            self._lasts.append(value)
            self._own.append(True)
            return
        if self._lasts[-1] < value:
            at = len(self._runs) - 1
            run = self._run(at)
            run.append(value)
        else:
            at = bisect_left(self._lasts, value)
            run = self._run(at)
            insort(run, value)
        self._lasts[at] = run[-1]
        if len(run) > RUN_MAX:
            self._split(at)

    def remove(self, value: T) -> None:
        """Take out one that is there."""
        at = bisect_left(self._lasts, value)
        run = self._run(at)
        del run[bisect_left(run, value)]
        if run:
            self._lasts[at] = run[-1]
        else:
            del self._runs[at], self._lasts[at], self._own[at]

    def before(self, value: T) -> int:
        """How many come before it."""
        at = bisect_left(self._lasts, value)
        inside = bisect_left(self._runs[at], value) if at < len(self._runs) else 0
        return sum(map(len, self._runs[:at])) + inside

    def downwards(self, below: T | None = None) -> Iterator[T]:
        """The last first, of those below one value."""
        at = len(self._runs) if below is None else bisect_left(self._lasts, below)
        if below is not None and at < len(self._runs):
            run = self._runs[at]
            yield from reversed(run[: bisect_left(run, below)])
        for run in reversed(self._runs[:at]):
            yield from reversed(run)

    def copy(self) -> "Ordered[T]":
        twin: Ordered[T] = Ordered()
        twin._runs, twin._lasts = self._runs.copy(), self._lasts.copy()
        twin._own, self._own = [False] * len(self._runs), [False] * len(self._runs)
        return twin

    def _run(self, at: int) -> list[T]:
        """One to be changed."""
        if not self._own[at]:
            self._runs[at] = self._runs[at].copy()
            self._own[at] = True
        return self._runs[at]

    def _split(self, at: int) -> None:
        run = self._runs[at]
        rest = run[len(run) // 2 :]
        del run[len(run) // 2 :]
        self._runs.insert(at + 1, rest)
        self._own.insert(at + 1, True)
        self._lasts[at : at + 1] = [run[-1], rest[-1]]
