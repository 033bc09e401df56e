"""Job arrays: index ranges such as `1-10:2,20%4`, kept as ranges however many indexes they have.

Nothing here expands a range: an array of a billion tasks is refused as fast as one of ten is read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, shown
from launchyard.model.state import JobState

INDEX_MAX = 4_000_000
"""The largest index and the largest count (Slurm's own bound is 4,000,001)."""

LENGTH_MAX = 64 * 1024
OVERLAP_MAX = 100_000
"""Overlapping ranges with steps are expanded to be merged, up to this many indexes."""

_TRY = "Write for example 0-9, 1-10:2, 1,4,7 or 1-100%8 (at most 8 at once)."

Range = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Indexes:
    """A set of array indexes as sorted, disjoint `(first, last, step)` ranges. Iterates in rising order."""

    ranges: tuple[Range, ...] = ()

    def __len__(self) -> int:
        return sum((last - first) // step + 1 for first, last, step in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last, step in self.ranges:
            yield from range(first, last + 1, step)

    def __contains__(self, index: object) -> bool:
        return any(index in range(first, last + 1, step) for first, last, step in self.ranges)

    def without(self, index: int) -> "Indexes":
        """The same indexes but this one; the same set when it is not in it."""
        kept: list[Range] = []
        for first, last, step in self.ranges:
            if index not in range(first, last + 1, step):
                kept.append((first, last, step))
                continue
            if index > first:
                kept.append(_tidy(first, index - step, step))
            if index < last:
                kept.append(_tidy(index + step, last, step))
        return Indexes(tuple(kept))

    def split_first(self, count: int) -> tuple[list[int], "Indexes"]:
        """The `count` lowest indexes (fewer when there are not as many), and the rest."""
        taken: list[int] = []
        for position, (first, last, step) in enumerate(self.ranges):
            room = count - len(taken)
            if room <= 0:
                return taken, Indexes(self.ranges[position:])
            here = range(first, last + 1, step)[:room]
            taken.extend(here)
            if here[-1] < last:
                rest = _tidy(here[-1] + step, last, step)
                return taken, Indexes((rest, *self.ranges[position + 1 :]))
        return taken, Indexes()


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
    ended: Indexes = Indexes()
    """Those that ended while they waited and never split off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of an array: the array's job id and this task's index."""

    job_id: int
    index: int


def parse_indexes(text: str) -> tuple[Indexes, int | None]:
    """The indexes, sorted and disjoint, and the throttle (None: no bound). Raises `Invalid`.

    Ranges `first-last[:step]` and single indexes with commas between them, and `%throttle` after one of them.
    """
    value = bounded(text, "the array", LENGTH_MAX)
    ranges: list[Range] = []
    throttle: int | None = None
    for part in value.split(","):
        span, percent, most = part.partition("%")
        if percent:
            if throttle is not None or not is_digits(most):
                raise Invalid(f"the array's throttle in {shown(part)} is not understood. {_TRY}")
            throttle = int(most)
        ranges.append(_range(span.strip(), value))
    indexes = normalised(ranges)
    if len(indexes) > INDEX_MAX:
        raise Invalid(f"the array has {len(indexes)} tasks; at most {INDEX_MAX} are possible")
    return indexes, throttle or None


def _range(part: str, whole: str) -> Range:
    span, colon, step_text = part.partition(":")
    first_text, dash, last_text = span.partition("-")
    numbers = [first_text, *([last_text] if dash else []), *([step_text] if colon else [])]
    if not all(is_digits(number) for number in numbers) or (colon and not dash):
        raise Invalid(f"the array {shown(whole)} has a part that is not understood: {shown(part)}. {_TRY}")
    first = int(first_text)
    last = int(last_text) if dash else first
    step = int(step_text) if colon else 1
    if step == 0:
        raise Invalid(f"the array's step is 0 in {shown(part)}. {_TRY}")
    if last < first:
        raise Invalid(f"the array's range {shown(part)} runs backwards. Write {last}-{first}.")
    if last > INDEX_MAX:
        raise Invalid(f"the array's index {last} in {shown(part)} is too large; the largest is {INDEX_MAX}")
    return _tidy(first, last, step)


def _tidy(first: int, last: int, step: int) -> Range:
    """The one way to write these indexes as a range: the last one is in it, a single one has step 1."""
    last -= (last - first) % step
    return (first, last, step if last > first else 1)


def normalised(ranges: Iterable[Range]) -> Indexes:
    """Any ranges as sorted, disjoint ones that do not interleave, each index once."""
    result: list[Range] = []
    cluster: list[Range] = []
    cluster_last = -1
    for one in sorted(_tidy(*one) for one in ranges):
        if cluster and one[0] > cluster_last:
            result.extend(_merged(cluster))
            cluster = []
        cluster.append(one)
        cluster_last = max(cluster_last, one[1])
    result.extend(_merged(cluster))
    return Indexes(tuple(_joined(result)))


def _merged(cluster: list[Range]) -> list[Range]:
    """Ranges that overlap, as ones that do not."""
    if len(cluster) <= 1:
        return cluster
    if all(step == 1 for _, _, step in cluster):
        return [(cluster[0][0], max(last for _, last, _ in cluster), 1)]
    if sum((last - first) // step + 1 for first, last, step in cluster) > OVERLAP_MAX:
        first, last, step = cluster[1]
        raise Invalid(f"the array's range {first}-{last}:{step} overlaps another one; write each index once")
    indexes = sorted({index for first, last, step in cluster for index in range(first, last + 1, step)})
    return _runs(indexes)


def _runs(indexes: list[int]) -> list[Range]:
    """Sorted indexes as ranges, each as long as its first step lasts."""
    runs: list[Range] = []
    start = 0
    while start < len(indexes):
        end = start + 1
        step = indexes[end] - indexes[start] if end < len(indexes) else 1
        while end < len(indexes) and indexes[end] - indexes[end - 1] == step:
            end += 1
        if end - start == 2 and step > 1:
            end = start + 1  # two indexes apart read better alone: 1,7 and not 1-7:6
        runs.append(_tidy(indexes[start], indexes[end - 1], step))
        start = end
    return runs


def _joined(ranges: list[Range]) -> list[Range]:
    """Neighbours without a gap between them as one range."""
    joined: list[Range] = []
    for first, last, step in ranges:
        if joined and step == 1 and joined[-1][2] == 1 and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last, 1)
        else:
            joined.append((first, last, step))
    return joined


def format_indexes(indexes: Indexes, throttle: int | None = None) -> str:
    """What `parse_indexes` reads back: `1-9:2,20%4`."""
    text = ",".join(_format_range(*one) for one in indexes.ranges)
    return f"{text}%{throttle}" if throttle else text


def _format_range(first: int, last: int, step: int) -> str:
    if first == last:
        return str(first)
    return f"{first}-{last}" if step == 1 else f"{first}-{last}:{step}"
