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
from tests.ray.wire import Bad
from tests.system.ly import ly
from tests.system.product import ENDED, Json, Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]

HALF = 100
"""So many may run again when their node is gone, and so many may not."""
DONE_FIRST = 30
NODE_FAIL_S = 30.0
AWAY_S = 6.0
"""Less than that after which Ray gives a node up."""
LOSSY_S = 15.0
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

    def verify_that_no_job_noticed(self) -> None:
        assert set(self.verify()) == {"COMPLETED", "FAILED"}
        assert {task["attempt"] for task in self.tasks()} == {1}

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


def test_launcher_of_a_node_with_its_keeper(product: Product, lab: Lab, tmp_path: Path) -> None:
    """F4: of what ran there nobody sees the end, which is told as that; others take their place."""
    work = Work(product, tmp_path / "ledger")
    lab.kill_launcher(1)
    states = work.verify()
    print(f"ray: launcher and keeper killed: {dict(states)}")
    assert states["LOST"] <= 4
    assert states["NODE_FAIL"] == 0
    assert {task["attempt"] for task in work.tasks()} == {1}


def test_all_of_ours_at_once(product: Product, lab: Lab, tmp_path: Path) -> None:
    """F5, and with the server the bridge ends."""
    work = Work(product, tmp_path / "ledger")
    product.kill()
    for node in range(lab.nodes):
        lab.kill_launcher(node)
    product.start(timeout_s=START_S)
    states = work.verify()
    print(f"ray: everything of ours killed: {dict(states)}")
    assert states["LOST"] <= 12
    assert states["NODE_FAIL"] == 0


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
    pass_s(AWAY_S)
    lab.join(2)
    work.verify_that_no_job_noticed()


@pytest.mark.parametrize(
    "how",
    [Bad(late_s=0.3), Bad(late_s=0.3, loss=0.02), Bad(mute="node"), Bad(mute="rest")],
    ids=["late", "late and lossy", "its words are lost", "it is deaf"],
)
def test_network_of_a_node_that_is_bad_for_a_while(
    product: Product, lab: Lab, tmp_path: Path, how: Bad
) -> None:
    """F25: shorter than Ray needs to give the node up, so no job may notice."""
    work = Work(product, tmp_path / "ledger")
    with lab.worse(2, how):
        pass_s(AWAY_S)
    work.verify_that_no_job_noticed()


def test_network_of_a_node_that_loses_a_fifth_of_all(product: Product, lab: Lab, tmp_path: Path) -> None:
    """F25: Ray may give the node up, which is told as that, and nothing is started twice."""
    work = Work(product, tmp_path / "ledger")
    with lab.worse(2, Bad(late_s=0.05, loss=0.2)):
        pass_s(LOSSY_S)
    states = work.verify()
    print(f"ray: a fifth of all frames lost for {LOSSY_S:g} s: {dict(states)}")
    assert states["LOST"] == 0
    wait_for(lambda: up(product) == 3, PATIENCE_S, "all nodes serve")


def pass_s(seconds: float) -> None:
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, 2 * seconds, "some time has passed")


def _stale(product: Product) -> bool:
    (cluster,) = product.call("GET", "/v1/status")["clusters"]
    return cluster["stale_since"] is not None and not cluster["answers"]
