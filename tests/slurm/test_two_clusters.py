"""This machine and a real Slurm under one server: one list of jobs, each where it was sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.lab import Lab, missing
from tests.system.ly import ly
from tests.system.product import Product

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(300)]
CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
[[nodes]]
name = "own[1-2]"
cpus = 2
memory = "1GiB"
[[clusters]]
name = "local"
engine = "local"
[[clusters]]
name = "site"
engine = "slurm"
conf = "{conf}"
bin = "/usr/bin"
"""


@pytest.fixture(scope="module")
def product(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    lack = missing()
    if lack:
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    lab = Lab(place / "lab-beside")
    product = Product(
        tmp_path_factory.mktemp("two") / "state", CONFIG.format(conf=lab.environment["SLURM_CONF"])
    )
    try:
        lab.start()
        product.start()
        yield product
    finally:
        product.destroy()
        lab.stop()


def test_jobs_go_where_they_are_sent_and_are_in_one_list(product: Product) -> None:
    here = ly(product.state, "submit", "-q", "-c", "1", "--mem", "100M", "--", "sleep", "0.1").out.strip()
    there = ly(
        product.state, "submit", "-q", "--cluster", "site", "-c", "1", "--mem", "50M", "--", "true"
    ).out.strip()
    ended = [product.until(int(one)) for one in (here, there)]
    assert [(one["state"], one["cluster"]) for one in ended] == [
        ("COMPLETED", "local"),
        ("COMPLETED", "site"),
    ]
    assert ended[0]["nodes"][0].startswith("own")
    listed = {job["id"] for job in product.call("GET", "/v1/jobs")["jobs"]}
    assert {int(here), int(there)} <= listed
    assert f"site, known there as {ended[1]['engine_id']}" in ly(product.state, "show", there).out


def test_nodes_partitions_and_lacks_are_told_by_cluster(product: Product) -> None:
    nodes = {one["name"]: one["cluster"] for one in product.call("GET", "/v1/nodes")["nodes"]}
    assert nodes == {"own1": "local", "own2": "local", **{f"n{number}": "site" for number in range(1, 5)}}
    clusters = {one["name"]: one for one in product.call("GET", "/v1/status")["clusters"]}
    assert (clusters["local"]["places"], clusters["site"]["places"]) == ("launchyard", "engine")
    assert "steps" in clusters["site"]["cannot"]
    refused = ly(product.state, "submit", "--cluster", "site", "--cpus", "0.5", "--", "true")
    assert refused.code == 2
    assert refused.err.startswith("ly: cluster site cannot run this: Slurm gives whole CPUs")
    wrong = ly(product.state, "submit", "--cluster", "site", "-p", "main", "--", "true")
    assert "partition main is on cluster local, not on site" in wrong.err
