"""What each Python in a job loads first: Ray counts the job's CPUs, and all else is as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launchyard.model.raycluster import COUNTING

RAY = "import multiprocessing\ndef get_num_cpus(override=False, truncate=True):\n    return 99\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory of PYTHONPATH with something that looks like Ray."""
    inner = tmp_path / "site" / "ray" / "_private"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("from ray._private import utils\n")
    (inner / "__init__.py").write_text("")
    (inner / "utils.py").write_text(RAY)
    return tmp_path / "site"


def said(code: str, *path: object, behind: object = "", **variables: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": ":".join(filter(None, map(str, (*path, COUNTING, behind)))),
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_ray_counts_the_cpus_of_the_job(site: Path) -> None:
    code = "import ray; count = ray._private.utils.get_num_cpus; print(count(), count(truncate=False))"

    assert said(code, site, SLURM_CPUS_ON_NODE="2") == "2 2"
    patience = "import ray, os; print(os.environ.get('RAY_raylet_start_wait_time_s'))"
    assert said(patience, site, SLURM_CPUS_ON_NODE="2") == "180"
    assert said(code, site) == "99 99"


def test_the_module_of_that_name_that_stands_behind_is_loaded_too(tmp_path: Path, site: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.was_loaded = True\n")
    code = "import sys, ray; print(sys.was_loaded, ray._private.utils.get_num_cpus())"

    assert said(code, site, behind=tmp_path, SLURM_CPUS_ON_NODE="3") == "True 3"


def test_where_modules_are_looked_for_is_as_it_was(site: Path) -> None:
    path = said("import sys; print(sys.path)", site, SLURM_CPUS_ON_NODE="2")

    assert COUNTING not in path
    assert str(site) in path


def test_a_program_that_has_no_ray_runs_as_ever() -> None:
    assert said("import json, sys; print(json.dumps(len(sys.meta_path) > 0))", SLURM_CPUS_ON_NODE="2")
