"""The whole product over a real Ray cluster: the same commands, one daemon, jobs on three nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray.clustered import product_on, up
from tests.ray.lab import PATIENCE_S, Lab
from tests.system.product import Product, Refused, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(400)]


@pytest.fixture
def product(lab: Lab, tmp_path: Path) -> Iterator[Product]:
    with product_on(lab, tmp_path / "state") as made:
        yield made


def test_jobs_run_on_all_nodes_and_their_logs_are_read(product: Product, lab: Lab) -> None:
    jobs = [
        product.submit(["sh", "-c", "echo on $LAUNCHYARD_NODE; sleep 1"], resources={"cpus": 4})
        for _ in range(3)
    ]
    ended = [product.until(job) for job in jobs]
    assert [job["state"] for job in ended] == ["COMPLETED"] * 3
    assert {node for job in ended for node in job["nodes"]} == {lab.name(one) for one in range(3)}
    assert sorted(product.log(job) for job in jobs) == sorted(
        f"on {lab.name(one)}\n".encode() for one in range(3)
    )


def test_daemon_that_is_killed_finds_its_jobs_again(product: Product) -> None:
    jobs = [product.submit(["sh", "-c", "sleep 4; exit 3"]) for _ in range(6)]
    for job in jobs:
        product.until(job, "RUNNING")
    product.kill()
    product.start(timeout_s=90)
    ended = [product.until(job) for job in jobs]
    assert {(job["state"], job["exit_code"], job["attempt"]) for job in ended} == {("FAILED", 3, 1)}


def test_job_of_a_node_that_dies_runs_again_elsewhere(product: Product, lab: Lab) -> None:
    """F24."""
    job = product.submit(["sleep", "600"], requeue=True, resources={"cpus": 4, "exclude": [lab.name(0)]})
    (where,) = product.until(job, "RUNNING")["nodes"]
    node = next(one for one in range(3) if lab.name(one) == where)
    lab.kill_node(node)
    again = wait_for(lambda: _elsewhere(product, job, where), 60, "it runs elsewhere")
    assert again["attempt"] == 2
    lab.start_node(node)
    wait_for(lambda: up(product) == 3, PATIENCE_S, "the node serves again")
    product.call("POST", f"/v1/jobs/{job}/cancel")
    product.until(job)


def _elsewhere(product: Product, job: int, where: str) -> dict[str, object] | None:
    found = product.job(job)
    return found if found["state"] == "RUNNING" and found["nodes"] != [where] else None


def test_what_the_engine_cannot_do_is_refused_with_its_sentence(product: Product) -> None:
    with pytest.raises(Refused) as refused:
        product.submit("true", resources={"nodes": 2})
    assert "has one node" in refused.value.problem["detail"]
