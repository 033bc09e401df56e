"""The oldest Ray that is tested, under an older Python than ours: a job and a session on one of two nodes."""

from collections.abc import Iterator

import pytest

from tests.ray.clustered import product_on
from tests.ray.conftest import brought_up
from tests.ray.lab import Lab
from tests.ray.test_ray_sessions import HERE, session, stop
from tests.system.product import Product
from tests.system.sessionapps import make
from tests.system.test_session_proxy import Visit

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def old_lab() -> Iterator[Lab]:
    with brought_up("old", nodes=2) as made:
        yield made


@pytest.fixture(scope="module")
def product(old_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("old")
    make(folder / "apps")
    for hidden in (HERE / "src", folder / "state"):
        old_lab.hide(1, hidden)
    with product_on(old_lab, folder / "state", f'[sessions]\napps = ["{folder}/apps"]\n') as made:
        yield made


def test_status_says_which_ray_it_is(product: Product) -> None:
    (cluster,) = product.call("GET", "/v1/status")["clusters"]
    assert cluster["details"]["ray"] == "2.44.1"


def test_job_runs_on_a_node_and_its_log_is_read_there(product: Product, old_lab: Lab) -> None:
    command = ["sh", "-c", "echo on $LAUNCHYARD_NODE; exit 3"]
    job = product.submit(command, resources={"nodelist": [old_lab.name(1)]})
    assert product.until(job)["exit_code"] == 3
    assert product.log(job) == f"on {old_lab.name(1)}\n".encode()


def test_session_on_a_node_is_reached(product: Product, old_lab: Lab) -> None:
    found = session(product, "web", old_lab.name(1), "running", values={"word": "old"})
    path = f"/session/{found['id']}/x"
    assert Visit(product, "root", found["id"]).ask("GET", path).read() == f"{path} old".encode()
    stop(product, found)
