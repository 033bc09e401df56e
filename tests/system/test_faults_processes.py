"""Launcher, keeper and daemon are killed under running jobs, alone and together (F3, F4, F5)."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.product import ENDED, Product, wait_for
from tests.system.verify import script, until_all_ended, verify

ALL = ("daemon", "keeper", "launcher")


def submit_some(product: Product, journal: Path, count: int, chance: random.Random) -> list[int]:
    client = product.client()
    ids = []
    for _ in range(count):
        text = script(journal, lines=chance.randrange(1, 6), pause_s=0.05, code=chance.randrange(4))
        body = {"script": text, "resources": {"cpus": 0.2, "memory_mib": 1}}
        ids.append(int(client.call("POST", "/v1/jobs", body)["id"]))
    client.close()
    return ids


@pytest.mark.parametrize(
    ("killed", "lost_allowed"),
    [
        pytest.param(("launcher",), False, marks=pytest.mark.slow),
        (("keeper",), False),
        pytest.param(("daemon", "launcher"), False, marks=pytest.mark.slow),
        (ALL, True),
    ],
    ids=["launcher", "keeper", "daemon and launcher", "everything"],
)
@pytest.mark.timeout(300)
def test_f3_f4_f5_kills_under_running_jobs_keep_every_promise(
    killed: tuple[str, ...], lost_allowed: bool, product: Product, journal: Path, chance: random.Random
) -> None:
    """F3, F4, F5: kill -9 at random moments while jobs start, run and end; never a wrong exit code.

    The launcher alone, or the keeper alone, loses no job whose start is on record: the other one sees every
    end. Of one that was only to be started it cannot be known whether it was: it is LOST rather than run
    twice.
    """
    ids: list[int] = []
    for _ in range(4):
        ids += submit_some(product, journal, 8, chance)
        time.sleep(chance.uniform(0.05, 0.4))
        product.kill_all(*killed)
        if "daemon" in killed:
            product.start()
    more = submit_some(product, journal, 8, chance)
    verify(product, ids + more, journal, lost_allowed=True)
    lost = [job for job in product.all_jobs() if job["state"] == "LOST"]
    print(f"{len(ids)} jobs, {len(lost)} lost")
    assert lost_allowed or all("before its start was on record" in job["cause"] for job in lost)


@pytest.mark.parametrize("point", ["intent", "fork", "start-record", "end-record"])
@pytest.mark.timeout(300)
def test_f4_launcher_killed_at_a_named_step(
    point: str, make_product: Callable[..., Product], journal: Path, chance: random.Random
) -> None:
    """F4: the launcher dies at the same step again and again; nothing runs twice, no exit is invented."""
    product = make_product()
    product.start(launcher_fault=f"{point}:4")
    ids = submit_some(product, journal, 12, chance)
    verify(product, ids, journal, lost_allowed=True)


def test_f4_lost_is_told_within_ten_seconds(product: Product) -> None:
    """F4, F5: a job that died while nothing of ours ran is LOST, unless the kernel still knows."""
    job_id = product.submit("sleep 300")
    product.until(job_id, "RUNNING")
    pid = wait_for(lambda: _pid_of(product, job_id), 60, "the job has come to its exec")
    product.kill_all(*ALL)
    os.kill(pid, signal.SIGKILL)
    product.start()
    job = product.until(job_id, within_s=10)
    assert job["state"] == "LOST" or (job["state"], job["signal"]) == ("FAILED", signal.SIGKILL)
    assert job["exit_code"] is None
    assert job["cause"]


def _pid_of(product: Product, job_id: int) -> int | None:
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes().split(b"\0")
            mine = f"TMPDIR={product.state}/tmp/".encode()
            if f"LAUNCHYARD_JOB_ID={job_id}".encode() in environment and any(
                one.startswith(mine) for one in environment
            ):
                return int(entry.name)
    return None


def test_f5_everything_killed_while_jobs_wait_starts_them_afterwards(
    product: Product, journal: Path, chance: random.Random
) -> None:
    """F5: the queue survives."""
    go = journal.parent / "go"
    blocker = product.submit(
        f"while [ ! -e {go} ]; do sleep 0.1; done", resources={"cpus": 4, "memory_mib": 1}
    )
    product.until(blocker, "RUNNING")
    ids = submit_some(product, journal, 5, chance)
    product.kill_all(*ALL)
    product.start()
    go.touch()
    jobs = {job["id"]: job for job in until_all_ended(product)}
    assert all(jobs[job_id]["state"] in ENDED - {"LOST"} for job_id in ids)
    verify(product, ids, journal, lost_allowed=True)


def test_p8_upgrade_of_the_launcher_under_a_running_job(product: Product, journal: Path) -> None:
    """P8: SIGHUP executes the keeper anew; the job's exit code is its own."""
    go = journal.parent / "go"
    body = {"script": script(journal, lines=10, pause_s=0.1, code=9, gate=go)}
    job_id = int(product.call("POST", "/v1/jobs", body)["id"])
    product.until(job_id, "RUNNING")
    for pid in product.keepers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
    go.touch()
    assert product.until(job_id)["exit_code"] == 9
    again = int(product.call("POST", "/v1/jobs", {"script": script(journal)})["id"])
    verify(product, [job_id, again], journal)
