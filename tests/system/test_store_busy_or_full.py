"""A database that is held, a disk that is full: no acknowledgement, nothing lost, no restart (F8, F14)."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from launchyard.controller.writer import Writer
from launchyard.model.change import Change
from launchyard.model.job import Job, JobKind
from launchyard.store.open import open_store
from launchyard.store.protocol import JobQuery, Store, StoreBusy, StoreFull
from tests.system.power import memory_disk, powered_disk

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(database: Path) -> Iterator[None]:
    """Another process holds the right to write."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield
    finally:
        holder.communicate()


def job(job_id: int, *, size: int = 0) -> Job:
    return Job(
        id=job_id,
        name=f"job {job_id}",
        kind=JobKind.COMMAND,
        user="ada",
        uid=1000,
        partition="all",
        submitted_at=1.0,
        command=("echo", "x" * size),
    )


def change(number: int, *, size: int = 0) -> Change:
    return Change(seq=number, jobs=(job(number, size=size),))


def ids(store: Store) -> list[int]:
    return [one.id for one in reversed(store.jobs(JobQuery(limit=10**6)))]


def test_a_held_database_is_busy_for_writers_and_open_to_readers(tmp_path: Path) -> None:
    database = tmp_path / "launchyard.db"
    with closing(open_store(database, busy_timeout_s=0.1)) as store:
        store.commit([change(1)])
        with held(database):
            for _ in range(3):
                with pytest.raises(StoreBusy, match=str(database)):
                    store.commit([change(2)])
                assert ids(store) == [1]
        store.commit([change(2)])
        assert ids(store) == [1, 2]
        store.check()


def test_a_held_database_can_be_opened(tmp_path: Path) -> None:
    database = tmp_path / "launchyard.db"
    with closing(open_store(database)) as store:
        store.commit([change(1)])
    with held(database), closing(open_store(database, busy_timeout_s=0.1)) as store:
        assert ids(store) == [1]


def test_the_writer_keeps_what_happened_until_the_database_is_free(tmp_path: Path) -> None:
    async def scene() -> None:
        database = tmp_path / "launchyard.db"
        store = open_store(database, busy_timeout_s=0.05)
        writer, outcomes = Writer(store, retry_s=(0.01, 0.02)), dict[int, Exception | None]()

        def submit(number: int) -> None:
            def done(error: Exception | None) -> None:
                outcomes[number] = error

            writer.submit(change(number), done, may_fail=number == 2)

        async def until_heard(*numbers: int) -> None:
            async with asyncio.timeout(60):
                while not outcomes.keys() >= set(numbers):
                    await asyncio.sleep(0.005)

        with held(database):
            for number in (1, 2, 3):
                submit(number)
            await until_heard(2)
            assert isinstance(outcomes[2], StoreBusy)
            assert str(database) in str(writer.degraded)
        await until_heard(1, 2, 3)
        assert ids(store) == [1, 3]
        assert writer.degraded is None
        await asyncio.to_thread(writer.close)
        store.close()

    asyncio.run(scene())


@pytest.fixture(params=["memory", "ext4"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "memory":
        with memory_disk(tmp_path / "small", 4) as place:
            yield place
    else:
        with powered_disk(tmp_path, 16) as disk:
            yield disk.mount_point


def fill(ballast: Path) -> None:
    """Take all the room there is."""
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def commit_until_full(store: Store, first: int) -> int:
    """The number of the change that found no room."""
    for number in range(first, first + 100_000):
        try:
            store.commit([change(number, size=2_000)])
        except StoreFull:
            return number
    raise AssertionError("the disk never filled")


@pytest.mark.root
def test_a_full_disk_refuses_and_loses_nothing_and_recovers_without_a_restart(small_disk: Path) -> None:
    database, ballast = small_disk / "launchyard.db", small_disk / "ballast"
    with closing(open_store(database)) as store:
        store.commit([change(number, size=2_000) for number in range(1, 21)])
        fill(ballast)
        refused = commit_until_full(store, 21)
        with pytest.raises(StoreFull, match=str(database)):
            store.commit([change(refused, size=50_000)])
        assert ids(store) == list(range(1, refused))

        ballast.unlink()
        store.commit([change(refused, size=2_000)])
        assert ids(store) == list(range(1, refused + 1))
        store.check()
    with closing(open_store(database)) as store:
        assert ids(store) == list(range(1, refused + 1))
        assert store.last_seq() == refused
        store.check()


@pytest.mark.root
def test_the_database_itself_fills_the_disk_and_everything_acknowledged_is_there(small_disk: Path) -> None:
    database = small_disk / "launchyard.db"
    with closing(open_store(database)) as store:
        refused = commit_until_full(store, 1)
        assert ids(store) == list(range(1, refused))
        store.check()
    with closing(open_store(database)) as store:
        assert ids(store) == list(range(1, refused))
        assert store.last_seq() == refused - 1


@pytest.mark.root
def test_no_room_at_the_first_start_is_said_in_one_sentence(small_disk: Path) -> None:
    fill(small_disk / "ballast")

    with pytest.raises(StoreFull) as refused:
        open_store(small_disk / "launchyard.db")
    assert str(small_disk / "launchyard.db") in str(refused.value)
    (small_disk / "ballast").unlink()
    with closing(open_store(small_disk / "launchyard.db")) as store:
        store.commit([change(1)])


def test_what_went_wrong_on_a_small_disk_is_told_though_something_holds_it(tmp_path: Path) -> None:
    """Not that the disk cannot be let go of: what did not get on may still have a file open there."""
    place = tmp_path / "small"
    with ExitStack() as kept:

        def fail() -> None:
            with memory_disk(place, 1):
                kept.enter_context(open(place / "open", "w"))
                raise RuntimeError("the first error")

        with pytest.raises(RuntimeError, match="the first error"):
            fail()
    assert not os.path.ismount(place)
