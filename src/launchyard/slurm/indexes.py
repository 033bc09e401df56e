"""Ids as people write them to the commands: `12`, `5_3`, `5_[1-3,7]`, and the index ranges in them.

Ranges stay ranges; nothing is written out but for who asks for one row an index.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from launchyard.model.light import NamedTuple

DIGITS_MAX = 18
SPANS_MAX = 100_000
STEP_REACH = 10

Span = tuple[int, int, int]
"""First, last, step."""


class Wanted(NamedTuple):
    """A job, or tasks of an array; `spans` empty: all of it. `part`: only that one of unlike parts."""

    id: int
    spans: list[Span]
    part: int | None = None

    def has(self, index: int | None) -> bool:
        """Whether this task is meant."""
        return not self.spans or (index is not None and any(_in(index, span) for span in self.spans))


class NotAnId(ValueError):
    """`args[0]` is the text."""


def read_ids(text: str, *, by_part: bool = False) -> list[Wanted]:
    """Ids with commas between them, as in `12,5_3,5_[1-3]`. Raises `NotAnId`.

    `by_part`: `12+1` is that part of a job of unlike parts; else it is the job, as squeue reads it.
    """
    return [_read_id(part, by_part) for part in _parts(text) if part]


def _parts(text: str) -> Iterator[str]:
    """Split at the commas outside of brackets."""
    start = depth = 0
    for position, character in enumerate(text):
        if character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
        elif character == "," and not depth:
            yield text[start:position].strip()
            start = position + 1
    yield text[start:].strip()


def _read_id(part: str, by_part: bool) -> Wanted:
    id, underscore, tasks = part.partition("_")
    id, plus, offset = id.partition(".")[0].partition("+")
    if not _is_number(id) or (plus and by_part and not _is_number(offset)):
        raise NotAnId(part)
    if not underscore:
        return Wanted(int(id), [], int(offset) if plus and by_part else None)
    inner = tasks.partition(".")[0].strip("[]").partition("%")[0]
    try:
        return Wanted(int(id), read_spans(inner))
    except ValueError:
        raise NotAnId(part) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX


def read_spans(text: str) -> list[Span]:
    """`1-9:2,11`, sorted by where they begin. Raises `ValueError`."""
    spans = []
    for part in text.split(","):
        reach, _, step = part.partition(":")
        first, dash, last = reach.partition("-")
        numbers = (first, last if dash else first, step or "1")
        if not all(_is_number(one) for one in numbers) or int(numbers[2]) < 1:
            raise ValueError(part)
        spans.append((int(numbers[0]), int(numbers[1]), int(numbers[2])))
    if len(spans) > SPANS_MAX:
        raise ValueError(text[:40])
    return sorted(spans)


def written_out(spans: Iterable[Span]) -> Iterator[int]:
    for first, last, step in spans:
        yield from range(first, last + 1, step)


def shared(spans: list[Span], wanted: list[Span]) -> str:
    """The indexes that are in both, as text: `2-3,7`. `spans` are in order and do not interleave."""
    lasts = [last for _, last, _ in spans]
    both: set[int] = set()
    for other in set(wanted):
        at = bisect_left(lasts, other[0])
        while at < len(spans) and spans[at][0] <= other[1]:
            one = spans[at]
            both.update(
                index
                for index in written_out([_overlap(one, other)])
                if _in(index, one) and _in(index, other)
            )
            at += 1
    return _text(sorted(both))


def _overlap(one: Span, other: Span) -> Span:
    """Where both may have an index, in the steps of the wider of them."""
    wide = one if one[2] >= other[2] else other
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low + (wide[0] - low) % wide[2], high, wide[2])


def _in(index: int, span: Span) -> bool:
    return span[0] <= index <= span[1] and (index - span[0]) % span[2] == 0


def _text(indexes: list[int]) -> str:
    parts: list[list[int]] = []
    for index in indexes:
        if parts and parts[-1][1] + 1 == index:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def as_listed(text: str, length: int = 0) -> str:
    """Indexes as Slurm lists them: a step is told where it is the only one and reaches far, else each index.

    `length`: how much of the text somebody will look at; 0: all.
    """
    if ":" not in text:
        return text
    spans = read_spans(text)
    first, last, _ = spans[0]
    if len(spans) == 1 and last - first > STEP_REACH:
        return text
    parts: list[str] = []
    for first, last, step in spans:
        if step == 1:
            parts.append(str(first) if first == last else f"{first}-{last}")
        else:
            stop = last + 1 if not length else min(last + 1, first + step * (length + 1))
            parts.extend(map(str, range(first, stop, step)))
    return ",".join(parts)


def ranges(ids: Iterable[int]) -> str:
    """`0-3,7`."""
    spans: list[list[int]] = []
    for one in sorted(ids):
        if spans and spans[-1][1] + 1 == one:
            spans[-1][1] = one
        else:
            spans.append([one, one])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
