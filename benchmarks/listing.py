"""How long Slurm's commands take, beside a bare start of the interpreter: ten thousand jobs wait meanwhile.

The rows are whole commands as a user waits for them, the server's part among it.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.commands import Runs, in_turn
from benchmarks.row import Row
from tests.system.product import Json, Product

LIST = 1000
QUIET_MS = 12.0
"""A bare start on a quiet machine of the kind that the goals were set for."""
SCRIPT = "#!/bin/sh\n#SBATCH --time=10\nsleep 60\n"
BARE = "a bare start"
IMPORTS = "import json, socket"


class Goal(NamedTuple):
    """`command` is to take no longer than so many milliseconds where a bare start takes `QUIET_MS`."""

    work: str
    command: Sequence[str]
    most_ms: float


def rows(product: Product, count: int = 10_000) -> list[Row]:
    """The gates are the goals, as ratios to a bare start."""
    product.call("POST", "/v1/jobs", {"command": ["sleep", "600"], "resources": {"cpus": 16}})
    for first in range(0, count, LIST):
        product.call("POST", "/v1/jobs", [_body(first + at) for at in range(min(LIST, count))])
    goals = _goals(product, count)
    found = in_turn(
        {
            BARE: [sys.executable, "-IS", "-c", "pass"],
            IMPORTS: [sys.executable, "-S", "-c", IMPORTS],
            **{goal.work: goal.command for goal in goals},
        }
    )
    return [_row(goal, found) for goal in goals]


def _body(number: int) -> Json:
    """What sbatch sends, but for the variables."""
    name = f"job-{number}.sh"
    return {
        **{"name": name, "script": SCRIPT, "working_dir": "/tmp", "stdout": "slurm-%j.out"},
        **{"resources": {"cpus": 2, "tasks": 2, "memory_mib": 100}, "time_limit_s": 600, "requeue": True},
        "metadata": {
            **{"slurm.ntasks": "2", "slurm.mem": "100M", "slurm.submit-line": f"sbatch -n2 {name}"},
            **{"slurm.submit_host": "login", "slurm.submit-dir": "/tmp", "slurm.sid": str(number)},
            **{"slurm.umask": "0022", "slurm.rlimits": "NOFILE=1024", "slurm.command": f"/tmp/{name}"},
        },
    }


def _goals(product: Product, count: int) -> list[Goal]:
    commands, script = product.state / "slurm", product.state.with_name("bench.sh")
    script.write_text(SCRIPT)
    squeue, sbatch = str(commands / "squeue"), str(commands / "sbatch")
    options = ("--ntasks=2", f"--chdir={script.parent}", "--output=/dev/null")
    return [
        Goal("squeue --version: a start and one answer", [squeue, "--version"], 40),
        Goal(f"squeue, {count:,} waiting jobs", [squeue], 150),
        Goal(f"squeue --json, {count:,} waiting jobs", [squeue, "--json"], 300),
        Goal("one sbatch, durable", [sbatch, *options, str(script)], 45),
        Goal("sbatch of an array of 2,000 tasks", [sbatch, "--array=1-2000", *options, str(script)], 60),
    ]


def _row(goal: Goal, found: Mapping[str, Runs]) -> Row:
    ours, bare, imports = found[goal.work], found[BARE], found[IMPORTS]
    return Row(
        work=goal.work,
        value=ours.wall_s * 1000,
        unit="ms p50",
        against="a bare Python start",
        ratio=ours.wall_s / bare.wall_s,
        gate=round(goal.most_ms / QUIET_MS, 2),
        lower_is_better=True,
        note=f"bare {bare.wall_s * 1000:.1f} ms, `{IMPORTS}` {imports.wall_s * 1000:.1f} ms; CPU alone "
        f"{ours.cpu_s * 1000:.0f} ms, of bare {bare.cpu_s * 1000:.1f} ms; asked: ≤ {goal.most_ms:g} ms",
    )
