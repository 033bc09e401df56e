"""The site's submit filter changes and refuses what is submitted; it is refused itself when loose."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, Refused, wait_for

FILTER = """#!/usr/bin/env python3
import json, sys
asked = json.load(sys.stdin)
job = asked["job"]
if job["name"] == "crash":
    sys.exit(7)
if job["name"] == "slow":
    import time; time.sleep(60)
if job["name"] == "odd":
    print('{"job": {"uid": 0}}')
elif job["name"] == "forbidden":
    print(json.dumps({"refuse": "no such names here, " + asked["user"] + "\\n"}))
elif (job["time_limit_s"] or 9999) > 600:
    print(json.dumps({"job": {"time_limit_s": 600, "cpus": 2, "metadata": {"cut": "yes"}}}))
"""


@contextmanager
def filtering(limit_s: int) -> Iterator[Product]:
    """A server whose submissions all go through the filter."""
    with tempfile.TemporaryDirectory(prefix="ly-filter-") as folder:
        program = Path(folder) / "filter"
        program.write_text(FILTER)
        program.chmod(0o755)
        hooks = f'[hooks]\nsubmit_filter = "{program}"\ntime_limit_s = {limit_s}\n'
        product = Product(Path(folder) / "s", f"{DEFAULT_CONFIG}\n{hooks}")
        product.start()
        yield product
        product.destroy()


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with filtering(50) as one:
        yield one


def test_it_changes_what_is_submitted_and_leaves_alone_what_it_may(product: Product) -> None:
    cut = product.job(product.submit("true", time_limit_s=7200))
    assert (cut["time_limit_s"], cut["resources"]["cpus"], cut["metadata"]["cut"]) == (600, 2, "yes")
    left = product.job(product.submit("true", time_limit_s=60))
    assert (left["time_limit_s"], left["resources"]["cpus"]) == (60, 1)


def test_its_text_is_told_to_whoever_submits(product: Product) -> None:
    said = ly(product.state, "submit", "-n", "forbidden", "--", "true")
    assert said.code != 0
    assert "no such names here, root" in said.err
    assert ly(product.state, "submit", "-n", "forbidden", "--dry-run", "--", "true").code != 0


def test_where_it_takes_too_long_nothing_is_submitted() -> None:
    with filtering(3) as product:
        with pytest.raises(Refused, match="submit filter failed"):
            product.submit("true", name="slow")
        assert product.all_jobs() == []


@pytest.mark.parametrize("name", ["crash", "odd"])
def test_where_it_fails_nothing_is_submitted(product: Product, name: str) -> None:
    before = len(product.all_jobs())
    with pytest.raises(Refused, match="submit filter failed"):
        product.submit("true", name=name)
    assert len(product.all_jobs()) == before


@pytest.mark.root
@pytest.mark.parametrize(("who", "said"), [("file", "filter"), ("directory", "open")])
def test_one_that_others_may_write_is_refused_at_the_start_and_under_way(who: str, said: str) -> None:
    with tempfile.TemporaryDirectory(prefix="ly-filter-") as folder:
        directory = Path(folder) / "open"
        directory.mkdir()
        program = directory / "filter"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        product = Product(Path(folder) / "s", f'{DEFAULT_CONFIG}\n[hooks]\nsubmit_filter = "{program}"\n')
        try:
            product.start()
            loose = program if who == "file" else directory
            loose.chmod(0o775)
            with pytest.raises(Refused, match="submit filter failed"):
                product.submit("true")
            log = product.state / "daemon" / "daemon.log"
            wait_for(lambda: f"others may write {loose}" in log.read_text(), PATIENCE_S, "the log says so")
            product.stop()
            with pytest.raises(Refused, match=re.escape(f"others may write {loose}")):
                product.start()
        finally:
            product.destroy()
    assert said in str(loose)
