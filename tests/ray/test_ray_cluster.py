"""What Ray sees of our jobs, and what jobs find of Ray: placement groups, demand, GPUs, `ray.init()`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.engine.ray.engine import LACKS
from launchyard.model.ability import Lack
from tests.ray.clustered import CONFIG, START_S, product_on, up
from tests.ray.lab import Lab
from tests.system.ly import ly, variables
from tests.system.product import Product, wait_for
from tests.system.ray_client import Ray

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(400)]

NEEDING = {
    Lack.STEPS: "srun true",
    Lack.UNLIKE_PARTS: "printf '#!/bin/sh\n' | sbatch -n1 : -n1",
    Lack.NODES: "sbatch -N2 --wrap true",
    Lack.RAY: "ly ray start",
}
"""A line of shell for each thing that the engine lacks."""
SEEN = """
import json, ray
ray.init(address={address!r}, log_to_driver=False, logging_level="ERROR")
from ray.experimental.internal_kv import _internal_kv_get
from ray._private.ray_constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
groups = [one for one in ray.util.placement_group_table().values() if one["state"] == "CREATED"]
wanted = _internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL)
print(json.dumps({{
    "groups": [list(one["bundles"].values()) for one in groups],
    "free": ray.available_resources(),
    "wanted": json.loads(wanted) if wanted else [],
}}))
"""


@pytest.fixture(scope="module")
def product(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product_on(lab, tmp_path_factory.mktemp("cluster") / "state") as made:
        yield made


def seen(lab: Lab) -> Any:
    """By another program of the cluster."""
    program = SEEN.format(address=lab.address)
    done = subprocess.run(
        [lab.python, "-c", program], env=lab.environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_ray_sees_what_a_job_holds_until_it_ends(product: Product, lab: Lab) -> None:
    job = product.submit(
        ["sleep", "600"], resources={"cpus": 3, "memory_mib": 512, "nodelist": [lab.name(1)]}
    )
    product.until(job, "RUNNING")
    found = wait_for(lambda: now if (now := seen(lab))["groups"] else None, 60, "it is seen")
    ((bundle,),) = found["groups"]
    assert (bundle["CPU"], bundle["memory"]) == (3, 512 << 20)
    assert f"node:{lab.ip(1)}" in bundle
    assert found["free"]["CPU"] == 12 - 3
    product.call("POST", f"/v1/jobs/{job}/cancel")
    product.until(job)
    wait_for(lambda: seen(lab)["free"].get("CPU") == 12, 60, "it is free again")


def test_what_waits_is_told_as_demand_and_is_none_when_nothing_waits(product: Product, lab: Lab) -> None:
    jobs = [product.submit(["sleep", "600"], resources={"cpus": 4}) for _ in range(4)]
    wait_for(lambda: product.job(jobs[2])["state"] == "RUNNING", 60, "three run")

    def wanted() -> list[float]:
        return sorted(one["CPU"] for one in seen(lab)["wanted"])

    # What runs is told too: Ray counts all that is wanted together.
    wait_for(lambda: wanted() == [4, 4, 4, 4], 60, "Ray knows that a node is missing")
    for job in reversed(jobs):
        product.call("POST", f"/v1/jobs/{job}/cancel")
    for job in jobs:
        product.until(job)
    wait_for(lambda: not wanted(), 60, "nothing is wanted")


def test_gpus_that_ray_counts_are_given_each_to_one_job(product: Product, lab: Lab) -> None:
    command = ["sh", "-c", "echo $CUDA_VISIBLE_DEVICES; sleep 2"]
    asked = {"cpus": 1, "gpus": 1, "nodelist": [lab.name(2)]}
    jobs = [product.submit(command, resources=asked) for _ in range(2)]
    ended = [product.until(job) for job in jobs]
    assert [job["state"] for job in ended] == ["COMPLETED"] * 2
    assert sorted(product.log(job) for job in jobs) == [b"0\n", b"1\n"]
    nodes = product.call("GET", "/v1/nodes")["nodes"]
    assert {node["gpus"] for node in nodes} == {2}


def test_program_in_a_job_that_asks_for_ray_joins_the_cluster(product: Product, lab: Lab) -> None:
    program = "import ray; ray.init(log_to_driver=False, logging_level='ERROR'); print(len(ray.nodes()))"
    words = ["--ray", "--wait", "-C", "/tmp", "--", str(lab.python), "-c", program]
    said = ly(product.state, "submit", "--quiet", *words)
    assert said.code == 0, said
    assert product.log(said.out.split()[0]).splitlines()[-1] == b"3"


def test_job_of_the_ray_command_joins_the_cluster_that_it_runs_on(product: Product, lab: Lab) -> None:
    ray = Ray(lab.python.parent, {"RAY_ADDRESS": product.facts["url"], **_token(product)})
    program = "import ray; ray.init(log_to_driver=False); print('nodes', len(ray.nodes()))"
    said = ray.job("submit", "--", str(lab.python), "-c", program)
    assert said.code == 0, said.text
    assert "nodes 3" in said.text


@pytest.mark.parametrize("lack", LACKS)
def test_what_the_engine_lacks_is_refused_with_its_sentence(product: Product, lack: Lack) -> None:
    path = f"{product.state}/slurm:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", NEEDING[lack]],
        env={**variables(product.state), "PATH": path},
        cwd="/tmp",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert LACKS[lack] in " ".join(done.stderr.split()), done
    assert product.cannot(lack.value) == LACKS[lack]


def test_cluster_is_used_from_outside_through_its_client_port(lab: Lab, tmp_path: Path) -> None:
    """As one of KubeRay's; a daemon that comes back finds its jobs there too."""
    with product_on(lab, tmp_path / "state", address=lab.client_address) as product:
        job = product.submit(["sh", "-c", "echo on $LAUNCHYARD_NODE; sleep 3; exit 6"])
        (node,) = product.until(job, "RUNNING")["nodes"]
        product.kill()
        product.start(timeout_s=START_S)
        ended = product.until(job)
        assert (ended["state"], ended["exit_code"], ended["attempt"]) == ("FAILED", 6, 1)
        assert product.log(job) == f"on {node}\n".encode()


def test_server_of_another_user_than_rays_is_told_to_take_the_client_port(lab: Lab) -> None:
    config = CONFIG.replace('daemon_user = "root"\n', "")
    # As that user it may not look into pytest's directories.
    product = Product(lab.directory / "other", config.format(address=lab.address, python=lab.python))
    try:
        product.start(timeout_s=START_S)
        wait_for(lambda: "by its client port alone" in _away(product), START_S, "it is said why")
        product.kill()
        product.configure(config.format(address=lab.client_address, python=lab.python))
        product.start(timeout_s=START_S)
        wait_for(lambda: up(product) == lab.nodes, START_S, "all nodes serve")
        job = product.submit(["id", "-u"])
        assert product.until(job)["state"] == "COMPLETED"
        assert product.log(job) == b"0\n"
    finally:
        product.destroy()
        lab.kill_leftovers_of_jobs()


def _away(product: Product) -> str:
    (cluster,) = product.call("GET", "/v1/status")["clusters"]
    return str(cluster["details"].get("away", ""))


def _token(product: Product) -> dict[str, str]:
    made = product.call("POST", "/v1/tokens", {"name": "ray"})
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": made["token"]}
