"""Ray that runs as an ordinary user: all jobs would run as that one, which is refused unless it is wanted."""

import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray.clustered import CONFIG, START_S
from tests.ray.conftest import brought_up
from tests.ray.lab import Lab
from tests.system.accounts import account
from tests.system.ly import ly
from tests.system.product import Json, Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(400)]

USER = "launchyard-ada"


@pytest.fixture(scope="module")
def users_lab() -> Iterator[Lab]:
    account(USER)
    with brought_up(nodes=1, named="n", user=USER) as lab:
        yield lab


@pytest.fixture
def product(users_lab: Lab, tmp_path: Path) -> Iterator[Product]:
    made = Product(tmp_path / "state", CONFIG.format(address=users_lab.address, python=users_lab.python))
    yield made
    made.destroy()
    users_lab.kill_leftovers_of_jobs()


def node(product: Product) -> Json | None:
    found: list[Json] = product.call("GET", "/v1/nodes")["nodes"]
    return found[0] if found and found[0]["reason"] != "its agent is being started" else None


def test_node_where_all_would_be_one_user_is_refused_and_says_so(product: Product) -> None:
    product.start(timeout_s=START_S)
    found = wait_for(lambda: node(product), START_S, "the node is told of", 0.2)
    assert found["state"] == "DOWN"
    assert "single_identity = true" in found["reason"]
    assert str(pwd.getpwnam(USER).pw_uid) in found["reason"]
    assert "single_identity = true" in ly(product.state, "nodes").out


def test_where_it_is_wanted_jobs_run_as_that_user_and_status_says_so(product: Product) -> None:
    product.configure(product.config.read_text() + "single_identity = true\n")
    product.start(timeout_s=START_S)
    wait_for(lambda: (found := node(product)) is not None and found["state"] == "UP", START_S, "it serves")
    job = product.submit(["id", "-un"], working_dir="/tmp")
    assert product.until(job)["state"] == "COMPLETED"
    assert product.log(job) == f"{USER}\n".encode()
    assert "every job runs as one user" in ly(product.state, "status").out
