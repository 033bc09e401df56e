"""Suspending, trying again, shortening and depending, in the real product, over kills of its daemon."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.product import Product, Refused, wait_for


def passed(seconds: float) -> None:
    since = time.monotonic()
    wait_for(lambda: time.monotonic() > since + seconds, seconds + 30, "time passes")


def lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def stands_still(path: Path) -> bool:
    before, since = lines(path), time.monotonic()
    while time.monotonic() < since + 0.7:
        time.sleep(0.05)
    return lines(path) == before


def goes_on(path: Path) -> None:
    before = lines(path)
    wait_for(lambda: lines(path) > before + 2, 60, "the job goes on")


def ticking(product: Product, ticks: Path, **fields: object) -> int:
    job = product.submit(f"while :; do echo tick >> {ticks}; sleep 0.05; done", **fields)
    wait_for(lambda: lines(ticks) > 2, 60, "the job runs")
    product.until(job, "RUNNING")
    return job


def test_a_suspended_job_stands_still_over_a_kill_of_the_daemon_and_goes_on(
    product: Product, tmp_path: Path
) -> None:
    ticks = tmp_path / "ticks"
    job = ticking(product, ticks, time_limit_s=600)
    assert product.call("POST", f"/v1/jobs/{job}/suspend")["state"] == "SUSPENDED"
    wait_for(lambda: stands_still(ticks), 60, "the job stands still")
    product.kill()
    product.start()
    assert product.job(job)["state"] == "SUSPENDED"
    assert stands_still(ticks)
    assert product.call("POST", f"/v1/jobs/{job}/resume")["state"] == "RUNNING"
    goes_on(ticks)
    product.call("POST", f"/v1/jobs/{job}/suspend")
    product.call("POST", f"/v1/jobs/{job}/cancel")
    assert product.until(job)["state"] == "CANCELLED"


def test_a_time_limit_does_not_run_while_a_job_is_suspended_and_may_be_lowered(
    product: Product, tmp_path: Path
) -> None:
    began, ticks = time.monotonic(), tmp_path / "ticks"
    job = ticking(product, ticks, time_limit_s=600)
    product.call("POST", f"/v1/jobs/{job}/suspend")
    limit_s = int(time.monotonic() - began) + 2
    product.call("POST", f"/v1/jobs/{job}/update", {"time_limit_s": limit_s})
    passed(limit_s + 1)
    assert product.job(job)["state"] == "SUSPENDED"
    product.call("POST", f"/v1/jobs/{job}/resume")
    assert product.until(job)["state"] == "TIMEOUT"
    other = ticking(product, tmp_path / "others", time_limit_s=600)
    passed(1)
    product.call("POST", f"/v1/jobs/{other}/update", {"time_limit_s": 3})
    assert product.until(other)["state"] == "TIMEOUT"


def failing_twice(starts: Path) -> str:
    return f"echo start >> {starts}; [ $(wc -l < {starts}) -ge 3 ]"


def test_a_failing_job_is_tried_again_over_kills_of_the_daemon_and_no_attempt_runs_twice(
    product: Product, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    job = product.submit(failing_twice(starts), retries={"count": 5, "backoff_s": 1})
    for attempt in (1, 2):
        wait_for(lambda n=attempt: product.job(job)["attempt"] >= n, 60, "an attempt")  # type: ignore[misc]
        product.kill()
        product.start()
    ended = product.until(job)
    assert (ended["state"], ended["attempt"], lines(starts)) == ("COMPLETED", 3, 3)
    past = [(one["attempt"], one["state"], one["exit_code"]) for one in ended["past_attempts"]]
    assert past == [(1, "FAILED", 1), (2, "FAILED", 1)]
    assert (ended["retries"]["count"], ended["retries"]["used"]) == (5, 2)


# There are two commits at least: an attempt is durable before it starts, so its end is in a later one.
@pytest.mark.parametrize("commit", [1, 2])
def test_a_kill_at_the_end_of_an_attempt_uses_up_one_retry(
    make_product: Callable[..., Product], tmp_path: Path, commit: int
) -> None:
    product, starts = make_product(), tmp_path / "starts"
    product.start()
    gate = tmp_path / "gate"
    text = f"echo start >> {starts}; while [ ! -e {gate} ]; do sleep 0.05; done; exit 1"
    job = product.submit(text, retries={"count": 1, "backoff_s": 0})
    product.until(job, "RUNNING")
    product.kill()
    gate.touch()
    with contextlib.suppress(Refused):  # It may be at that commit before it is ready.
        product.start(fault=f"commit-after:{commit}")
    wait_for(lambda: not product.running(), 60, "the daemon was killed at a commit")
    product.kill()
    product.start()
    ended = product.until(job)
    assert (ended["state"], ended["attempt"], lines(starts)) == ("FAILED", 2, 2)


def test_tasks_follow_their_counterparts_in_the_real_product(product: Product, tmp_path: Path) -> None:
    first = product.submit("[ $SLURM_ARRAY_TASK_ID != 2 ]", array="1-3", name="first")
    second = product.submit(
        f"touch {tmp_path}/done.$SLURM_ARRAY_TASK_ID", array="1-3", after=f"aftercorr:{first}"
    )
    ended = product.until(second)
    assert ended["array"]["counts"] == {"COMPLETED": 2, "CANCELLED": 1}
    assert sorted(path.name for path in tmp_path.glob("done.*")) == ["done.1", "done.3"]


def test_a_driver_without_cpus_waits_for_its_own_job_on_a_full_machine(
    product: Product, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    text = f"while [ ! -e {gate} ]; do sleep 0.05; done"
    full = product.submit(text, resources={"cpus": 4, "memory_mib": 64})
    product.until(full, "RUNNING")
    driver = product.submit(text, resources={"cpus": 0})
    product.until(driver, "RUNNING")
    gate.touch()
    assert {product.until(job)["state"] for job in (full, driver)} == {"COMPLETED"}


def told_of_each_attempt(starts: Path, gate: Path) -> str:
    """Fails twice, and does not end before somebody follows."""
    waits = f"echo start >> {starts}; echo up; while [ ! -e {gate} ]; do sleep 0.05; done"
    return f"{waits}; n=$(wc -l < {starts}); [ $n -ge 3 ] && echo good || {{ echo bad $n; exit 1; }}"


def followed(product: Product, job: int, gate: Path) -> bytes:
    """All that a follower is told who came in the first attempt."""
    connection = product.client()._connection
    connection.request("GET", f"/v1/jobs/{job}/logs?follow=1")
    response = connection.getresponse()
    first = response.readline()
    gate.touch()
    return first + response.read()


def test_a_followed_log_goes_on_with_the_next_attempt(product: Product, tmp_path: Path) -> None:
    starts, gate = tmp_path / "starts", tmp_path / "gate"
    job = product.submit(told_of_each_attempt(starts, gate), retries={"count": 5, "backoff_s": 1})
    wait_for(lambda: lines(starts) > 0, 60, "its first attempt")
    assert followed(product, job, gate) == b"up\nbad 1\nup\nbad 2\nup\ngood\n"


def test_a_followed_file_of_a_name_goes_on_where_it_was(product: Product, tmp_path: Path) -> None:
    starts, gate, out = tmp_path / "starts", tmp_path / "gate", tmp_path / "out"
    text = told_of_each_attempt(starts, gate)
    job = product.submit(text, retries={"count": 5, "backoff_s": 1}, stdout=str(out))
    wait_for(lambda: lines(starts) > 0, 60, "its first attempt")
    assert followed(product, job, gate) == b"up\nbad 1\nup\nbad 2\nup\ngood\n"
