"""Traces for tests: recorded ones where they are, and made ones of any size."""

import math
import random
from pathlib import Path

import pytest

from launchyard.sim.measures import Measures, measure
from launchyard.sim.policies import POLICIES
from launchyard.sim.replay import replay
from launchyard.sim.trace import Trace, TraceJob, read_trace
from tests.tidy.source import ROOT

KTH = ROOT / "tests/data/traces/kth-sp2.swf.gz"
SDSC = ROOT.parent / "shared/traces/sdsc-blue.swf.gz"


def measured(path: Path, policy: str) -> Measures:
    if not path.exists():
        pytest.skip(f"needs {path.name}")
    return run(read_trace(path), policy)


def run(trace: Trace, policy: str, *, per_second: bool = False) -> Measures:
    """The figures of a trace under a policy; its jobs have their starts then."""
    replay(trace, POLICIES[policy], per_second=per_second)
    return measure(policy, trace)


def trace_of(jobs: list[tuple[int, int, int, int, int]], processors: int) -> Trace:
    """Jobs as (seconds after the one before, run time, processors, requested beyond it, user)."""
    made: list[TraceJob] = []
    at = 0
    for n, (gap, run_s, size, beyond, user) in enumerate(jobs):
        at += gap
        made.append(TraceJob(n, n + 1, at, run_s, size, run_s + beyond, user))
    return Trace(made, processors, 0)


def synthetic(seed: int, *, count: int = 4000, processors: int = 128, load: float = 0.9) -> Trace:
    """A workload with the features of real ones: many small and short jobs, few large and long ones, sizes of
    powers of two, requests far over run times, days and nights, users who come in sessions.

    In the manner of: U. Lublin, D. Feitelson, "The workload on parallel supercomputers", JPDC 63(11), 2003.
    """
    chance = random.Random(seed)
    jobs: list[tuple[int, int, int, int]] = []
    for _ in range(count):
        power = min(math.log2(processors), max(0.0, chance.gauss(2.2, 1.8)))
        size = max(1, min(processors, round(2 ** round(power) if chance.random() < 0.75 else 2**power)))
        run_s = max(1, min(86_400, round(chance.lognormvariate(4.5 if chance.random() < 0.55 else 8.3, 1.5))))
        requested = run_s * chance.choice((1, 2, 2, 4, 10, 40))
        jobs.append((run_s, size, max(run_s, min(requested, 129_600)), chance.randrange(30)))
    span = sum(run_s * size for run_s, size, _, _ in jobs) / (processors * load)
    submits = sorted(_moment(chance, span) for _ in range(count))
    made = [
        TraceJob(n, n + 1, submit, run_s, size, requested, user)
        for n, (submit, (run_s, size, requested, user)) in enumerate(zip(submits, jobs, strict=True))
    ]
    return Trace(made, processors, 0)


def _moment(chance: random.Random, span: float) -> int:
    """By day rather than by night."""
    while True:
        at = chance.random() * span
        if chance.random() < 0.55 - 0.45 * math.cos(2 * math.pi * at / 86_400):
            return round(at)
