"""One database, two servers: who writes, who stands by, and what becomes of a commit nobody heard of."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any
from zlib import crc32

import pytest

from launchyard.model.change import Change
from launchyard.model.errors import Invalid, Unavailable
from launchyard.model.job import Job, JobKind
from launchyard.store import lease
from launchyard.store.open import Tenant, open_store
from launchyard.store.protocol import Fenced, Held, Store, StoreBusy, StoreDamaged, StoreDoubtful
from tests.cable import Cable, Cut
from tests.postgresql import one_cluster, running, schema_of
from tests.system.product import wait_for


@pytest.fixture
def url(tmp_path: Path) -> str:
    return one_cluster().url(schema_of(tmp_path))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that is over sooner."""
    monkeypatch.setattr(lease, "HELD_S", 1.5)
    monkeypatch.setattr(lease, "RENEW_S", 0.3)


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable(one_cluster().port)
    yield made
    made.close()


def job(number: int, **more: Any) -> Job:
    plain: dict[str, Any] = {"name": "job", "kind": JobKind.COMMAND, "user": "ada", "uid": 1000}
    return Job(id=number, partition="all", submitted_at=1.0, **(plain | more))


def change(seq: int, *jobs: Job) -> Change:
    return Change(seq=seq, jobs=jobs)


def test_second_server_is_told_who_has_the_database(url: str) -> None:
    works_with = r"the server on .+ \(pid \d+\) works with the database"
    with closing(open_store(url)), pytest.raises(Held, match=works_with):
        open_store(url)
    open_store(url).close()


def test_same_server_need_not_wait_for_itself_after_kill_9(url: str) -> None:
    first = open_store(url, tenant=Tenant(holder="me"))
    with closing(open_store(url, tenant=Tenant(holder="me"))) as again:
        again.commit([change(1, job(1))])
        with pytest.raises(Fenced):
            first.commit([change(1, job(1, name="other"))])
        assert again.job(1) == job(1)
    first.close()


def test_server_that_renews_its_lease_keeps_it_however_long_it_writes_nothing(url: str) -> None:
    with closing(open_store(url)) as first:
        until = time.monotonic() + lease.HELD_S + 1
        while time.monotonic() < until:
            Event().wait(0.2)
            with pytest.raises(Held):
                open_store(url)
        first.commit([change(1, job(1))])


@pytest.mark.usefixtures("quick")
def test_server_that_slept_writes_nothing_after_another_took_over(url: str, cable: Cable) -> None:
    told = Event()
    through = url.replace(str(one_cluster().port), str(cable.port))
    slept = open_store(through, tenant=Tenant(fenced=told.set))
    slept.commit([change(1, job(1))])
    cable.broken = True
    cable.sever()
    with closing(wait_for(lambda: _taken(url), 60, "the second takes over")) as second:
        second.commit([change(2, job(1, name="newer"))])
        cable.broken = False
        assert told.wait(60)
        with pytest.raises((Fenced, Unavailable)):
            slept.commit([change(2, job(1, name="older"), job(7))])
        with pytest.raises(Fenced, match="another server has taken over"):
            slept.commit([change(2, job(1, name="older"), job(7))])
        assert second.job(1) == job(1, name="newer")
        assert second.job(7) is None
        slept.close()
        second.commit([change(3, job(2))])


def _taken(url: str) -> Store | None:
    try:
        return open_store(url)
    except (Held, StoreBusy):
        return None


@pytest.mark.parametrize("cut", [Cut.BEFORE_COMMIT, Cut.AFTER_COMMIT])
def test_commit_without_an_answer_is_resolved_by_its_number(url: str, cable: Cable, cut: Cut) -> None:
    """F15: written once, whether the database had heard of it or not."""
    with closing(open_store(url.replace(str(one_cluster().port), str(cable.port)))) as store:
        store.commit([change(1, job(1))])
        cable.cut = cut
        batch = [change(2, job(2)), change(3, job(2, name="later"), job(3))]
        with pytest.raises(StoreDoubtful, match="whether it was kept"):
            store.commit(batch)
        assert cable.cuts == 1
        with pytest.raises(StoreDoubtful):
            store.commit(batch)
        cable.broken = False
        before = _written(url)
        store.commit([*batch, change(4, job(4))])

        assert before == ([1] if cut is Cut.BEFORE_COMMIT else [1, 2, 3])
        assert _written(url) == [1, 2, 3, 4]
        assert store.last_seq() == 4
        assert store.job(2) == job(2, name="later")
        store.check()


def _written(url: str) -> list[int]:
    schema = url.rpartition("%3D")[2]
    return [row[0] for row in one_cluster().run("SELECT id FROM jobs ORDER BY id", schema)]


def test_database_that_forgot_a_commit_is_noticed(url: str, cable: Cable) -> None:
    """A failover to a copy that was behind."""
    with closing(open_store(url.replace(str(one_cluster().port), str(cable.port)))) as store:
        store.commit([change(5, job(1))])
        cable.cut = Cut.BEFORE_COMMIT
        with pytest.raises(StoreDoubtful):
            store.commit([change(6, job(2))])
        cable.broken = False
        _go_back(url)
        with pytest.raises(StoreDamaged, match="it ends at change 3 and change 5 was acknowledged"):
            store.commit([change(6, job(2))])


def _go_back(url: str) -> None:
    schema = url.rpartition("%3D")[2]
    checksum = crc32(b"last_seq=3")
    sql = f"UPDATE meta SET value = '3', checksum = {checksum} WHERE key = 'last_seq'"
    one_cluster().run(sql, schema)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_database_that_a_power_cut_would_empty_is_refused(setting: str) -> None:
    """F15."""
    says = f"has {setting} = off, so a power cut could lose"
    with running(f"{setting}=off") as cluster, pytest.raises(Invalid, match=says):
        open_store(cluster.url())


@pytest.mark.usefixtures("quick")
def test_server_that_sleeps_in_mid_commit_keeps_nobody_out(url: str, cable: Cable) -> None:
    """The database ends a transaction that says nothing; what it had written is gone."""
    sleeper = open_store(url.replace(str(one_cluster().port), str(cable.port)))
    cable.cut = Cut.STALL
    failed: list[Exception] = []

    def commit() -> None:
        try:
            sleeper.commit([change(1, job(1))])
        except Unavailable as error:
            failed.append(error)

    asleep = Thread(target=commit)
    asleep.start()
    wait_for(lambda: cable.cuts or None, 60, "it is in its commit")
    with closing(wait_for(lambda: _taken(url), 60, "the second takes over")) as second:
        assert second.live_jobs() == []
        asleep.join(60)
        assert failed
        with pytest.raises(Fenced):
            sleeper.commit([change(1, job(1))])
    sleeper.close()
