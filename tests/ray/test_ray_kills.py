"""Two hundred jobs on a Ray cluster, in the middle of which something is killed (F24 to F27).

Each job writes down that it began, and its exit code right before its end: what the server tells is compared
with that.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray.clustered import START_S, product_on, up
from tests.ray.lab import PATIENCE_S, Lab
from tests.system.ly import ly
from tests.system.product import ENDED, Json, Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]

HALF = 100
"""So many may run again when their node is gone, and so many may not."""
DONE_FIRST = 30
NODE_FAIL_S = 30.0
AWAY_S = 6.0
"""Less than that after which Ray gives a node up."""
WORK = (
    "echo begin $LAUNCHYARD_LAUNCH_ID >> {ledger}; sleep 1; code=$((LAUNCHYARD_ARRAY_INDEX % 3)); "
    "echo end $LAUNCHYARD_LAUNCH_ID $code >> {ledger}; exit $code"
)


@pytest.fixture
def product(lab: Lab, tmp_path: Path) -> Iterator[Product]:
    with product_on(lab, tmp_path / "state") as made:
        yield made


class Work:
    """The jobs of one test."""

    def __init__(self, product: Product, ledger: Path) -> None:
        self.product = product
        self._ledger = ledger
        ledger.touch()
        command = WORK.format(ledger=ledger)
        for requeue in ([], ["--requeue"]):
            words = ["--quiet", f"--array=1-{HALF}", *requeue, "-C", "/tmp", "--", "sh", "-c", command]
            said = ly(product.state, "submit", *words)
            assert said.code == 0, said
        wait_for(lambda: len(self.ended()) >= DONE_FIRST, 120, "some have ended", 0.1)

    def tasks(self) -> list[Json]:
        return [job for job in self.product.all_jobs() if job["array"] and job["array"]["index"] is not None]

    def ended(self) -> list[Json]:
        return [job for job in self.tasks() if job["state"] in ENDED]

    def until_all_ended(self, within_s: float = 240) -> list[Json]:
        wait_for(lambda: len(self.ended()) == 2 * HALF, within_s, "all have ended", 0.2)
        return self.tasks()

    def verify(self) -> Counter[str]:
        """What is told is what happened; the number of jobs by state."""
        tasks = self.until_all_ended()
        lines = [line.split() for line in self._ledger.read_text().splitlines()]
        begun = Counter(line[1] for line in lines if line[0] == "begin")
        codes = {line[1]: int(line[2]) for line in lines if line[0] == "end"}
        assert max(begun.values()) == 1, "an attempt was started twice"
        for task in tasks:
            launch = re.fullmatch(r".*-(\w+)\.log", task["log_path"] or "")
            if task["state"] in ("COMPLETED", "FAILED"):
                assert launch is not None
                assert codes[launch[1]] == task["exit_code"] == task["array"]["index"] % 3, task
                assert task["state"] == ("FAILED" if task["exit_code"] else "COMPLETED")
            else:
                assert task["state"] in ("NODE_FAIL", "LOST"), task
                assert task["exit_code"] is None
                assert task["cause"], task
        assert sum(task["attempt"] for task in tasks) >= len(begun)
        return Counter(task["state"] for task in tasks)


def test_node_of_which_all_of_ray_is_killed(product: Product, lab: Lab, tmp_path: Path) -> None:
    """F24."""
    work = Work(product, tmp_path / "ledger")
    lab.kill_node(2)
    killed = time.monotonic()
    wait_for(lambda: up(product) == 2, NODE_FAIL_S, "the node has failed")
    failed = [one for one in work.tasks() if one["state"] == "NODE_FAIL"]
    print(f"ray: node failed after {time.monotonic() - killed:.1f} s with {len(failed)} jobs")
    lab.start_node(2)
    states = work.verify()
    assert states["LOST"] == 0
    assert 0 < states["NODE_FAIL"] <= 4
    wait_for(lambda: up(product) == 3, PATIENCE_S, "the node serves again")
    again = [task for task in work.tasks() if task["attempt"] > 1]
    assert {task["state"] for task in again} <= {"COMPLETED", "FAILED"}


def test_daemon(product: Product, tmp_path: Path) -> None:
    work = Work(product, tmp_path / "ledger")
    product.kill()
    product.start(timeout_s=START_S)
    states = work.verify()
    assert set(states) == {"COMPLETED", "FAILED"}
    assert {task["attempt"] for task in work.tasks()} == {1}


def test_head(product: Product, lab: Lab, tmp_path: Path) -> None:
    """F27: Ray forgets all that it had; the jobs do not end by it, and none is told to have done what it has
    not."""
    work = Work(product, tmp_path / "ledger")
    lab.kill_node(0)
    wait_for(lambda: _stale(product), 60, "it is told since when nothing is heard")
    lab.bring_back()
    states = work.verify()
    wait_for(lambda: up(product) == 3, PATIENCE_S, "all nodes serve again")
    print(f"ray: head killed: {dict(states)}")
    assert states["LOST"] == 0
    assert states["COMPLETED"] + states["FAILED"] > 2 * HALF - 13


def test_network_of_a_node_that_is_away_for_a_while(product: Product, lab: Lab, tmp_path: Path) -> None:
    """F25: what ends meanwhile is told of afterwards, and nothing is started twice."""
    work = Work(product, tmp_path / "ledger")
    lab.cut(2)
    away = time.monotonic() + AWAY_S
    wait_for(lambda: time.monotonic() > away, 2 * AWAY_S, "some time has passed")
    lab.join(2)
    states = work.verify()
    assert set(states) == {"COMPLETED", "FAILED"}
    assert {task["attempt"] for task in work.tasks()} == {1}


def _stale(product: Product) -> bool:
    (cluster,) = product.call("GET", "/v1/status")["clusters"]
    return cluster["stale_since"] is not None and not cluster["answers"]
