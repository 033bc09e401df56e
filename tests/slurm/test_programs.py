"""Programs by others, given only the drop-in PATH, do real work end to end.

submitit, snakemake, simple-slurm and reportseff live in an environment of their own, which is made from
tests/slurm/programs.lock once and kept.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.settings import USERS
from tests.slurm.sides import Said, Side
from tests.system.product import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as another user"),
]
HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
SNAKEMAKE = (
    " --executor slurm --jobs 4 --latency-wait 20 --seconds-between-status-checks 1"
    " --slurm-init-seconds-before-status-checks 1"
    " --default-resources slurm_partition=debug slurm_account=physics"
)


@pytest.fixture(scope="session")
def environment() -> Path:
    """The programs' virtual environment; a new lock file makes a new one."""
    lock = HERE / "programs.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    place = Path("/var/tmp") / f"launchyard-programs-{digest}"
    if (place / "complete").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "-q", "--python", "/usr/bin/python3", str(place)], check=True)
    command = [uv, "pip", "sync", "-q", "--system-certs", "--require-hashes", "--compile-bytecode"]
    subprocess.run([*command, "--python", str(place / "bin" / "python"), str(lock)], check=True)
    (place / "complete").touch()
    return place


@pytest.fixture(scope="module")
def user(ours: Side, environment: Path) -> Side:
    """Our cluster, with the programs first in PATH."""
    ours.environment["PATH"] = f"{environment}/bin:{ours.environment['PATH']}"
    shutil.copy(PROGRAMS / "Snakefile", ours.work)
    return ours


def submitit(user: Side, part: str) -> Any:
    said = user.run(f"python {PROGRAMS}/with_submitit.py {part} $PWD/submitit-{part}", within_s=300)
    assert said.code == 0, said.err
    return json.loads(said.out)


def snakemake(user: Side, target: str) -> Said:
    return user.run(f"snakemake {target}{SNAKEMAKE}", within_s=300)


def test_submitit_maps_a_function_over_an_array(user: Side) -> None:
    assert submitit(user, "array") == {"ids": 3, "results": [11, 22, 33]}


def test_an_exception_in_a_submitit_job_comes_back(user: Side) -> None:
    assert submitit(user, "exception") == {"error": "FailedJobError", "told": True}


def test_two_ranks_of_a_submitit_job_know_each_other(user: Side) -> None:
    assert submitit(user, "ranks") == [[0, 0, 2, 1], [1, 1, 2, 1]]


def test_a_submitit_job_is_cancelled(user: Side) -> None:
    assert submitit(user, "cancel") == {"done": True}


def test_a_submitit_job_saves_itself_at_the_signal_and_is_requeued(user: Side) -> None:
    assert submitit(user, "checkpoint") == [True, "1"]


def test_a_submitit_job_that_takes_too_much_memory_is_told_so(user: Side) -> None:
    found = submitit(user, "memory")
    assert found["state"] == "OUT_OF_MEMORY"


def test_snakemake_runs_a_workflow_of_six_jobs(user: Side) -> None:
    said = snakemake(user, "all")
    assert said.code == 0, said.err
    assert (user.work / "all.txt").read_text().split() == ["4", "2", "6", "2"]
    said = user.run("sacct -a -X -n -P -o state,comment | grep -c '^COMPLETED|rule_'")
    assert int(said.out) == 6


def test_snakemake_hears_of_a_rule_that_fails(user: Side) -> None:
    said = snakemake(user, "broken.txt")
    assert said.code == 1
    assert "status is: 'FAILED'" in said.err


def test_simple_slurms_first_example_runs(user: Side) -> None:
    first = user.run("sbatch --parsable --wrap true").out.strip()
    said = user.run(f"python {PROGRAMS}/with_simple_slurm.py {first}")
    assert said.code == 0, said.err
    job_id = int(said.out.split()[-1])
    for index in (3, 7, 11):
        path = user.work / f"{job_id}_{index}.out"
        assert wait_for(partial(_written, path), 60, f"{path.name} is written") == f"task {index}\n"


def test_reportseff_tells_the_efficiency_of_jobs(user: Side) -> None:
    done = user.run("sbatch --parsable --wait --wrap 'echo $(seq 100000) | wc -c'").out.strip()
    said = user.run(f"reportseff --no-color --parsable {done}")
    assert said.code == 0, said.err
    row = dict(zip(*(line.split("|") for line in said.out.strip().splitlines()), strict=True))
    assert row["JobID"] == done
    assert row["State"] == "COMPLETED"
    assert USERS[0] in user.run(f"squeue -h -t all -j {done} -o %u").out


def _written(path: Path) -> str | None:
    return (path.read_text() if path.exists() else "") or None
