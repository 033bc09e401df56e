"""`ly demo` for real: its final table, and what a person sees of it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.system.ly import ly
from tests.system.product import Product

MARGIN = 0.10


def demo_directories() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("launchyard-demo-*"))


def test_demo_ends_as_it_should_and_leaves_no_files(product: Product) -> None:
    before = demo_directories()

    result = ly(product.state, "demo", "--json")

    jobs: dict[str, dict[str, Any]] = {job["name"]: job for job in json.loads(result.out)}
    assert (result.code, result.err) == (0, "")
    assert {name: (job["state"], job["exit_code"]) for name, job in jobs.items()} == {
        "primes": ("COMPLETED", 0),
        "greet": ("COMPLETED", 0),
        "squares": ("COMPLETED", 0),
        "sum": ("COMPLETED", 0),
        "allocate": ("COMPLETED", 0),
        "too-long": ("TIMEOUT", None),
        "too-big": ("OUT_OF_MEMORY", None),
        "broken": ("FAILED", 3),
    }
    assert jobs["squares"]["array"]["counts"] == {"COMPLETED": 20}
    assert jobs["primes"]["usage"]["cpu_s"] > 0
    assert demo_directories() <= before
    said = ly(product.state, "logs", str(jobs["allocate"]["id"])).out
    own_peak_mib = float(said.removeprefix("peak ").removesuffix(" MiB\n"))
    recorded = jobs["allocate"]["usage"]["memory_peak_mib"]
    assert own_peak_mib == pytest.approx(recorded, rel=MARGIN)
    assert recorded == pytest.approx(150, rel=2 * MARGIN)


def test_demo_shows_log_queue_reason_and_table(product: Product) -> None:
    result = ly(product.state, "demo")

    assert (result.code, result.err) == (0, "")
    for line in (
        "$ ly submit primes.sh",
        "$ ly logs -f 1",
        "783 primes below 6000",
        "$ ly jobs",
        "What became of them:",
    ):
        assert f"\n{line}" in result.out
    assert "ran longer than its time limit of 3 s" in result.out
    assert "needed more than the 64 MiB asked for" in result.out
