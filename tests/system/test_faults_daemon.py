"""The daemon is killed, stopped and started twice; what was promised holds (contracts of reliability)."""

import contextlib
import http.client
import os
import random
import signal
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.often import THOROUGH
from tests.system.product import Json, Product, Refused, wait_for
from tests.system.verify import said_by_all, script, until_all_ended, verify


def submit_until_done(product: Product, journal: Path, count: int, acknowledged: list[int]) -> None:
    """One client: goes on until `count` submissions are acknowledged, and writes down each of those."""
    client = product.client()
    body = quick(journal)
    deadline = time.monotonic() + 200
    while len(acknowledged) < count and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException, Refused):
            acknowledged.append(int(client.call("POST", "/v1/jobs", body)["id"]))
            continue
        time.sleep(0.02)
    client.close()


def quick(journal: Path) -> Json:
    """A job that asks for next to nothing, so that many run at once."""
    return {"script": script(journal, lines=1), "resources": {"cpus": 0.01, "memory_mib": 1}}


def kill_and_restart(product: Product, journal: Path) -> float:
    """Seconds from the kill until a submission is acknowledged again, but for those in line for a CPU."""
    began = time.monotonic()
    product.kill()
    product.start()
    wait_for(lambda: _acknowledges(product, journal), 60, "a submission is acknowledged")
    return time.monotonic() - began - in_line_s(product.pid)


def in_line_s(pid: int) -> float:
    """How long the process could have run while others had the CPUs, as the kernel counts it."""
    with contextlib.suppress(FileNotFoundError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


def _acknowledges(product: Product, journal: Path) -> bool:
    with contextlib.suppress(OSError, Refused):
        return bool(product.call("POST", "/v1/jobs", quick(journal)))
    return False


@pytest.mark.alone
@pytest.mark.timeout(400)
def test_f1_no_acknowledged_submission_is_lost_when_the_daemon_is_killed(
    product: Product, journal: Path, chance: random.Random
) -> None:
    """F1: 1,000 submissions from 4 clients, 20 kills at random moments."""
    lists: list[list[int]] = [[] for _ in range(4)]
    clients = [threading.Thread(target=submit_until_done, args=(product, journal, 250, one)) for one in lists]
    for client in clients:
        client.start()
    back = []
    for _ in range(20):
        time.sleep(chance.uniform(0.01, 0.3))
        back.append(kill_and_restart(product, journal))
    for client in clients:
        client.join()
    acknowledged = [job_id for one in lists for job_id in one]
    verify(product, acknowledged, journal)
    print(f"{len(acknowledged)} acknowledged; back after {statistics.median(back):.2f} s (median of 20)")
    assert statistics.median(back) < 2


@pytest.mark.parametrize(
    "point",
    [
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("commit-before", "send")),
        "commit-after",
        "acknowledge",
    ],
)
@pytest.mark.timeout(300)
def test_f2_daemon_killed_at_a_named_step_keeps_every_promise(
    point: str, make_product: Callable[..., Product], journal: Path
) -> None:
    """F2: killed again and again at the same step while jobs start and end."""
    product = make_product()
    acknowledged: list[int] = []
    for count in (1, 2, 3, 5, 8, 13) if THOROUGH else (1, 3, 8):
        with contextlib.suppress(OSError, http.client.HTTPException, Refused):
            product.start(fault=f"{point}:{count}")
            client = product.client()
            for code in range(10):
                body = {
                    "script": script(journal, code=code % 3),
                    "resources": {"cpus": 0.25, "memory_mib": 1},
                }
                acknowledged.append(int(client.call("POST", "/v1/jobs", body)["id"]))
        wait_for(lambda: not product.running() or None, 60, "killed") if _dies(product) else product.kill()
    product.start()
    verify(product, acknowledged, journal)


def _dies(product: Product) -> bool:
    deadline = time.monotonic() + 2
    while product.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not product.running()


def test_f16_second_daemon_on_the_same_state_refuses_and_names_the_first(
    product: Product, tmp_path: Path
) -> None:
    """F16, P9: by the same path and by another path to the same directory."""
    second = Product(product.state)
    with pytest.raises(Refused) as caught:
        second.start()
    assert str(product.pid) in caught.value.problem["error"]
    link = tmp_path / "other"
    link.symlink_to(product.state)
    with pytest.raises(Refused) as caught:
        Product(link).start()
    assert str(product.pid) in caught.value.problem["error"]
    assert product.submit("true") > 0


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to bind a mount")
def test_f16_second_daemon_on_a_bind_mount_refuses(product: Product, tmp_path: Path) -> None:
    """F16: a bind-mounted path is the same directory."""
    mount = tmp_path / "mount"
    mount.mkdir()
    os.system(f"mount --bind {product.state} {mount}")
    try:
        with pytest.raises(Refused) as caught:
            Product(mount).start()
        assert str(product.pid) in caught.value.problem["error"]
    finally:
        os.system(f"umount {mount}")


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_f29_stopped_daemon_lets_jobs_run_on_and_takes_them_up_again(
    number: signal.Signals, product: Product, journal: Path
) -> None:
    """F29: SIGTERM and SIGINT drain in under 5 s; no acknowledgement is lost, no job is touched."""
    go = journal.parent / "go"
    text = script(journal, lines=20, pause_s=0.1, gate=go)
    body = {"script": text, "resources": {"cpus": 0.5, "memory_mib": 1}}
    ids = [int(product.call("POST", "/v1/jobs", body)["id"]) for _ in range(4)]
    for job_id in ids:
        product.until(job_id, "RUNNING")
    began = time.monotonic()
    assert product.process is not None
    product.process.send_signal(number)
    assert product.process.wait(timeout=60) == 0
    assert time.monotonic() - began < 5
    product.start()
    go.touch()
    verify(product, ids, journal)


def test_f29_hangup_does_not_stop_the_daemon(product: Product) -> None:
    """F29: SIGHUP."""
    os.kill(product.pid, signal.SIGHUP)
    assert product.submit("true") > 0
    until_all_ended(product)


def test_p8_jobs_run_on_while_the_daemon_is_killed_and_their_ends_arrive(
    product: Product, journal: Path
) -> None:
    """F2, P4, P5, P8: ends that happen while nobody looks are recorded after the restart."""
    go = journal.parent / "go"
    body = {
        "script": script(journal, lines=5, pause_s=0.1, code=7, gate=go),
        "resources": {"cpus": 0.5, "memory_mib": 1},
    }
    ids = [int(product.call("POST", "/v1/jobs", body)["id"]) for _ in range(6)]
    for job_id in ids:
        product.until(job_id, "RUNNING")
    product.kill()
    go.touch()
    wait_for(lambda: said_by_all(journal, ids, "end 7"), 60, "jobs ended")
    product.start()
    for job_id in ids:
        assert product.until(job_id)["exit_code"] == 7
    verify(product, ids, journal)
