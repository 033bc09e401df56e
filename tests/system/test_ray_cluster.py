"""Ray itself in jobs: a cluster for a job on its nodes, and Ray's client through a tunnel."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.ly import LY, ly, variables
from tests.system.product import Product, job_pids, wait_for
from tests.system.ray_client import programs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_S = 240.0
CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
[[nodes]]
name = "n[1-2]"
cpus = 2
memory = "3GiB"
"""
TASKS = """
import os, sys, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
ray.init(os.environ["RAY_ADDRESS"])

@ray.remote
def square(number):
    return number * number, ray.get_runtime_context().get_node_id()

nodes = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in ray.nodes()]
asked = [square.options(scheduling_strategy=nodes[n % len(nodes)]).remote(n) for n in range(20)]
found = ray.get(asked)
print("sum", sum(value for value, _ in found), "nodes", len({node for _, node in found}))
print("cpus", int(ray.cluster_resources()["CPU"]))
sys.stdout.flush()
os._exit(int(sys.argv[1]) if sys.argv[1:] else 0)
"""


@pytest.fixture(scope="module")
def with_ray() -> Path:
    return programs()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    one = Product(tmp_path_factory.mktemp("raycluster") / "state", CONFIG)
    one.start()
    yield one
    one.destroy()


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.py"
    path.write_text(TASKS)
    return path


def test_a_ray_job_computes_on_two_nodes_and_leaves_nothing_behind(
    product: Product, with_ray: Path, tasks: Path
) -> None:
    asked = {
        "entrypoint": f"python {tasks} 7",
        "submission_id": "wide",
        "entrypoint_num_cpus": 4,
        "metadata": {"launchyard.ray": "true", "launchyard.nodes": "2"},
        "runtime_env": {"env_vars": {"PATH": f"{with_ray}:/usr/bin:/bin"}},
    }
    product.call("POST", "/api/jobs/", asked)
    (job_id,) = [one["id"] for one in product.all_jobs() if one["submission_id"] == "wide"]

    job = product.until(job_id, within_s=PATIENCE_S)

    log = product.log(job_id).decode()
    assert "sum 2470 nodes 2" in log, log
    assert "cpus 4" in log
    assert (job["state"], job["exit_code"]) == ("FAILED", 7)
    wait_for(lambda: not job_pids(product.state), 30, "no process of the job is left")


def test_rays_client_computes_through_the_tunnel(product: Product, with_ray: Path, tasks: Path) -> None:
    shell = {**variables(product.state), "PATH": f"{with_ray}:{os.environ['PATH']}"}
    started = subprocess.run(
        [*LY, "ray", "start", "-c", "1", "-q"], env=shell, capture_output=True, text=True, check=True
    )
    job_id = started.stdout.strip()

    session = subprocess.run(
        [*LY, "ray", "connect", job_id, "--", "python", str(tasks)],
        env=shell,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert "sum 2470 nodes 1" in session.stdout, session.stdout + session.stderr
    assert session.returncode == 0
    assert product.job(job_id)["kind"] == "driver"
    assert ly(product.state, "cancel", job_id).code == 0
    assert product.until(job_id)["state"] == "CANCELLED"
    wait_for(lambda: not job_pids(product.state), 30, "no process of the cluster is left")


def test_another_ray_is_told_before_the_tunnel_is_used(
    product: Product, with_ray: Path, tmp_path: Path
) -> None:
    shell = {**variables(product.state), "PATH": f"{with_ray}:{os.environ['PATH']}"}
    started = subprocess.run(
        [*LY, "ray", "start", "-c", "1", "-q"], env=shell, capture_output=True, text=True, check=True
    )
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 2.49.0 3.12 1\n")
    other.chmod(0o755)

    refused = ly(product.state, "ray", "connect", started.stdout.strip(), "--", str(other))

    assert refused.code == 1
    assert "the cluster has Ray 2.60.0 with Python 3.11" in refused.err
    ly(product.state, "cancel", started.stdout.strip())
    product.until(started.stdout.strip())


def test_ray_without_a_cluster_counts_the_cpus_of_the_job(product: Product, with_ray: Path) -> None:
    code = (
        "import os, ray; ray.init(); ours = os.environ['RAY_TMPDIR']; assert os.path.isdir(ours), ours; "
        "print(int(ray.cluster_resources()['CPU']), os.getenv('RAY_ADDRESS'), ours)"
    )

    job_id = product.submit([str(with_ray / "python"), "-c", code], resources={"cpus": 2})

    state = product.until(job_id, within_s=PATIENCE_S)["state"]
    log = product.log(job_id).decode()
    assert state == "COMPLETED", log
    cpus, address, place = log.splitlines()[-1].split()
    shutil.rmtree(place)
    assert (cpus, address) == ("2", "None")


def test_a_script_without_ray_is_told_how_to_get_it(product: Product, tmp_path: Path) -> None:
    nothing = tmp_path / "python"
    nothing.write_text("#!/bin/sh\nexit 1\n")
    nothing.chmod(0o755)
    (tmp_path / "python3").symlink_to(nothing)

    job_id = product.call(
        "POST",
        "/v1/jobs",
        {
            "script": "#!/bin/sh\nexit 0\n",
            "environment": {"PATH": str(tmp_path)},
            "metadata": {"launchyard.ray": "true"},
        },
    )["id"]

    assert product.until(job_id)["state"] == "FAILED"
    why = ly(product.state, "why", str(job_id)).out
    assert "its environment has no ray" in why
    assert "--pip" in why
