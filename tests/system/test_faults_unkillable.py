"""Processes that no signal ends: they wait in the kernel for a file server that does not answer (F20)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.dead_filesystem import DeadFilesystem
from tests.system.product import DEFAULT_CONFIG, Json, Product, wait_for

pytestmark = pytest.mark.root

CONFIG = DEFAULT_CONFIG.replace("grace_s = 2", "grace_s = 1\nunkillable_s = 2") + (
    '[[nodes]]\nname = "other"\ncpus = 1\nmemory = "1GiB"\n'
)


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[tuple[Path, DeadFilesystem]]:
    """A directory that never answers."""
    if not Path("/dev/fuse").exists():
        pytest.skip("a directory that never answers needs /dev/fuse")
    folder = tmp_path / "dead"
    folder.mkdir()
    filesystem = DeadFilesystem(folder)
    yield folder, filesystem
    filesystem.revive()


@pytest.fixture
def yard(make_product: Callable[..., Product]) -> Product:
    product = make_product(CONFIG)
    product.start()
    return product


def node(product: Product, name: str) -> Json:
    found: list[Json] = product.call("GET", "/v1/nodes")["nodes"]
    return next(one for one in found if one["name"] == name)


def drained(product: Product, name: str) -> Json | None:
    found = node(product, name)
    return found if found["state"] == "DRAIN" else None


@pytest.mark.parametrize("how", ["cancel", "time limit"])
def test_f20_main_process_that_cannot_be_killed_is_completing_until_it_lets_go(
    how: str, yard: Product, dead: tuple[Path, DeadFilesystem]
) -> None:
    """F20, P6, P7: its resources stay busy, its node takes no more work, others work, and it ends at last."""
    folder, filesystem = dead
    began = time.monotonic()
    job_id = yard.submit(["ls", str(folder)], resources={"cpus": 3, "memory_mib": 64}, time_limit_s=600)
    wait_for(lambda: filesystem.taken > 0, 60, "the job hangs")
    (name,) = yard.job(job_id)["nodes"]
    if how == "cancel":
        yard.call("POST", f"/v1/jobs/{job_id}/cancel")
    else:
        limit = {"time_limit_s": int(time.monotonic() - began) + 1}
        yard.call("POST", f"/v1/jobs/{job_id}/update", limit)
    yard.until(job_id, "COMPLETING")
    found = wait_for(lambda: drained(yard, name), 60, "the node is drained")
    assert f"job {job_id}" in found["reason"]
    assert found["used"]["cpus"] == 3
    assert yard.until(yard.submit("exit 5", resources={"cpus": 1, "memory_mib": 8}))["nodes"] == ["other"]
    waiting = yard.submit("exit 6", resources={"cpus": 2, "memory_mib": 8})
    assert yard.job(waiting)["reason"].startswith(f"waits for a node that takes work: {name} (job {job_id} ")
    filesystem.revive()
    assert yard.until(job_id)["state"] == ("CANCELLED" if how == "cancel" else "TIMEOUT")
    yard.call("POST", f"/v1/nodes/{name}", {"state": "up"})
    assert yard.until(waiting)["exit_code"] == 6


def test_f20_rest_of_a_job_that_cannot_be_killed_keeps_it_from_ending(
    yard: Product, dead: tuple[Path, DeadFilesystem]
) -> None:
    """F20: over restarts of the daemon and kills of the launcher too; then the exit code is the job's own."""
    folder, filesystem = dead
    gate = folder.with_name("hangs")
    text = f"(ls {folder}) & while [ ! -e {gate} ]; do sleep 0.05; done; exit 3"
    job_id = yard.submit(text, resources={"cpus": 3, "memory_mib": 64})
    wait_for(lambda: filesystem.taken > 0, 60, "the rest hangs")
    gate.touch()
    yard.until(job_id, "COMPLETING")
    yard.kill_all("daemon")
    yard.start()
    yard.kill_all("launcher")
    assert yard.job(job_id)["state"] == "COMPLETING"
    assert wait_for(lambda: drained(yard, "node"), 60, "the node is drained")["used"]["cpus"] == 3
    filesystem.revive()
    assert yard.until(job_id)["exit_code"] == 3


def test_f20_killed_job_is_completing_also_for_a_daemon_that_was_away(
    yard: Product, dead: tuple[Path, DeadFilesystem]
) -> None:
    """F20: what was told to nobody is told again."""
    folder, filesystem = dead
    began = time.monotonic()
    job_id = yard.submit(["ls", str(folder)], resources={"cpus": 3, "memory_mib": 64}, time_limit_s=600)
    wait_for(lambda: filesystem.taken > 0, 60, "the job hangs")
    yard.until(job_id, "RUNNING")
    limit = {"time_limit_s": int(time.monotonic() - began) + 3}
    yard.call("POST", f"/v1/jobs/{job_id}/update", limit)
    yard.kill()
    journal = yard.state / "launcher" / "journal"
    wait_for(lambda: b"timed_out" in journal.read_bytes() or None, 60, "its time is up")
    yard.start()
    yard.until(job_id, "COMPLETING")
    filesystem.revive()
    assert yard.until(job_id)["state"] == "TIMEOUT"
