"""`[retention]`: what is old goes, what something still needs stays, and no id comes again (F30)."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postgresql import one_cluster, schema_of
from tests.system.product import DEFAULT_CONFIG, Product, Refused, wait_for

Make = Callable[..., Product]


def config(retention: str, database: str = "") -> str:
    return f"{database}\n{DEFAULT_CONFIG}\n[retention]\n{retention}\n"


def again(product: Product, retention: str) -> None:
    """Started with it: what is old is looked for at once."""
    product.stop()
    older()
    product.configure(config(retention))
    product.start()


def older() -> None:
    """All that ended so far did so more than a second ago."""
    now = time.time()
    wait_for(lambda: time.time() > now + 1.1 or None, 60, "a second has passed")


def test_old_logs_go_and_their_jobs_stay(make_product: Make, tmp_path: Path) -> None:
    product, own = make_product(), tmp_path / "own"
    product.start()
    jobs = [product.submit(["sh", "-c", "echo hello"]) for _ in range(3)]
    named = product.submit(["sh", "-c", "echo mine"], stdout=str(own))
    ended = [product.until(job) for job in (*jobs, named)]
    logs = [Path(job["log_path"]) for job in ended[:3]]
    assert all(log.read_text() == "hello\n" for log in logs)
    runs = product.submit(["sh", "-c", "echo still; sleep 300"])
    still = Path(product.until(runs, "RUNNING")["log_path"])

    again(product, 'logs = "1h"')
    assert all(log.exists() for log in logs)
    again(product, 'logs = "1s"')
    wait_for(lambda: not any(log.exists() for log in logs), 60, "old logs go")
    assert still.exists()
    assert own.read_text() == "mine\n"
    assert {job["state"] for job in map(product.job, jobs)} == {"COMPLETED"}
    with pytest.raises(Refused) as refused:
        product.log(jobs[0])
    assert refused.value.status == 404


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_old_jobs_are_forgotten_but_for_those_that_others_wait_for(
    make_product: Make, tmp_path: Path, kind: str
) -> None:
    url = "" if kind == "sqlite" else f'database = "{one_cluster().url(schema_of(tmp_path))}"'
    product = make_product(config("", url))
    product.start()
    first = product.submit(["true"])
    for _ in range(3):
        product.until(product.submit(["true"], name="old"))
    newest = product.submit(["false"])
    log = Path(product.until(newest)["log_path"])
    needs = product.submit(["true"], after=f"afterok:{first}", hold=True)
    product.stop()
    older()
    product.configure(config('jobs = "1s"', url))
    product.start()
    wait_for(lambda: len(product.all_jobs()) == 2 or None, 60, "old jobs are forgotten")
    assert {job["id"] for job in product.all_jobs()} == {first, needs}
    assert not log.exists()
    with pytest.raises(Refused) as refused:
        product.job(newest)
    assert refused.value.status == 404
    assert product.submit(["true"], hold=True) > needs
    product.call("POST", f"/v1/jobs/{needs}/release")
    assert product.until(needs)["state"] == "COMPLETED"


def test_so_many_of_the_newest_ended_jobs_are_kept(make_product: Make) -> None:
    product = make_product()
    product.start()
    jobs = [product.submit(["true"]) for _ in range(8)]
    for job in jobs:
        product.until(job)
    again(product, "jobs_max = 3")
    wait_for(lambda: len(product.all_jobs()) == 3 or None, 60, "the oldest are forgotten")
    assert {job["id"] for job in product.all_jobs()} == set(jobs[-3:])
