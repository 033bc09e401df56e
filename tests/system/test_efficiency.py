"""Advice and efficiency through the real daemon: what runs used is measured, kept, and told to the next."""

import sys
import time

from tests.system.ly import ly
from tests.system.product import Json, Product, wait_for

FIT: Json = {"name": "fit", "resources": {"cpus": 1, "memory_mib": 2048}, "time_limit_s": 600}
OPTIONS = ("-n", "fit", "-c1", "-t", "10m")
WORK = [sys.executable, "-c", "sum(range(100_000))"]
SENTENCE = "The last 12 runs used at most "


def test_the_thirteenth_run_is_told_what_twelve_used(product: Product) -> None:
    since = time.time() - 1
    first = [product.submit(WORK, **FIT) for _ in range(12)]
    for job in first:
        assert product.until(job)["state"] == "COMPLETED"

    def advised() -> Json | None:
        asked = {"command": WORK, **FIT, "dry_run": True}
        told: Json | None = product.call("POST", "/v1/jobs", asked)["advice"]
        return told if told is not None and told["runs"] == 12 else None

    advice = wait_for(advised, 60, "advice of twelve runs")
    assert advice["sentence"].startswith(SENTENCE)
    assert advice["sentence"].endswith(" of 2 GiB: --mem 128M would do.")
    assert advice["changes"] == {"resources": {"memory_mib": 128}}

    told = ly(product.state, "submit", *OPTIONS, "--mem", "2G", "--", *WORK)
    assert (told.code, told.out.splitlines()[1:]) == (0, [advice["sentence"]])
    followed = ly(product.state, "submit", *OPTIONS, "--mem", "128M", "--wait", "--", *WORK)
    assert (followed.code, SENTENCE in followed.out) == (0, False)

    lines = ly(product.state, "efficiency", str(first[0])).out.splitlines()
    assert lines[0].startswith(f"Job {first[0]} ran for ")
    assert [line.split()[0] for line in lines[1:]] == ["CPU", "Memory", "Time", "Next"]
    listed = product.call("GET", f"/v1/efficiency?since={since}")
    assert set(first) <= {job["id"] for job in listed["jobs"]}
    assert 0 < listed["total"]["memory"]["percent"] < 50


def test_the_tasks_of_an_array_are_told_together(product: Product) -> None:
    command = 'test "$SLURM_ARRAY_TASK_ID" = 2 && exec python3 -c "b = bytearray(200 << 20)"; true'
    array = product.submit(command, array="1-3", resources={"cpus": 1, "memory_mib": 1024})
    product.until(array)

    def all_told() -> Json | None:
        told: Json = product.call("GET", f"/v1/jobs/{array}/efficiency")
        return told if told["tasks"]["count"] == 3 else None

    told = wait_for(all_told, 60, "the efficiency of three tasks")
    assert told["tasks"]["memory"]["highest_task"] == 2
    assert told["tasks"]["memory"]["highest"] > 19
    shown = ly(product.state, "efficiency", str(array)).out.splitlines()
    assert shown[0].startswith(f"Array {array}: 3 tasks that ran, each with 1 CPU, 1 GiB")
    assert f"{array}_2" in next(line for line in shown if line.startswith("Memory"))
