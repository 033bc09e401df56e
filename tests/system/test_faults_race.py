"""Orders for one job from all sides at once, against its start and its exit (F32)."""

import contextlib
import random
import threading
import time
from pathlib import Path

import pytest

from tests.often import often
from tests.system.product import Product, Refused
from tests.system.verify import script, verify
from tests.system.watcher import Watcher

ORDERS = ("cancel", "hold", "release", "requeue")


def storm(product: Product, job_id: int, orders: list[str]) -> list[int]:
    """Give all orders at once, each on a connection of its own; the statuses of those refused."""
    refused: list[int] = []
    together = threading.Barrier(len(orders))

    def give(order: str) -> None:
        client = product.client()
        together.wait(timeout=60)
        try:
            client.call("POST", f"/v1/jobs/{job_id}/{order}")
        except Refused as error:
            refused.append(error.status)
        client.close()

    threads = [threading.Thread(target=give, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    return refused


@pytest.mark.parametrize("orders", [("cancel",), ("hold", "release"), ("requeue",), ORDERS])
@pytest.mark.timeout(300)
def test_f32_two_hundred_orders_at_once_have_one_outcome(
    orders: tuple[str, ...], product: Product, journal: Path, chance: random.Random
) -> None:
    """F32, P3, P4: at random moments around start and exit; refusals are 409, moves are of the table."""
    ids: list[int] = []
    with Watcher(product) as watcher:
        for _ in range(often(2, thorough=4)):
            text = script(journal, lines=2, pause_s=0.05, code=chance.randrange(3))
            body = {"script": text, "resources": {"cpus": 1, "memory_mib": 1}}
            job_id = int(product.call("POST", "/v1/jobs", body)["id"])
            ids.append(job_id)
            time.sleep(chance.uniform(0, 0.15))
            refused = storm(product, job_id, [orders[n % len(orders)] for n in range(200)])
            assert set(refused) <= {409}
            with contextlib.suppress(Refused):
                product.call("POST", f"/v1/jobs/{job_id}/release")
            product.until(job_id)
            watcher.heard_end_of(job_id)
        verify(product, ids, journal)
        watcher.check()
        ended = {one["id"]: one["state"] for one in product.all_jobs()}
    if orders == ("cancel",):
        assert set(ended.values()) <= {"CANCELLED", "COMPLETED", "FAILED"}
    elif "cancel" not in orders:
        assert set(ended.values()) <= {"COMPLETED", "FAILED"}
