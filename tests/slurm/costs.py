"""What a submission costs in time of processors: the same on a machine that others use."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from tests.system.product import Product

LOOKING = ("squeue", "scontrol", "sacct")
_QUIET = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
"""What a program prints goes nowhere."""


def bare_sbatch(environment: Mapping[str, str], script: Path) -> float:
    """Seconds of an sbatch by itself, of a job that waits."""
    words = ["sbatch", "--parsable", "--mem=10", "--hold", "-o", "/dev/null", str(script)]
    pid = os.posix_spawnp("sbatch", words, environment, file_actions=[_QUIET])
    _, status, used = os.wait4(pid, 0)
    assert status == 0
    return used.ru_utime + used.ru_stime


def used_below(product: Product) -> float:
    """Seconds that those have used which its launcher began, with what they began and waited for."""
    keepers = product.keepers()
    used = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) in keepers and int(path.parent.name) not in keepers:
                used += _seconds(fields[11:15])
    return used


def used_by(pid: int) -> float:
    """Seconds that this process has used, without what it began."""
    return _seconds(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])


def _seconds(ticks: list[str]) -> float:
    return sum(int(one) for one in ticks) / os.sysconf("SC_CLK_TCK")


def counted(directory: Path) -> tuple[Path, Path]:
    """A directory with Slurm's commands, of which those that look write down each time they are begun."""
    bin = directory / "bin"
    told = bin / "told"
    bin.mkdir()
    for name in ("sbatch", "scancel"):
        (bin / name).symlink_to(f"/usr/bin/{name}")
    for name in LOOKING:
        (bin / name).write_text(f'#!/bin/sh\necho {name} >> "${{0%/*}}/told"\nexec /usr/bin/{name} "$@"\n')
        (bin / name).chmod(0o755)
    return bin, told
