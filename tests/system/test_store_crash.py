"""What was acknowledged is there after kill -9 and after a power cut (F1, F6), and no id is used twice."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from select import select

import pytest

from launchyard.model.change import Change
from launchyard.store.open import open_store
from launchyard.store.protocol import JobQuery, StoreDamaged
from tests.often import often
from tests.system.power import Committer, Disk, powered_disk

KILLS = often(4, thorough=8)
CUTS = often(4, thorough=8)
FIRST_STARTS = often(12, thorough=40)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with powered_disk(tmp_path) as one:
        yield one


def lost(database: Path, acknowledged: dict[int, str]) -> list[int]:
    """The acknowledged jobs that the database does not have, or has as another job."""
    with closing(open_store(database)) as store:
        store.check()
        found = {job.id: job.name for job in store.jobs(JobQuery(limit=10**6))}
        assert store.next_job_id() > max(found, default=0)
    return [job_id for job_id, name in acknowledged.items() if found.get(job_id) != name]


def test_every_acknowledged_commit_survives_kill_9(tmp_path: Path, chance: random.Random) -> None:
    database = tmp_path / "launchyard.db"
    acknowledged: dict[int, str] = {}
    for _ in range(KILLS):
        committer = Committer(database)
        committer.wait_for(chance.randrange(1, 400))
        committer.kill()

        assert not acknowledged.keys() & committer.acknowledged.keys()
        acknowledged |= committer.acknowledged
        assert lost(database, acknowledged) == []


@pytest.mark.root
def test_every_acknowledged_commit_survives_a_power_cut(disk: Disk, chance: random.Random) -> None:
    committer = Committer(disk.mount_point / "launchyard.db")
    try:
        for _ in range(CUTS):
            committer.wait_for(chance.randrange(1, 600))
            with committer.stopped(), disk.cut() as after:
                assert lost(after / "launchyard.db", committer.acknowledged) == []
    finally:
        committer.kill()


@pytest.mark.root
def test_the_power_cut_would_show_a_commit_that_is_not_flushed(disk: Disk, chance: random.Random) -> None:
    """Unless it comes in a checkpoint, which flushes all before it: then the next one does."""
    committer = Committer(disk.mount_point / "launchyard.db", "NORMAL")
    missing = 0
    try:
        for _ in range(10):
            committer.wait_for(chance.randrange(100, 600))
            with committer.stopped(), disk.cut() as after:
                try:
                    missing = len(lost(after / "launchyard.db", committer.acknowledged))
                except StoreDamaged:
                    missing = len(committer.acknowledged)
            if missing:
                break
    finally:
        committer.kill()

    assert missing > 0


def opening(database: Path, stop: signal.Signals, after_s: float) -> int:
    """A child that makes the database, struck by a signal then or when it is done; its pid."""
    child = os.fork()
    if child == 0:
        try:
            open_store(database)
        finally:
            os._exit(0)
    ended = os.pidfd_open(child)
    select([ended], [], [], after_s)
    os.close(ended)
    os.kill(child, stop)
    return child


def begun_again(database: Path) -> bool:
    """Whether the database opens, empty, and works."""
    with closing(open_store(database)) as store:
        assert (store.last_seq(), store.next_job_id(), store.live_jobs()) == (0, 1, [])
        store.check()
        store.commit([Change(seq=1)])
        return store.last_seq() == 1


def test_a_first_start_cut_short_can_be_repeated(tmp_path: Path, chance: random.Random) -> None:
    for number in range(FIRST_STARTS):
        database = tmp_path / str(number) / "launchyard.db"
        child = opening(database, signal.SIGKILL, chance.uniform(0, 0.03))
        os.waitpid(child, 0)

        assert begun_again(database)


@pytest.mark.root
def test_a_first_start_can_be_repeated_after_a_power_cut(disk: Disk, chance: random.Random) -> None:
    for number in range(FIRST_STARTS // 2):
        child = opening(
            disk.mount_point / str(number) / "launchyard.db", signal.SIGSTOP, chance.uniform(0, 0.04)
        )
        os.waitid(os.P_PID, child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        try:
            with disk.cut() as after:
                assert begun_again(after / str(number) / "launchyard.db")
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
