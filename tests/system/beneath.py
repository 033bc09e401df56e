"""What runs the jobs of every product of a test: this machine, or with `--engine` a real Slurm or a real Ray.

A test and its configuration stay as they are; the nodes are those of the cluster, as many as are asked for
and each like that of `product.DEFAULT_CONFIG`, with more memory and two GPUs that are none.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launchyard.engine.ray.remembered import yard_of
from tests.ray.lab import Lab as RayLab
from tests.slurm.lab import CGROUPS, missing
from tests.slurm.lab import Lab as SlurmLab
from tests.slurm.sides import make_users
from tests.system import product
from tests.system.ray_client import programs

START_S = 90.0
ROOMY_MIB = 12 * 1024
"""Of a node with as much memory as any test configures."""
SLURM = """
[[clusters]]
name = "slurm"
engine = "slurm"
conf = "{conf}"
bin = "/usr/bin"
"""
RAY = """
[[clusters]]
name = "ray"
engine = "ray"
address = "{address}"
python = "{python}"
"""


@contextmanager
def engine(name: str, *, nodes: int, memory_mib: int = ROOMY_MIB) -> Iterator[None]:
    """All products that are made meanwhile have one cluster of this engine.

    `memory_mib` of each node, where the engine holds jobs to what there is.
    """
    if name == "local":
        yield
        return
    if os.geteuid() != 0:
        pytest.skip(f"a cluster of engine {name} needs root")
    with (_slurm if name == "slurm" else _ray)(nodes, memory_mib) as ground:
        product.GROUND = ground
        try:
            yield
        finally:
            product.GROUND = product.Ground()


@contextmanager
def _slurm(nodes: int, memory_mib: int) -> Iterator[product.Ground]:
    """Its ids begin far from ours, so that one is never taken for the other."""
    if lack := missing():
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    make_users()
    place = Path(tempfile.mkdtemp(prefix="launchyard-slurm-"))
    place.chmod(0o755)
    cgroups = (CGROUPS / "memory" / "tasks").exists()
    lab = SlurmLab(
        *(place / "lab", nodes),
        features="lab,zone=a",
        first_job_id=1_000_001,
        cgroups=cgroups,
        memory_mib=memory_mib,
    )
    try:
        lab.start()
        clusters = SLURM.format(conf=lab.environment["SLURM_CONF"])
        yield product.Ground(
            engine="slurm", clusters=clusters, nodes=nodes, start_s=START_S, clear=lab.end_all_jobs
        )
    finally:
        lab.stop()
        shutil.rmtree(place, ignore_errors=True)


def _of_ray(lab: RayLab, state: Path) -> Path:
    """On its first node."""
    key = (state / "daemon" / "engines" / "ray" / "key").read_bytes()
    return lab.base / f"{yard_of(key)}-{lab.name(0)}" / "environments"


@contextmanager
def _ray(nodes: int, memory_mib: int) -> Iterator[product.Ground]:
    if shutil.which("ip") is None:
        pytest.skip("nodes in network namespaces need the program ip (iproute2)")
    place = Path(tempfile.mkdtemp(prefix="lyr", dir="/tmp"))
    lab = RayLab(
        place,
        programs(),
        nodes=nodes,
        named="n",
        labels="lab=,zone=a",
        gpu_type="fake",
        memory_mib=memory_mib,
    )
    try:
        lab.start()
        yield product.Ground(
            engine="ray",
            clusters=RAY.format(address=lab.address, python=lab.python),
            clusters_of_others=RAY.format(address=lab.client_address, python=lab.python),
            nodes=nodes,
            start_s=START_S,
            ray_address=lab.address,
            clear=lab.kill_leftovers_of_jobs,
            environments=lambda state: _of_ray(lab, state),
            on_nodes=lambda: list(lab.base.iterdir()),
        )
    finally:
        lab.stop()
