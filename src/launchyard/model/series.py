"""What one attempt of a job used as time went by: samples at a steady pace, however long it runs.

A series never grows beyond `SAMPLES_MAX`: then two samples become one and the pace halves, so that a job of
a minute and one of a month are both told by some hundred points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

SAMPLES_MAX = 240
EVERY_S = 5.0
"""The first pace."""


class Sample(NamedTuple):
    """So far at `at_s` seconds after the start: processor time and bytes; memory and GPUs as they were then.

    `gpus` is how many of its GPUs were at work, in parts of one. Of two samples that became one, memory is
    the greater. None was not measured.
    """

    at_s: float
    cpu_s: float | None = None
    memory_mib: float | None = None
    read_mib: float | None = None
    written_mib: float | None = None
    gpus: float | None = None
    gpu_memory_mib: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The samples of one launch, in order; the next one is due `every_s` after the last."""

    launch_id: str
    every_s: float = EVERY_S
    samples: tuple[Sample, ...] = ()


def with_sample(series: Series, sample: Sample) -> Series:
    """The series with one more; thinned when it is full. What does not come after the last is left out."""
    if series.samples and sample.at_s <= series.samples[-1].at_s:
        return series
    samples = (*series.samples, sample)
    if len(samples) <= SAMPLES_MAX:
        return replace(series, samples=samples)
    return replace(series, samples=_thinned(samples), every_s=2 * series.every_s)


def _thinned(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Each two as one, from the end on: the last one stays what it is."""
    odd = len(samples) % 2
    pairs = zip(samples[odd::2], samples[odd + 1 :: 2], strict=True)
    return (*samples[:odd], *(_joined(one, other) for one, other in pairs))


def _joined(one: Sample, other: Sample) -> Sample:
    """What was counted so far is that of the later one; of memory the greater counts, of GPUs the mean."""
    busy = _known(one.gpus, other.gpus)
    return other._replace(
        memory_mib=max(_known(one.memory_mib, other.memory_mib), default=None),
        gpus=sum(busy) / len(busy) if busy else None,
        gpu_memory_mib=max(_known(one.gpu_memory_mib, other.gpu_memory_mib), default=None),
    )


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


class Rate(NamedTuple):
    """What was used in the time up to `at_s`: processors, MiB a second; memory and GPUs as they were then."""

    at_s: float
    cpus: float | None
    memory_mib: float | None
    read_mib_s: float | None
    written_mib_s: float | None
    gpus: float | None
    gpu_memory_mib: float | None


def rates(samples: Sequence[Sample]) -> list[Rate]:
    """The samples as what people look at; the first is counted from the start."""
    before = Sample(0.0, 0.0, None, 0.0, 0.0)
    found = []
    for sample in samples:
        seconds = sample.at_s - before.at_s
        found.append(
            Rate(
                round(sample.at_s, 1),
                _rate(before.cpu_s, sample.cpu_s, seconds),
                _tenths(sample.memory_mib),
                _rate(before.read_mib, sample.read_mib, seconds),
                _rate(before.written_mib, sample.written_mib, seconds),
                None if sample.gpus is None else round(sample.gpus, 2),
                _tenths(sample.gpu_memory_mib),
            )
        )
        before = sample
    return found


def _rate(before: float | None, now: float | None, seconds: float) -> float | None:
    """A count that became smaller (a process took its own with it) is no use at all, not a negative one."""
    if before is None or now is None or seconds <= 0:
        return None
    return round(max(0.0, now - before) / seconds, 3)


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
