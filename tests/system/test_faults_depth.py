"""F11: ten thousand jobs of a user wait, then a hundred thousand, and nobody notices."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from launchyard.api.routes.many import JOBS_MAX
from tests.system.person import ADA, LI, Person, for_all, served
from tests.system.product import PATIENCE_S, Client, Product, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.root,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the server serves the users of the machine"),
]

A_REQUEST = 1_000
BURST = 400
MORE = """
[[nodes]]
name = "quick"
cpus = 4
memory = "4GiB"
[[partitions]]
name = "main"
nodes = "node"
default = true
[[partitions]]
name = "quick"
nodes = "quick"
"""
WAITS = {"command": "true", "resources": {"cpus": 4}}


class Depth(NamedTuple):
    """`rate`: jobs that were started in a second, in the other partition, before anybody waited."""

    product: Product
    ada: Person
    li: Person
    waiting: int
    rate: float


@pytest.fixture(scope="module", params=[10_000, 100_000], ids=["10k", "100k"])
def depth(request: pytest.FixtureRequest) -> Iterator[Depth]:
    with served(for_all() + MORE) as product:
        ada, li = Person(product, ADA), Person(product, LI)
        rate = start_rate(li)
        ada.submit("sleep 7200", resources={"cpus": 4})
        client = ada.client(600)
        for _ in range(request.param // A_REQUEST):
            assert len(client.call("POST", "/v1/jobs", [WAITS] * A_REQUEST)) == A_REQUEST
        client.close()
        yield Depth(product, ada, li, request.param, rate)


def start_rate(person: Person) -> float:
    """Jobs of a burst in a second, from its submission to the last one's end: the best of three."""
    client, took = person.client(), []
    before = waiting(client)
    for _ in range(3):
        began = time.perf_counter()
        client.call("POST", "/v1/jobs", [{"command": ["true"], "partition": "quick"}] * BURST)
        wait_for(lambda: ended(client, before), 600, "the burst has ended", 0.05)
        took.append(time.perf_counter() - began)
    client.close()
    return BURST / min(took)


def ended(client: Client, before: int) -> bool:
    """Nothing of it is left; one job may hold the other partition."""
    left = client.call("GET", "/v1/status")["jobs"]
    return bool(left.get("PENDING", 0) <= before and left.get("STARTING", 0) + left.get("RUNNING", 0) <= 1)


def waiting(client: Client) -> int:
    return int(client.call("GET", "/v1/status")["jobs"].get("PENDING", 0))


def memory_mib(product: Product, what: str) -> int:
    """`VmRSS`, now, or `VmHWM`, the most."""
    lines = Path(f"/proc/{product.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) // 1024


def p99_s(times: int, ask: Callable[[], object]) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return sorted(took)[int(times * 0.99) - 1]


def test_f11_submissions_and_pages_stay_quick(depth: Depth) -> None:
    client = depth.ada.client()
    assert waiting(client) >= depth.waiting
    submits = p99_s(200, lambda: client.call("POST", "/v1/jobs", WAITS))
    pages = p99_s(100, lambda: client.call("GET", "/v1/jobs?limit=100"))
    print(f"p99 of a submission {submits * 1000:.0f} ms, of a page {pages * 1000:.0f} ms")
    assert submits < 0.1
    assert pages < 0.2
    client.close()


def test_f11_jobs_start_as_quickly_as_before(depth: Depth) -> None:
    now = start_rate(depth.li)
    print(f"{depth.rate:.0f} jobs/s before, {now:.0f} with {depth.waiting} waiting")
    assert now > 0.8 * depth.rate


def test_f11_a_planning_pass_takes_less_than_a_second_and_memory_is_bounded(depth: Depth) -> None:
    text = depth.product.call("GET", "/metrics").decode()
    last = next(line for line in text.splitlines() if line.startswith("launchyard_pass_last_seconds"))
    resident_mib = memory_mib(depth.product, "VmRSS")
    print(f"{last}, {resident_mib} MiB")
    assert float(last.split()[1]) < 1
    assert resident_mib < 500


def test_f11_it_is_back_in_five_seconds(depth: Depth) -> None:
    client = depth.ada.client()
    before = waiting(client)
    client.close()
    depth.product.kill()
    began = time.monotonic()
    depth.product.start()
    client = depth.ada.client()
    wait_for(lambda: waiting(client) == before, PATIENCE_S, "all wait again")
    took_s = time.monotonic() - began
    print(f"back after {took_s:.1f} s")
    assert took_s < 5
    client.close()


def test_f11_all_are_cancelled_while_others_are_answered(depth: Depth) -> None:
    """The last of these tests: nobody waits after it."""
    ada, li = depth.ada.client(600), depth.li.client()
    rows = ada.call("GET", "/v1/tables/jobs?columns=id,partition")["rows"]
    # Those of the other partition start, and may end, meanwhile; so would these after the one that runs.
    ids = [str(job_id) for job_id, partition in sorted(rows, reverse=True) if partition == "main"]
    took = []

    def cancelled() -> list[dict[str, Any]]:
        parts = [ids[at : at + JOBS_MAX] for at in range(0, len(ids), JOBS_MAX)]
        done = [ada.call("POST", "/v1/acts", {"act": "cancel", "jobs": part}) for part in parts]
        return [one for part in done for one in part["results"]]

    with ThreadPoolExecutor(1) as beside:
        doing = beside.submit(cancelled)
        while not doing.done():
            took.append(p99_s(1, lambda: li.call("GET", "/v1/status")))
    results = doing.result()
    most_mib = memory_mib(depth.product, "VmHWM")
    print(
        f"{len(took)} requests meanwhile, p99 {sorted(took)[int(len(took) * 0.99) - 1]:.3f} s, {most_mib} MiB"
    )
    assert [one["job"] for one in results if one["status"] == 200] == ids
    wait_for(lambda: waiting(ada) == 0, PATIENCE_S, "nobody waits")
    assert sorted(took)[int(len(took) * 0.99) - 1] < 0.2
    assert most_mib < 500
    ada.close()
    li.close()
