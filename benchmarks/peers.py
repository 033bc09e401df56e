"""The same no-op jobs on what else is installed here: task-spooler, and a Slurm that answers.

Neither keeps what ours keeps (task-spooler nothing durable, Slurm tuned or not as it was found): a row says
what a person on this machine would get from it, in the same run.
"""

import os
import shutil
import subprocess
import tempfile
import time

from benchmarks.row import Row

JOBS = 500


def rows() -> list[Row]:
    """A row for each peer that is there."""
    return [row for row in (_task_spooler(), _slurm()) if row is not None]


def _task_spooler() -> Row | None:
    program = shutil.which("tsp") or shutil.which("ts")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            **os.environ,
            "TS_SOCKET": f"{directory}/socket",
            "TMPDIR": directory,
            "TS_MAXFINISHED": "2000",
        }
        _tsp(program, environment, "-S", "16")
        began = time.monotonic()
        for _ in range(JOBS):
            _tsp(program, environment, "-n", "/bin/true")
        _tsp(program, environment, "-w")
        rate = JOBS / (time.monotonic() - began)
        _tsp(program, environment, "-K")
    return Row(work="task-spooler, separate", value=rate, unit="jobs/s", note="nothing durable, no limits")


def _tsp(program: str, environment: dict[str, str], *words: str) -> None:
    subprocess.run([program, *words], env=environment, capture_output=True, check=True)


def _slurm() -> Row | None:
    sbatch = shutil.which("sbatch")
    if sbatch is None or subprocess.run(["sinfo", "-h"], capture_output=True, check=False).returncode:
        return None
    began = time.monotonic()
    command = [sbatch, "--wait", "--parsable", f"--array=1-{JOBS}", "--output=/dev/null", "--wrap", "true"]
    subprocess.run(command, capture_output=True, check=True, timeout=600)
    rate = JOBS / (time.monotonic() - began)
    return Row(work="Slurm, array", value=rate, unit="jobs/s", note="as it is configured here")
