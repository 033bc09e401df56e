"""How long Slurm's commands take, beside a bare start of the interpreter: ten thousand jobs wait meanwhile.

The rows are whole commands as a user waits for them. All are run in turn, so that a machine that is slow for
a while is slow for all of them; what is compared is the median of each. CPU seconds of the command alone,
which a busy machine changes least, stand in the notes.
"""

import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.row import Row
from tests.system.product import Json, Product

LIST = 1000
TIMES = 30
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


class Spent(NamedTuple):
    """Of one run, in seconds."""

    wall: float
    cpu: float


def rows(product: Product, count: int = 10_000) -> list[Row]:
    """The gates are the goals, as ratios to a bare start."""
    product.call("POST", "/v1/jobs", {"command": ["sleep", "600"], "resources": {"cpus": 16}})
    for first in range(0, count, LIST):
        product.call("POST", "/v1/jobs", [_body(first + at) for at in range(min(LIST, count))])
    goals = _goals(product, count)
    found = measured(
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
        Goal("sinfo", [str(commands / "sinfo")], 40),
        Goal(f"squeue, {count:,} waiting jobs", [squeue], 150),
        Goal(f"squeue --json, {count:,} waiting jobs", [squeue, "--json"], 300),
        Goal("one sbatch, durable", [sbatch, *options, str(script)], 45),
        Goal("sbatch of an array of 2,000 tasks", [sbatch, "--array=1-2000", *options, str(script)], 60),
    ]


def measured(commands: Mapping[str, Sequence[str]], times: int = TIMES) -> dict[str, list[Spent]]:
    """Each command so many times, in turn; a first round is not counted."""
    found: dict[str, list[Spent]] = {name: [] for name in commands}
    for _ in range(times + 1):
        for name, command in commands.items():
            found[name].append(_spent(command))
    return {name: runs[1:] for name, runs in found.items()}


def _spent(command: Sequence[str]) -> Spent:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    output = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], list(command), environment, file_actions=output)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Spent(wall, usage.ru_utime + usage.ru_stime)


def _row(goal: Goal, found: Mapping[str, Sequence[Spent]]) -> Row:
    wall_ms = {name: 1000 * statistics.median(run.wall for run in runs) for name, runs in found.items()}
    cpu_ms = {name: 1000 * min(run.cpu for run in runs) for name, runs in found.items()}
    return Row(
        work=goal.work,
        value=wall_ms[goal.work],
        unit="ms p50",
        against="a bare Python start",
        ratio=wall_ms[goal.work] / wall_ms[BARE],
        gate=goal.most_ms / QUIET_MS,
        lower_is_better=True,
        note=f"bare {wall_ms[BARE]:.1f} ms, `{IMPORTS}` {wall_ms[IMPORTS]:.1f} ms; least CPU of the command "
        f"{cpu_ms[goal.work]:.0f} ms, bare {cpu_ms[BARE]:.1f} ms; asked: ≤ {goal.most_ms:g} ms",
    )
