"""Ten thousand distinct jobs that wait: how fast they come in, and how soon all works again after a kill."""

import itertools
import time

from benchmarks.latency import bare_commit_s
from benchmarks.row import Row
from tests.system.product import Product, wait_for

LIST = 1000


def rows(product: Product, count: int = 10_000) -> list[Row]:
    """One client in lists of a thousand; then kill -9, restart, first acknowledgement and first start."""
    blocker = product.submit(["sleep", "600"], resources={"cpus": 16, "memory_mib": 64})
    product.until(blocker, "RUNNING")
    numbers = itertools.count()
    began = time.monotonic()
    for _ in range(count // LIST):
        body = [_job(next(numbers)) for _ in range(LIST)]
        answers = product.call("POST", "/v1/jobs", body)
        assert all("id" in answer for answer in answers)
    submitted = time.monotonic() - began
    product.kill()
    began = time.monotonic()
    product.start()
    wait_for(lambda: product.submit(["true"], resources={"cpus": 1}) or None, 60, "a submission")
    acknowledged = time.monotonic() - began
    product.call("POST", f"/v1/jobs/{blocker}/cancel")
    wait_for(
        lambda: product.call("GET", "/v1/jobs?state=RUNNING,COMPLETED&limit=1")["jobs"] or None, 60, "a start"
    )
    started = time.monotonic() - began
    bare = bare_commit_s(product.state)
    return [
        _row(f"{count} distinct jobs submitted in lists", submitted, 15, count, bare),
        _row("restart with them waiting to the first acknowledgement", acknowledged, 5, count, bare),
        _row("restart with them waiting to the first start", started, 5, count, bare),
    ]


def _row(work: str, seconds: float, bound_s: float, count: int, bare_s: float) -> Row:
    return Row(
        work=work,
        value=seconds,
        unit="s",
        against=f"{bound_s:g} s",
        ratio=seconds / bound_s,
        gate=1,
        lower_is_better=True,
        note=f"{seconds / count * 1000:.2f} ms a job; a bare fdatasync {bare_s * 1000:.2f} ms",
    )


def _job(number: int) -> dict[str, object]:
    """No two are alike: name, time limit, memory, environment."""
    return {
        "command": ["echo", str(number)],
        "name": f"job-{number}",
        "time_limit_s": 3600 + number % 977,
        "environment": {"NUMBER": str(number), "PATH": "/usr/bin:/bin"},
        "resources": {"cpus": 1, "memory_mib": 32 + number % 64},
    }
