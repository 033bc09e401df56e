"""F11: ten thousand jobs wait, and nobody notices."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Client, Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.alone]

WAITING = 10_000
A_REQUEST = 1_000


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("depth") / "s", DEFAULT_CONFIG)
    product.start()
    product.submit("sleep 3600", resources={"cpus": 4})
    client = product.client()
    one = {"command": "true", "resources": {"cpus": 4}}
    for _ in range(WAITING // A_REQUEST):
        answers = client.call("POST", "/v1/jobs", [one] * A_REQUEST)
        assert len(answers["results"] if isinstance(answers, dict) else answers) == A_REQUEST
    client.close()
    yield product
    product.destroy()


def p99_s(times: int, ask: Callable[[], object]) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return sorted(took)[int(times * 0.99) - 1]


def waiting(client: Client) -> int:
    return int(client.call("GET", "/v1/status")["jobs"]["PENDING"])


def test_f11_submissions_and_pages_stay_quick(product: Product) -> None:
    client = product.client()
    assert waiting(client) == WAITING
    submit = {"command": "true", "resources": {"cpus": 4}}
    assert p99_s(200, lambda: client.call("POST", "/v1/jobs", submit)) < 0.1
    assert p99_s(100, lambda: client.call("GET", "/v1/jobs?limit=100")) < 0.2
    client.close()


def test_f11_a_planning_pass_takes_less_than_a_second_and_memory_is_bounded(product: Product) -> None:
    text = product.call("GET", "/metrics").decode()
    last = next(line for line in text.splitlines() if line.startswith("launchyard_pass_last_seconds"))
    assert float(last.split()[1]) < 1
    resident = next(
        line
        for line in Path(f"/proc/{product.pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    assert int(resident.split()[1]) < 500 * 1024


def test_f11_it_is_back_in_five_seconds(product: Product) -> None:
    client = product.client()
    before = waiting(client)
    client.close()
    product.kill()
    began = time.monotonic()
    product.start()
    client = product.client()
    wait_for(lambda: waiting(client) == before, PATIENCE_S, "all wait again")
    assert time.monotonic() - began < 5
    client.close()
