"""What was acknowledged is there after kill -9 and after a power cut (F1, F6), and no id is used twice."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from launchyard.store.open import open_store
from launchyard.store.protocol import JobQuery, StoreDamaged
from tests.system.power import Committer, Disk, powered_disk

KILLS = 8
CUTS = 8


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
    committer = Committer(disk.mount_point / "launchyard.db", "NORMAL")
    try:
        committer.wait_for(chance.randrange(100, 600))
        with committer.stopped(), disk.cut() as after:
            try:
                missing = len(lost(after / "launchyard.db", committer.acknowledged))
            except StoreDamaged:
                missing = len(committer.acknowledged)
    finally:
        committer.kill()

    assert missing > 0
