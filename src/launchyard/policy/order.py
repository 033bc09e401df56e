"""Who comes first among the waiting: tier, then fair-share band, then nice, then by what the order says.

`default` is log-area with linear ageing: the smallest `ln(dominant share x requested seconds) + submitted_at
/ ageing` first. The key of a job never changes while it waits, and overtaking is bounded: a job submitted
later goes ahead only within `ageing x ln(ratio of the areas)`. Orders that mix area and submission time: D.
Carastan-Santos and R. de Camargo, "Obtaining dynamic scheduling policies with simulation and machine
learning", SC'17.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from launchyard.model.job import Job
from launchyard.model.resources import Request
from launchyard.model.rules import Order, Weights
from launchyard.policy.limits import Party

Key = tuple[float, ...]
"""Smaller comes first."""

SMALLEST_S = 60.0
AREA_MIN = 1e-6
"""A job that asks for next to nothing; so that its logarithm is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What all nodes have together: shares are shares of these."""

    cpus_milli: int = 0
    memory_mib: int = 0
    gpus: int = 0

    def dominant_share(self, request: Request) -> float:
        """The largest of the shares of CPUs, memory and GPUs that the request takes."""
        shares = (
            request.cpus_milli / max(self.cpus_milli, 1),
            request.memory_mib / max(self.memory_mib, 1),
            request.gpus * request.gpu_milli / 1000 / max(self.gpus, 1),
        )
        return max(shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a party stands now: its band (0 goes first), its fair-share factor and its QOS's weight, 0 to 1."""

    band: int = 0
    fairshare: float = 1.0
    qos: float = 0.0
    tier: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """The order in force. `standings` of parties that are not listed are the default one."""

    order: Order = Order.DEFAULT
    ageing_s: float = 12 * 3600.0
    totals: Totals = Totals()
    weights: Weights = field(default_factory=Weights)
    standings: dict[Party, Standing] = field(default_factory=dict)
    partitions: Mapping[str, float] = field(default_factory=dict)
    """How much each counts, 0 to 1."""

    def key(self, job: Job, tier: int, seconds: float, now: float) -> Key:
        """Where the job stands; a task that was touched alone keeps the place of its array."""
        standing = self.standings.get(Party.of(job)) or Standing()
        own = job.task.job_id if job.task is not None else job.id
        place = own if job.turn is None else job.turn
        value = self._value(job, seconds, standing, now) + job.shift
        return (-(tier + standing.tier), standing.band, job.nice, value, place)

    def changes_with_time(self) -> bool:
        """Whether keys must be made anew from time to time."""
        return self.order is Order.MULTIFACTOR

    def overtaken_until(self, job: Job, seconds: float) -> float | None:
        """Nobody of the same standing who is submitted later than this can go ahead; None: no such bound.

        The bound is that of the smallest job that is of any use, a CPU for a minute.
        """
        if self.order is Order.FIFO:
            return job.submitted_at
        if self.order is not Order.DEFAULT:
            return None
        smallest = self._area(replace(job, request=Request()), SMALLEST_S)
        return _since(job) + max(0.0, self.ageing_s * math.log(self._area(job, seconds) / smallest))

    def _value(self, job: Job, seconds: float, standing: Standing, now: float) -> float:
        match self.order:
            case Order.FIFO:
                return 0.0
            case Order.SHORTEST_FIRST:
                return seconds
            case Order.MULTIFACTOR:
                return -self._priority(job, standing, now)
            case _:
                return math.log(self._area(job, seconds)) + _since(job) / self.ageing_s

    def _area(self, job: Job, seconds: float) -> float:
        return max(AREA_MIN, self.totals.dominant_share(job.request) * seconds)

    def _priority(self, job: Job, standing: Standing, now: float) -> float:
        """Slurm's multifactor priority: the sum of weights times factors. Source: its
        priority_multifactor."""
        weights, request = self.weights, job.request
        eligible = _since(job)
        size = request.cpus_milli / max(self.totals.cpus_milli, 1)
        return (
            weights.age * min(1.0, max(0.0, now - eligible) / weights.age_max_s)
            + weights.fairshare * standing.fairshare
            + weights.job_size * (1 - size if weights.favor_small else size)
            + weights.partition * self.partitions.get(job.partition, 0.0)
            + weights.qos * standing.qos
            + weights.cpus * size
            + weights.memory * request.memory_mib / max(self.totals.memory_mib, 1)
            + weights.gpus * request.gpus / max(self.totals.gpus, 1)
        )


def _since(job: Job) -> float:
    """From when its waiting counts: one that comes again and again is new each time."""
    return job.eligible_at or job.submitted_at
