"""The whole product comes to a database of an older or a newer version while a user's job runs (F17)."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from launchyard.store import archive, meta
from tests.system.person import ADA, Person, served
from tests.system.product import Product, Refused, command_line, job_pids, parent_of, wait_for

pytestmark = pytest.mark.root

OLDER = meta.NEWEST - 1
WAITS = "while [ ! -e {gate} ]; do sleep 0.1; done; exit 7"


@pytest.fixture
def product() -> Iterator[Product]:
    with served() as made:
        yield made


def database(product: Product) -> Path:
    return product.state / "daemon" / "launchyard.db"


def schema_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0])


def say_schema(path: Path, schema: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        key, value, checksum = meta.row("schema", str(schema))
        words = "UPDATE meta SET value = ?, checksum = ? WHERE key = ?"
        connection.execute(words, (value, checksum, key))


def make_older(product: Product) -> None:
    """What the version before this one would have written."""
    path = database(product)
    owner, old = path.stat(), path.with_name("old.db")
    with archive.reading(path) as source:
        archive.write(source, old, OLDER)
    say_schema(old, OLDER)
    for one in path.parent.glob("launchyard.db*"):
        one.unlink()
    old.rename(path)
    path.chmod(0o600)
    os.chown(path, owner.st_uid, owner.st_gid)


def _shell(product: Product) -> int | None:
    """The job's main process: the program that it sleeps with has its command line too until its exec."""
    shells = [pid for pid in job_pids(product.state) if "gate" in command_line(pid)]
    return next((pid for pid in shells if parent_of(pid) not in (0, *shells)), None)


def test_f17_upgrade_that_is_killed_and_one_that_is_not_under_a_running_job_of_a_user(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F17: a copy first, then the old or the new whole; the job runs on and its end is its own."""
    ada, gate = Person(product, ADA), product.state.parent / "gate"
    runs = ada.submit(["sh", "-c", WAITS.format(gate=gate)])
    started = ada.until(runs, "RUNNING")["started_at"]
    waits = ada.submit(["true"], hold=True)
    product.stop()
    make_older(product)
    pid = wait_for(lambda: _shell(product), 60, "the job has come to its exec")

    product.module = "tests.system.killed_upgrade"
    seen = set()
    for statement in (2, 6, 9):
        monkeypatch.setenv("LAUNCHYARD_TEST_STATEMENT", str(statement))
        with pytest.raises(Refused) as refused:
            product.start()
        assert refused.value.status == -signal.SIGKILL
        seen.add(schema_of(database(product)))
    assert seen <= {OLDER, meta.NEWEST}
    assert OLDER in seen, "none of these was within the upgrade"

    product.module = "launchyard.daemon"
    product.start()
    assert schema_of(database(product)) == meta.NEWEST
    copied = archive.before_upgrade(database(product).parent)
    assert (schema_of(copied), copied.stat().st_mode & 0o777) == (OLDER, 0o600)
    assert copied.stat().st_uid == database(product).stat().st_uid != 0
    job = ada.job(runs)
    assert (job["state"], job["started_at"], job["attempt"]) == ("RUNNING", started, 1)
    assert Path(f"/proc/{pid}").exists()
    assert ada.job(waits)["state"] == "PENDING"
    gate.touch()
    assert ada.until(runs)["exit_code"] == 7
    assert ada.submit(["true"], hold=True) > waits


def test_f17_older_version_refuses_a_newer_database_and_lets_the_job_of_a_user_run(product: Product) -> None:
    """F17: downgrade. Nothing is written, and the newer version finds all as it was."""
    ada, gate = Person(product, ADA), product.state.parent / "gate"
    runs = ada.submit(["sh", "-c", WAITS.format(gate=gate)])
    ada.until(runs, "RUNNING")
    product.stop()
    say_schema(database(product), meta.NEWEST + 1)
    before = database(product).read_bytes()
    with pytest.raises(Refused) as refused:
        product.start()
    assert "start the newer Launchyard, or restore the backup made before the upgrade" in str(refused.value)
    assert database(product).read_bytes() == before
    wait_for(lambda: job_pids(product.state), 60, "the job runs on")
    say_schema(database(product), meta.NEWEST)
    product.start()
    assert ada.job(runs)["state"] == "RUNNING"
    gate.touch()
    assert ada.until(runs)["exit_code"] == 7
