"""Two servers over one Ray cluster and one PostgreSQL: the second goes on with what the first had running."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import running
from tests.ray.lab import Lab
from tests.system.product import Product, Refused, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]

JOBS = 200
TAKEOVER_S = 10.0
CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
database = "{url}"
engines_directory = "{shared}"
[[clusters]]
name = "big"
engine = "ray"
address = "{address}"
python = "{python}"
"""


@pytest.fixture
def pair(lab: Lab, tmp_path: Path) -> Iterator[tuple[Product, Product]]:
    shared = tmp_path / "engines"
    shared.mkdir(mode=0o700)
    with running() as cluster:
        text = CONFIG.format(url=cluster.url(), shared=shared, address=lab.address, python=lab.python)
        first, second = Product(tmp_path / "first", text), Product(tmp_path / "second", text)
        try:
            first.start(timeout_s=120)
            wait_for(lambda: _up(first) == lab.nodes, 120, "all nodes serve")
            assert "standby" in second.start()
            yield first, second
        finally:
            first.destroy()
            second.destroy()
            lab.kill_leftovers_of_jobs()


@pytest.mark.parametrize("sleeps", [False, True], ids=["killed", "asleep"])
def test_running_jobs_go_on_under_the_server_that_takes_over(
    pair: tuple[Product, Product], tmp_path: Path, sleeps: bool
) -> None:
    first, second = pair
    starts, mark = tmp_path / "starts", tmp_path / "mark"
    starts.mkdir()
    script = (
        f"echo x >>{starts}/$LAUNCHYARD_JOB_ID; until [ -e {mark} ]; do sleep 1; done;"
        " exit $((LAUNCHYARD_JOB_ID % 7))"
    )
    jobs = [
        first.submit(["sh", "-c", script], resources={"cpus": 0.05, "memory_mib": 8}) for _ in range(JOBS)
    ]
    wait_for(lambda: len(list(starts.iterdir())) == JOBS or None, 240, "all run")
    wait_for(lambda: _states(first) == {"RUNNING"} or None, 60, "all are seen to run")

    os.kill(first.pid, signal.SIGSTOP if sleeps else signal.SIGKILL)
    began = time.monotonic()
    wait_for(lambda: _answers(second), 120, "the second serves")
    took_s = time.monotonic() - began
    print(f"took over {JOBS} running jobs after {took_s:.1f} s")
    assert took_s < TAKEOVER_S
    if sleeps:
        os.kill(first.pid, signal.SIGCONT)
        log = first.state / "daemon" / "daemon.log"
        wait_for(lambda: "standing by" in log.read_text() or None, 60, "the first stands by")
    assert {job["id"] for job in second.all_jobs()} == set(jobs)
    assert _states(second) == {"RUNNING"}
    mark.touch()
    for job in jobs:
        ended = second.until(job, within_s=120)
        assert (ended["exit_code"], ended["attempt"]) == (job % 7, 1), ended
    assert {path.read_text() for path in starts.iterdir()} == {"x\n"}


def _up(product: Product) -> int:
    return sum(node["state"] == "UP" for node in product.call("GET", "/v1/nodes")["nodes"])


def _states(product: Product) -> set[str]:
    return {job["state"] for job in product.all_jobs()}


def _answers(product: Product) -> bool | None:
    try:
        product.call("GET", "/v1/health")
    except (OSError, Refused):
        return None
    return True
