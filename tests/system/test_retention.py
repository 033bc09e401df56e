"""`[retention]`: what is old goes, what something still needs stays, and no id comes again (F30)."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postgresql import one_cluster, schema_of
from tests.system.person import ADA, LI, Person, for_all, served
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


@pytest.mark.root
def test_logs_of_users_go_by_age_and_by_what_they_take_the_oldest_first() -> None:
    """F30: in a server of a machine's users the folders of logs are root's, and the server is not root."""
    with served() as product:
        people = [Person(product, name) for name in (ADA, LI)]
        jobs = [one.until(one.submit("head -c 1000000 /dev/zero"))["id"] for one in (*people, *people)]
        logs = {job: Path(product.job(job)["log_path"]) for job in jobs}
        assert {log.stat().st_size for log in logs.values()} == {1_000_000}

        _again_for_all(product, 'logs_max = "2MiB"')
        wait_for(lambda: not any(logs[job].exists() for job in jobs[:2]), 60, "the oldest logs go")
        runs = people[0].submit("head -c 1000000 /dev/zero; sleep 300")
        live = Path(people[0].until(runs, "RUNNING")["log_path"])
        wait_for(
            lambda: live.exists() and live.stat().st_size == 1_000_000, 60, "a live job has a large log too"
        )
        _again_for_all(product, 'logs_max = "2MiB"\njobs_max = 3')
        wait_for(lambda: len(product.all_jobs()) == 4, 60, "the oldest job is forgotten")
        assert [log.exists() for log in logs.values()] == [False, False, True, True]
        _again_for_all(product, 'logs = "1s"')
        wait_for(lambda: not any(log.exists() for log in logs.values()), 60, "old logs go")
        assert live.exists()
        with pytest.raises(Refused) as refused:
            people[1].log(jobs[3])
        assert (refused.value.status, "logs_max" in str(refused.value)) == (404, False)


def _again_for_all(product: Product, retention: str) -> None:
    product.stop()
    older()
    product.configure(for_all(more=f"[retention]\n{retention}\n"))
    product.start()


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
    wait_for(lambda: not log.exists(), 60, "and their logs")
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
