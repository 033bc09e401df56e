"""What a report draws of one replay: how waits are spread, how full the machine was and how long the line."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from launchyard.sim.measures import Measures, bounded_slowdown
from launchyard.sim.trace import Trace, TraceJob

USERS_MAX = 20
STRETCHES = 320
QUANTILES = 400


@dataclass(frozen=True, slots=True)
class Spread:
    """The waits of a group of jobs, in seconds: one of ten waits at most `low_s`, nine of ten at
    most `high_s`."""

    label: str
    jobs: int
    low_s: int
    median_s: int
    high_s: int
    max_s: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Means over stretches of `width_s` from the first submission on: the part of the processors that is in
    use, and how many jobs wait."""

    width_s: int
    used: tuple[float, ...]
    waiting: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One policy in a report. `slowdowns`: (bounded slowdown, part of the jobs with at most that)."""

    measures: Measures
    meaning: str
    by_user: tuple[Spread, ...]
    by_size: tuple[Spread, ...]
    timeline: Timeline
    slowdowns: tuple[tuple[float, float], ...]


def outcome(measures: Measures, meaning: str, trace: Trace) -> Outcome:
    """What there is to draw of a trace whose jobs all have their start."""
    return Outcome(
        measures,
        meaning,
        _by_user(trace),
        _by_size(trace),
        _timeline(trace, measures.makespan_s),
        _slowdowns(trace.jobs),
    )


def _by_user(trace: Trace) -> tuple[Spread, ...]:
    """Those with the most jobs."""
    groups = _grouped(trace.jobs, lambda job: job.user)
    most = sorted(groups, key=lambda user: (-len(groups[user]), user))[:USERS_MAX]
    return tuple(_spread(trace.users.get(user, f"user {user}"), groups[user]) for user in most)


def _by_size(trace: Trace) -> tuple[Spread, ...]:
    """By powers of two: up to 1, 2, 3-4, 5-8 processors (or CPUs, when a trace counts parts of them) ..."""
    groups = _grouped(trace.jobs, lambda job: (-(-job.processors // trace.scale) - 1).bit_length())
    return tuple(_spread(_size(power), groups[power]) for power in sorted(groups))


def _size(power: int) -> str:
    low, high = 2**power // 2 + 1, 2**power
    return f"{high}" if low >= high else f"{low}-{high}"


def _grouped(jobs: Iterable[TraceJob], key: Callable[[TraceJob], int]) -> dict[int, list[int]]:
    """Waits by group."""
    groups: dict[int, list[int]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job.start - job.submit)
    return groups


def _spread(label: str, waits: list[int]) -> Spread:
    waits.sort()
    low, median, high = (waits[int(part * (len(waits) - 1))] for part in (0.1, 0.5, 0.9))
    return Spread(label, len(waits), low, median, high, waits[-1])


def _timeline(trace: Trace, makespan_s: int) -> Timeline:
    first = min(job.submit for job in trace.jobs)
    width_s = -(-makespan_s // STRETCHES)
    used = [(job.start, job.processors) for job in trace.jobs]
    used += [(job.start + job.run_s, -job.processors) for job in trace.jobs]
    waiting = [(job.submit, 1) for job in trace.jobs] + [(job.start, -1) for job in trace.jobs]
    stretches = -(-makespan_s // width_s)
    return Timeline(
        width_s,
        tuple(mean / trace.processors for mean in _means(used, first, width_s, stretches)),
        tuple(_means(waiting, first, width_s, stretches)),
    )


def _means(changes: Sequence[tuple[int, int]], first: int, width_s: int, stretches: int) -> list[float]:
    """The mean in each stretch of a level that changes by so much at these times."""
    sums = [0] * stretches
    level, at = 0, first
    for when, change in sorted(changes):
        while at < when:
            n = (at - first) // width_s
            end = min(when, first + (n + 1) * width_s)
            sums[n] += level * (end - at)
            at = end
        level += change
    return [total / width_s for total in sums]


def _slowdowns(jobs: Sequence[TraceJob]) -> tuple[tuple[float, float], ...]:
    values = sorted(bounded_slowdown(job) for job in jobs)
    last = len(values) - 1
    ranks = sorted({*(n * last // QUANTILES for n in range(QUANTILES + 1)), *range(max(0, last - 20), last)})
    return tuple((values[rank], (rank + 1) / len(values)) for rank in ranks)
