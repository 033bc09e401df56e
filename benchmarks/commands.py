"""Whole commands from start to end, run in turn: a machine that is slow is slow for all of them."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

TIMES = 30


class Run(NamedTuple):
    """Seconds of one run, and those of the CPU that the command itself took (not a server that it asked)."""

    wall_s: float
    cpu_s: float


class Runs(NamedTuple):
    """Of one command: the median of the seconds, and the least CPU, which a busy machine changes least."""

    wall_s: float
    cpu_s: float


def in_turn(commands: Mapping[str, Sequence[str]], times: int = TIMES, **variables: str) -> dict[str, Runs]:
    """Each command so many times; a first round is not counted."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(times + 1):
        for name, command in commands.items():
            found[name].append(_run(command, environment | variables))
    return {
        name: Runs(statistics.median(run.wall_s for run in runs[1:]), min(run.cpu_s for run in runs[1:]))
        for name, runs in found.items()
    }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    output = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], list(command), environment, file_actions=output)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime)
