"""What a job used of what it asked for: facts alone, no judgement.

CPU is seconds of processor time of those that it held, memory the highest resident memory of what was asked
for, time how long it ran of its limit. What was not measured is None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from launchyard.model.job import Job
from launchyard.model.resources import WHOLE_GPU_MILLI


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How much was used of how much, in the same unit; None is unknown or not asked for."""

    used: float | None = None
    asked: float | None = None

    @property
    def percent(self) -> float | None:
        return None if self.used is None or not self.asked else 100 * self.used / self.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """`cpu` and `gpu` are in seconds, `memory` in MiB, `time` in seconds; none counts suspension."""

    elapsed_s: float | None = None
    cpu: Part = Part()
    memory: Part = Part()
    gpu: Part = Part()
    time: Part = Part()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Percentages of an array's tasks; `lowest_task` and `highest_task` are their indexes."""

    median: float
    lowest: float
    lowest_task: int
    highest: float
    highest_task: int


PARTS: dict[str, Callable[[Efficiency], Part]] = {
    "cpu": lambda one: one.cpu,
    "memory": lambda one: one.memory,
    "gpu": lambda one: one.gpu,
    "time": lambda one: one.time,
}


def efficiency_of(job: Job, now: float) -> Efficiency:
    """Of its last attempt; of one that runs, the time so far."""
    request, usage, elapsed_s = job.request, job.usage, elapsed(job, now)
    limit_s = None if job.time_limit_s is None else float(job.time_limit_s)
    if elapsed_s is None:
        return Efficiency(memory=Part(asked=request.memory_mib or None), time=Part(asked=limit_s))
    gpus = request.gpus * request.gpu_milli / WHOLE_GPU_MILLI
    return Efficiency(
        elapsed_s=elapsed_s,
        cpu=Part(used=usage.cpu_s, asked=request.cpus_milli / 1000 * elapsed_s),
        memory=Part(used=usage.memory_peak_mib, asked=request.memory_mib or None),
        gpu=Part(asked=gpus * elapsed_s) if gpus else Part(),
        time=Part(used=elapsed_s, asked=limit_s),
    )


def elapsed(job: Job, now: float) -> float | None:
    """How long it ran, or has run by now, without the time that it was suspended; None: it never started."""
    if job.started_at is None:
        return None
    suspended_s = 0.0
    if job.attempt is not None:
        since = job.attempt.suspended_at
        suspended_s = job.attempt.suspended_s + (0 if since is None else (job.ended_at or now) - since)
    return max(0.0, (now if job.ended_at is None else job.ended_at) - job.started_at - suspended_s)


def total(parts: Sequence[Efficiency]) -> Efficiency:
    """All of them together; memory is in MiB times seconds. What is not known of both sides is left out."""
    by_time = [
        Part(used=_times(one.memory.used, one.elapsed_s), asked=_times(one.memory.asked, one.elapsed_s))
        for one in parts
    ]
    return Efficiency(
        elapsed_s=sum(one.elapsed_s or 0 for one in parts),
        cpu=_sum([one.cpu for one in parts]),
        memory=_sum(by_time),
        gpu=Part(asked=sum(one.gpu.asked or 0 for one in parts) or None),
        time=_sum([one.time for one in parts]),
    )


def spread(percents: Sequence[tuple[int, float]]) -> Spread | None:
    """Of (index, percent) pairs; None when there is none."""
    if not percents:
        return None
    lowest_task, lowest = min(percents, key=lambda pair: pair[1])
    highest_task, highest = max(percents, key=lambda pair: pair[1])
    return Spread(
        median=median(percent for _, percent in percents),
        lowest=lowest,
        lowest_task=lowest_task,
        highest=highest,
        highest_task=highest_task,
    )


def _sum(parts: Sequence[Part]) -> Part:
    known = [(one.used, one.asked) for one in parts if one.used is not None and one.asked]
    if not known:
        return Part()
    return Part(used=sum(used for used, _ in known), asked=sum(asked for _, asked in known))


def _times(amount: float | None, seconds: float | None) -> float | None:
    return None if amount is None or seconds is None else amount * seconds
