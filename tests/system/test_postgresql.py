"""The whole product on PostgreSQL: its faults, and a second server that takes over."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgresql import Cluster, one_cluster, running, schema_of
from tests.system.person import ADA, LI, Person, for_all
from tests.system.product import Product, Refused, let_others_in, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
database = "{url}"
{more}
[[nodes]]
name = "node"
cpus = 4
memory = "4GiB"
"""
TAKEOVER_S = 10.0

Make = Callable[..., Product]


def config(url: str, more: str = "") -> str:
    return CONFIG.format(url=url, more=more)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return one_cluster().url(schema_of(tmp_path))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running() as made:
        yield made


def test_daemon_that_is_killed_goes_on_at_once_with_its_jobs(
    make_product: Make, url: str, tmp_path: Path
) -> None:
    product = make_product(config(url))
    product.start()
    job = product.submit(["sh", "-c", f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; exit 3"])
    product.until(job, "RUNNING")
    waiting = product.submit(["true"], resources={"cpus": 4})
    product.kill()
    assert "standby" not in product.start()
    (tmp_path / "go").touch()
    ended = product.until(job)
    assert (ended["state"], ended["exit_code"], ended["attempt"]) == ("FAILED", 3, 1)
    assert product.until(waiting)["state"] == "COMPLETED"


@pytest.mark.root
def test_f15_database_that_goes_away_holds_everything_up_and_loses_nothing_of_users(
    make_product: Make, cluster: Cluster, tmp_path: Path
) -> None:
    """F15: killed while users submit; no acknowledgement without it; ends wait in the launcher's journal."""
    let_others_in(tmp_path)
    product = make_product(for_all(more=f'database = "{cluster.url()}"\n'))
    product.start()
    ada, away, mark = Person(product, ADA), tmp_path / "away", tmp_path / "mark"
    ends = ada.submit(["sh", "-c", f"while [ ! -e {away} ]; do sleep 0.1; done; exit 3"])
    runs = ada.submit(["sh", "-c", f"while [ ! -e {mark} ]; do sleep 0.1; done; exit 4"])
    for job in (ends, runs):
        ada.until(job, "RUNNING")
    with submitting(Person(product, LI)) as acknowledged:
        wait_for(lambda: len(acknowledged) > 20, 60, "jobs are acknowledged")
        cluster.stop()
        away.touch()
        journal = product.state / "launcher" / "journal"
        wait_for(lambda: b'"exit_code":3' in journal.read_bytes(), 60, "an end waits on the disk")
        wait_for(lambda: _degraded(product), 60, "it says that the database is away")
        with pytest.raises(Refused) as refused:
            ada.submit(["true"])
        assert refused.value.status == 503
        assert "database does not answer" in refused.value.problem["detail"]
        cluster.start()
        wait_for(lambda: not _degraded(product) or None, 60, "it goes on by itself")
        before = len(acknowledged)
        wait_for(lambda: len(acknowledged) > before + 20, 60, "more are acknowledged")
    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) <= {job["id"] for job in product.all_jobs()}
    mark.touch()
    assert [ada.until(job)["exit_code"] for job in (ends, runs)] == [3, 4]
    assert ada.until(ada.submit(["true"]))["state"] == "COMPLETED"


@contextmanager
def submitting(person: Person) -> Iterator[list[int]]:
    """Held jobs, one after the other; what was acknowledged."""
    acknowledged: list[int] = []
    over = threading.Event()

    def submit() -> None:
        while not over.is_set():
            try:
                acknowledged.append(person.submit(["true"], hold=True))
            except (Refused, OSError):
                over.wait(0.05)

    thread = threading.Thread(target=submit)
    thread.start()
    try:
        yield acknowledged
    finally:
        over.set()
        thread.join(120)


def _degraded(product: Product) -> bool:
    return bool(product.call("GET", "/v1/status")["degraded"])


@pytest.mark.alone
def test_second_server_stands_by_and_takes_over_when_the_first_dies(make_product: Make, url: str) -> None:
    first, second = make_product(config(url), "first"), make_product(config(url), "second")
    first.start()
    acknowledged = [first.submit(["true"], hold=True) for _ in range(20)]
    facts = second.start()
    assert f"(pid {first.pid}) works with the database" in facts["standby"]
    assert not second.socket_path.exists()

    first.kill()
    began = time.monotonic()
    wait_for(lambda: _answers(second), 60, "the second serves")
    assert time.monotonic() - began < TAKEOVER_S
    assert {job["id"] for job in second.all_jobs()} == set(acknowledged)
    assert second.submit(["true"]) > max(acknowledged)
    assert "standby" in first.start()


def test_second_server_takes_over_at_once_when_the_first_is_stopped(make_product: Make, url: str) -> None:
    first, second = make_product(config(url), "first"), make_product(config(url), "second")
    first.start()
    second.start()
    assert first.stop() == 0
    wait_for(lambda: _answers(second), 60, "the second serves")
    assert second.stop() == 0


def test_server_that_wakes_up_after_a_takeover_writes_nothing_and_stands_by(
    make_product: Make, url: str, tmp_path: Path
) -> None:
    first, second = make_product(config(url), "first"), make_product(config(url), "second")
    first.start()
    kept = first.submit(["true"], hold=True)
    second.start()
    os.kill(first.pid, signal.SIGSTOP)
    wait_for(lambda: _answers(second), 60, "the second serves")
    newer = second.submit(["true"], hold=True, name="newer")
    before = _rows(tmp_path)
    os.kill(first.pid, signal.SIGCONT)
    log = first.state / "daemon" / "daemon.log"
    wait_for(lambda: "standing by" in log.read_text() or None, 60, "the first stands by")
    assert first.running()
    assert not _answers(first)
    assert _rows(tmp_path) == before
    assert {job["id"] for job in second.all_jobs()} == {kept, newer}

    second.kill()
    wait_for(lambda: _answers(first), 60, "the first takes over again")
    assert {job["id"] for job in first.all_jobs()} == {kept, newer}


def _answers(product: Product) -> bool | None:
    try:
        product.call("GET", "/v1/health")
    except (OSError, Refused):
        return None
    return True


def _rows(tmp_path: Path) -> list[object]:
    rows = one_cluster().run("SELECT * FROM jobs ORDER BY id", schema_of(tmp_path))
    return [*rows, *one_cluster().run("SELECT value FROM meta ORDER BY key", schema_of(tmp_path))]


def test_password_comes_from_a_file_and_is_seen_nowhere(make_product: Make, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    with running(password="correct horse") as cluster:
        file.chmod(0o644)
        product = make_product(config(cluster.url(), f'database_password_file = "{file}"'))
        with pytest.raises(Refused) as refused:
            product.start()
        assert f"{file} can be read by others; run: chmod 600" in str(refused.value)
        file.chmod(0o600)
        product.start()
        assert product.until(product.submit(["true"]))["state"] == "COMPLETED"
        seen = [Path(f"/proc/{product.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        seen += [path.read_bytes() for path in (product.state / "daemon").iterdir() if path.is_file()]
        seen.append((tmp_path / "state.out").read_bytes())
        assert not [text for text in seen if b"correct horse" in text]
        file.write_text("wrong horse\n")
        product.stop()
        with pytest.raises(Refused) as refused:
            product.start()
        assert "password authentication failed" in str(refused.value)
        assert "horse" not in str(refused.value)
