"""One number for each waiting job, and what it is made of: the higher goes first, as the queue has it.

For people and programs that know Slurm's priorities; the queue itself compares keys (`policy.order`). Tiers
of partitions are not in the number, as they are not in Slurm's.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from launchyard.model.job import Job
from launchyard.model.points import NICE_POINTS
from launchyard.model.rules import Order
from launchyard.policy.limits import Party
from launchyard.policy.order import SMALLEST_S, Ordering, Standing

PRIORITY_MAX = 4_294_967_294
"""Slurm's largest."""
POINTS = 1_000.0
"""What the time is worth that makes up for a job `e` times as large, in the orders without weights."""
BAND_POINTS = 10_000_000
"""Of one band of fair share: more than any age and size."""
TIER_POINTS = 1_000_000_000
LONGEST_S = 100 * 366 * 86_400.0


class Factors(NamedTuple):
    """What each adds to the number; `site` is what a job got by `ly top`."""

    age: float = 0.0
    fairshare: float = 0.0
    job_size: float = 0.0
    partition: float = 0.0
    qos: float = 0.0
    site: float = 0.0
    nice: float = 0.0
    cpus: float = 0.0
    memory: float = 0.0
    gpus: float = 0.0

    @property
    def number(self) -> int:
        """Never 0, which says that a job is held."""
        return max(1, min(PRIORITY_MAX, round(sum(self))))


def weights_of(ordering: Ordering) -> Factors:
    """The most, or the unit, of each part; 0 of what does not count in the order in force."""
    if ordering.order is Order.MULTIFACTOR:
        one = ordering.weights
        return Factors(
            age=one.age,
            fairshare=one.fairshare,
            job_size=one.job_size,
            partition=one.partition,
            qos=one.qos,
            cpus=one.cpus,
            memory=one.memory,
            gpus=one.gpus,
        )
    ages = {Order.DEFAULT: POINTS, Order.FIFO: 1.0}
    return Factors(
        age=ages.get(ordering.order, 0.0),
        fairshare=BAND_POINTS,
        job_size=0.0 if ordering.order is Order.FIFO else POINTS,
        qos=TIER_POINTS,
    )


def factors(ordering: Ordering, job: Job, seconds: float, now: float) -> Factors:
    """What the number of a job is made of at `now`; `seconds` is how long it may run."""
    standing = ordering.standings.get(Party.of(job)) or Standing()
    if ordering.order is Order.MULTIFACTOR:
        return _weighted(ordering, job, standing, now)
    return Factors(
        age=_age(ordering, job, now),
        fairshare=max(0, 9 - standing.band) * BAND_POINTS,
        job_size=_size(ordering, job, seconds),
        qos=min(3, max(0, standing.tier)) * TIER_POINTS,
        site=-job.shift * POINTS,
        nice=-job.nice * NICE_POINTS,
    )


def numbers(
    ordering: Ordering, jobs: Sequence[Job], seconds: Callable[[Job], float], now: float
) -> list[int]:
    """The number of each job, 0 of what is held; of what has started or ended, as it was then."""
    if ordering.order is Order.MULTIFACTOR:
        return [0 if job.held else _one(ordering, job, seconds(job), now) for job in jobs]
    known: dict[tuple[object, ...], float] = {}
    found = []
    for job in jobs:
        request = job.request
        key = (
            *(job.user, job.account, job.qos, job.partition, job.nice, job.shift, job.time_limit_s),
            *(request.cpus_milli, request.memory_mib, request.gpus, request.gpu_milli),
        )
        rest = known.get(key)
        if rest is None:
            rest = known[key] = sum(factors(ordering, job, seconds(job), job.submitted_at))
        at = job.started_at or job.ended_at or now
        number = round(rest + _age(ordering, job, at))
        found.append(0 if job.held else max(1, min(PRIORITY_MAX, number)))
    return found


def _one(ordering: Ordering, job: Job, seconds: float, now: float) -> int:
    return factors(ordering, job, seconds, job.started_at or job.ended_at or now).number


def _age(ordering: Ordering, job: Job, now: float) -> float:
    waited = max(0.0, now - job.submitted_at)
    if ordering.order is Order.DEFAULT:
        return waited / ordering.ageing_s * POINTS
    return waited if ordering.order is Order.FIFO else 0.0


def _size(ordering: Ordering, job: Job, seconds: float) -> float:
    """Small and short jobs get most."""
    if ordering.order is Order.DEFAULT:
        share = ordering.totals.dominant_share(job.request)
        return POINTS * math.log(LONGEST_S / max(1e-6, min(share * seconds, LONGEST_S)))
    if ordering.order is Order.SHORTEST_FIRST:
        return POINTS * math.log(LONGEST_S / min(max(seconds, SMALLEST_S), LONGEST_S))
    return 0.0


def _weighted(ordering: Ordering, job: Job, standing: Standing, now: float) -> Factors:
    """As in the order `multifactor`: weights times factors of 0 to 1."""
    weights, request, totals = ordering.weights, job.request, ordering.totals
    eligible = job.eligible_at or job.submitted_at
    size = request.cpus_milli / max(totals.cpus_milli, 1)
    return Factors(
        age=weights.age * min(1.0, max(0.0, now - eligible) / weights.age_max_s),
        fairshare=weights.fairshare * standing.fairshare,
        job_size=weights.job_size * (1 - size if weights.favor_small else size),
        partition=weights.partition * ordering.partitions.get(job.partition, 0.0),
        qos=weights.qos * standing.qos,
        site=-job.shift,
        nice=-job.nice,
        cpus=weights.cpus * size,
        memory=weights.memory * request.memory_mib / max(totals.memory_mib, 1),
        gpus=weights.gpus * request.gpus / max(totals.gpus, 1),
    )
