"""What came of a replay, in the figures that papers compare: waits, slowdown, use of the machine, and a
fingerprint of all starts."""

import hashlib
import math
from dataclasses import dataclass

from launchyard.sim.trace import Trace, TraceJob

SHORT_S = 10
"""Shorter runs count as this long in a slowdown, or a job of one second would outweigh all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """`utilisation` from the first submission to the last end; `area_weighted_wait_s` counts each wait by the
    processor-seconds of its job. `starts_sha256` is of the lines `id start`, in the order of the log."""

    policy: str
    jobs: int
    mean_wait_s: float
    max_wait_s: int
    mean_bounded_slowdown: float
    area_weighted_wait_s: float
    utilisation: float
    makespan_s: int
    starts_sha256: str


def measure(policy: str, trace: Trace) -> Measures:
    """The figures of a trace whose jobs all have their start."""
    jobs = trace.jobs
    waits = [job.start - job.submit for job in jobs]
    areas = [job.processors * job.run_s for job in jobs]
    makespan_s = max(job.start + job.run_s for job in jobs) - min(job.submit for job in jobs)
    lines = "".join([f"{job.id} {job.start}\n" for job in jobs])
    return Measures(
        policy=policy,
        jobs=len(jobs),
        mean_wait_s=sum(waits) / len(jobs),
        max_wait_s=max(waits),
        mean_bounded_slowdown=math.fsum(bounded_slowdown(job) for job in jobs) / len(jobs),
        area_weighted_wait_s=sum(map(int.__mul__, waits, areas)) / sum(areas),
        utilisation=sum(areas) / (trace.processors * makespan_s),
        makespan_s=makespan_s,
        starts_sha256=hashlib.sha256(lines.encode()).hexdigest(),
    )


def bounded_slowdown(job: TraceJob) -> float:
    """How many times longer than its run the job took with its wait; at least 1.

    Source: D. Feitelson, L. Rudolph, U. Schwiegelshohn et al., "Theory and practice in parallel job
    scheduling", JSSPP 1997.
    """
    return max(1.0, (job.start - job.submit + job.run_s) / max(job.run_s, SHORT_S))
