"""Everything at once for a while: kills of any of our processes, named faults, arrays, cancels, requeues."""

import contextlib
import http.client
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.product import Json, Product, Refused, job_pids, wait_for
from tests.system.verify import script, verify

ROLES = ("daemon", "keeper", "launcher")
POINTS = ("", "intent", "fork", "start-record", "end-record")
DAEMON_POINTS = ("", "", "commit-before", "commit-after", "acknowledge", "send")
GONE = (OSError, http.client.HTTPException, Refused)


class Crowd:
    """Clients that submit, cancel and requeue until they are told to stop; what was acknowledged is kept."""

    def __init__(self, product: Product, journal: Path, seed: int) -> None:
        self.acknowledged: list[int] = []
        self._product = product
        self._journal = journal
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._act, args=(seed + n,)) for n in range(3)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _act(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._stop.is_set():
            with contextlib.suppress(*GONE):
                answer = self._product.call("POST", "/v1/jobs", self._body(chance))
                self.acknowledged.append(int(answer["id"]))
                if chance.random() < 0.3:
                    order = chance.choice(["cancel", "requeue"])
                    self._product.call("POST", f"/v1/jobs/{answer['id']}/{order}")
            time.sleep(chance.uniform(0, 0.1))

    def _body(self, chance: random.Random) -> Json:
        text = script(
            self._journal,
            lines=chance.randrange(1, 8),
            pause_s=chance.choice([0, 0.05]),
            code=chance.randrange(4),
        )
        body: Json = {"script": text, "resources": {"cpus": 0.25, "memory_mib": 1}}
        return body | {"array": "1-5%2"} if chance.random() < 0.2 else body


def allocated_fits(product: Product) -> None:
    """P6, as the product itself says."""
    with contextlib.suppress(*GONE):
        for node in product.call("GET", "/v1/nodes")["nodes"]:
            assert node["used"]["cpus"] <= node["cpus"]
            assert node["used"]["memory_mib"] <= node["memory_mib"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_soak_of_kills_keeps_every_promise(
    make_product: Callable[..., Product], journal: Path, chance: random.Random
) -> None:
    """F1 to F5, F32: 40 kills of some of our processes at random moments, under clients that never rest."""
    product = make_product()
    product.start()
    with Crowd(product, journal, chance.randrange(2**31)) as crowd:
        for _ in range(40):
            time.sleep(chance.uniform(0, 0.8))
            allocated_fits(product)
            roles = chance.sample(ROLES, chance.randrange(1, 4))
            if not product.running():
                roles.append("daemon")  # a named fault has ended it
            product.kill_all(*roles)
            if "daemon" in roles:
                begin(product, chance)
    # A named fault may still be waiting in this one.
    product.kill()
    product.start()
    verify(product, crowd.acknowledged, journal, lost_allowed=True)
    ends: dict[str, int] = {}
    for job in product.all_jobs():
        ends[job["state"]] = ends.get(job["state"], 0) + 1
    print(f"{len(crowd.acknowledged)} acknowledged; ends: {ends}")
    assert ends["COMPLETED"] + ends["FAILED"] > 5 * ends.get("LOST", 0)
    wait_for(lambda: not job_pids(product.state) or None, 60, "no process is left")


def begin(product: Product, chance: random.Random) -> None:
    """Start it, perhaps with a fault that strikes soon, once or again."""
    for _ in range(20):
        point, launcher_point = chance.choice(DAEMON_POINTS), chance.choice(POINTS)
        with contextlib.suppress(Refused):
            product.start(
                fault=point and f"{point}:{chance.randrange(1, 30)}",
                launcher_fault=launcher_point and f"{launcher_point}:{chance.randrange(1, 10)}",
            )
            return
        product.kill()
    product.start()
