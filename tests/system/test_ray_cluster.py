"""Ray itself in jobs: a cluster for a job on its nodes, and Ray's client through a tunnel."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.model.raycluster import driver_id
from tests.system.accounts import account
from tests.system.ly import LY, ly, variables
from tests.system.product import Json, Product, job_pids, wait_for
from tests.system.ray_client import Ray, RayError, programs
from tests.system.test_two_users import ADA, LI, as_user, submitted
from tests.system.test_two_users import asked as asked_as

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
    wait_for(lambda: not job_pids(product.state), 60, "no process of the job is left")


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
    wait_for(lambda: not job_pids(product.state), 60, "no process of the cluster is left")


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
        "import os, ray\n"
        "def cpus(**asked):\n"
        "    ray.init(**asked)\n"
        "    found = int(ray.cluster_resources()['CPU'])\n"
        "    ray.shutdown()\n"
        "    return found\n"
        "print(cpus(), cpus(num_cpus=3), os.getenv('RAY_ADDRESS'), os.environ['RAY_TMPDIR'])\n"
    )

    # One of the machine's, so that what the machine has is another number.
    job_id = product.submit([str(with_ray / "python"), "-c", code], resources={"cpus": 1})

    state = product.until(job_id, within_s=PATIENCE_S)["state"]
    log = product.log(job_id).decode()
    assert state == "COMPLETED", log
    counted, asked_for, address, place = log.splitlines()[-1].split()
    assert (counted, asked_for, address) == ("1", "3", "None")
    wait_for(lambda: not Path(place).exists(), 60, "nothing of Ray's files is left")
    assert not list(Path("/tmp").glob(f"ly-*{Path(place).name}*"))


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


def test_a_cluster_and_one_of_the_users_own_live_side_by_side(
    product: Product, with_ray: Path, tasks: Path
) -> None:
    patience = {"RAY_raylet_start_wait_time_s": "180"}
    variables = {"PATH": f"{with_ray}:/usr/bin:/bin", **patience}
    # Where it keeps its files is the job's own, so "auto" finds it and no other.
    own = "set -e; ray start --head --port=0 --include-dashboard=false >&2; "
    own += 'python -c \'import ray; ray.init(address="auto"); print("own cluster", ray.is_initialized())\''
    asked = {
        "command": f"python {tasks}",
        "metadata": {"launchyard.ray": "true"},
        "environment": variables,
        "resources": {"cpus": 1, "memory_mib": 1024},
    }

    with_cluster = product.call("POST", "/v1/jobs", asked)["id"]
    mine = product.submit(own, environment=variables, resources={"cpus": 1, "memory_mib": 1024})

    job = product.until(with_cluster, within_s=PATIENCE_S)
    log = product.log(with_cluster).decode()
    assert job["state"] == "COMPLETED", log
    assert "sum 2470 nodes 1" in log
    job = product.until(mine, within_s=PATIENCE_S)
    assert "own cluster True" in product.log(mine).decode(), product.log(mine)
    wait_for(lambda: not job_pids(product.state), 60, "no process of any cluster is left")


def test_rays_clients_are_told_of_a_cluster_as_of_a_driver(product: Product, with_ray: Path) -> None:
    shell = {**variables(product.state), "PATH": f"{with_ray}:{os.environ['PATH']}"}
    started = subprocess.run(
        [*LY, "ray", "start", "-c", "1", "-q"], env=shell, capture_output=True, text=True, check=True
    )
    job_id = started.stdout.strip()
    product.until(job_id, "RUNNING", within_s=PATIENCE_S)
    token = ly(product.state, "token", "create", "-q").out.strip()
    given = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}

    with Ray(with_ray, given).client(product.facts["url"]) as client:
        drivers = {one["job_id"]: one for one in client.call("list_jobs") if one["type"] == "DRIVER"}
        driver = drivers[driver_id(int(job_id))]
        assert (driver["submission_id"], driver["status"]) == (None, "RUNNING")
        assert client.call("get_job_info", driver["job_id"])["job_id"] == driver["job_id"]
        for method, act in (("stop_job", "stop"), ("delete_job", "delete"), ("get_job_logs", "get logs of")):
            with pytest.raises(RayError, match=f"400: Can only {act} submission type jobs"):
                client.call(method, driver["job_id"])
        ly(product.state, "cancel", job_id)
        product.until(job_id)
        assert client.call("get_job_status", driver["job_id"]) == "SUCCEEDED"


def test_a_cluster_of_a_ray_that_the_job_brings_along(product: Product, tasks: Path) -> None:
    asked = {
        "command": f"python {tasks}",
        "metadata": {"launchyard.ray": "true"},
        "environment": {"PATH": "/usr/bin:/bin"},
        "runtime_env": {"pip": ["ray[default]==2.60.0"]},
        "resources": {"cpus": 1, "memory_mib": 1500},
    }

    job_id = product.call("POST", "/v1/jobs", asked)["id"]

    state = product.until(job_id, within_s=3 * PATIENCE_S)["state"]
    log = product.log(job_id).decode()
    assert state == "COMPLETED", log
    assert "sum 2470 nodes 1" in log


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users")
def test_ordinary_users_have_clusters_of_their_own_at_once(with_ray: Path, tasks: Path) -> None:
    for user in (ADA, LI):
        account(user)
    if as_user(ADA, str(with_ray / "python"), "-c", "import ray"):
        pytest.skip("where Ray is installed other users may not look")
    with tempfile.TemporaryDirectory(prefix="ly-users-") as folder:
        Path(folder).chmod(0o755)
        program = Path(folder) / "tasks.py"
        program.write_text(TASKS)
        one = Product(Path(folder) / "state", CONFIG.replace('"3GiB"', '"2GiB"'))
        one.start()
        try:
            asked = {
                "metadata": {"launchyard.ray": "true"},
                "environment": {"PATH": f"{with_ray}:/usr/bin:/bin"},
                "resources": {"cpus": 1, "memory_mib": 1024},
            }
            jobs = [(user, submitted(one, user, f"python {program}", **asked)) for user in (ADA, LI)]
            for user, job_id in jobs:
                job = wait_for(lambda: _ended(one, user, job_id), PATIENCE_S, f"the cluster of {user}", 0.2)  # noqa: B023
                _, log = asked_as(one, user, "GET", f"/v1/jobs/{job_id}/logs?stream=stdout")
                assert job["state"] == "COMPLETED", log
                assert b"sum 2470 nodes 1" in log
        finally:
            one.destroy()


def _ended(product: Product, user: str, job_id: int) -> Json | None:
    _, job = asked_as(product, user, "GET", f"/v1/jobs/{job_id}")
    return job if job["ended_at"] else None
