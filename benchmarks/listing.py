"""How long Slurm's commands take: their bare start, and squeue of ten thousand waiting jobs."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.row import Row
from tests.system.product import Product

LIST = 1000
SCRIPT = "#!/bin/sh\nsleep 60\n"


def rows(product: Product, count: int = 10_000) -> list[Row]:
    """Gates are ratios to a bare Python start of 12 ms, which the goals in milliseconds were set beside."""
    product.call("POST", "/v1/jobs", {"command": ["sleep", "600"], "resources": {"cpus": 16}})
    body = {"script": SCRIPT, "resources": {"cpus": 2}, "metadata": {"slurm.command": "/home/ada/run.sh"}}
    for first in range(0, count, LIST):
        product.call(
            "POST", "/v1/jobs", [{**body, "name": f"job-{first + at}"} for at in range(min(LIST, count))]
        )
    bare = seconds([sys.executable, "-IS", "-c", "pass"])
    commands = f"{product.state}/slurm"
    return [
        _row("squeue --version: start and one answer", seconds([f"{commands}/squeue", "-V"]), bare, 5, "40"),
        _row(f"squeue, {count:,} waiting jobs", seconds([f"{commands}/squeue"]), bare, 12.5, "150"),
        _row(f"squeue --json, {count:,} waiting", seconds([f"{commands}/squeue", "--json"]), bare, 25, "300"),
    ]


def seconds(command: Sequence[str], times: int = 15) -> float:
    """The median of some runs, the first of them not counted."""
    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def _row(work: str, found: float, bare: float, gate: float, goal_ms: str) -> Row:
    return Row(
        work=work,
        value=found * 1000,
        unit="ms p50",
        against="a bare Python start",
        ratio=found / bare,
        gate=gate,
        lower_is_better=True,
        note=f"bare {bare * 1000:.1f} ms; asked: ≤ {goal_ms} ms",
    )
