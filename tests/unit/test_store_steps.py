"""A database of an older Launchyard is taken along by the steps that it has not seen."""

import sqlite3
from contextlib import closing
from pathlib import Path
from zlib import crc32

from launchyard.model.change import Change
from launchyard.model.job import Job, JobKind
from launchyard.store.open import open_store
from launchyard.store.protocol import JobQuery


def job(job_id: int, group: str | None = None) -> Job:
    return Job(
        id=job_id,
        name="job",
        kind=JobKind.COMMAND,
        user="ada",
        uid=1,
        partition="all",
        submitted_at=1.0,
        group=group,
    )


def test_jobs_of_a_group_are_found_in_a_database_that_knew_no_groups(tmp_path: Path) -> None:
    path = tmp_path / "launchyard.db"
    jobs = (job(1), job(2, "ünï 'x'"), job(3, ""))
    with closing(open_store(path)) as store:
        store.commit([Change(seq=1, jobs=jobs)])
    with closing(sqlite3.connect(path)) as database:
        for column in ("group", "card", "engine_id"):
            database.execute(f"DROP INDEX jobs_{column}")
            database.execute(f'ALTER TABLE jobs DROP COLUMN "{column}"')
        checksum = crc32(b"schema=5")
        database.execute("UPDATE meta SET value = '5', checksum = ? WHERE key = 'schema'", [checksum])
        database.commit()

    with closing(open_store(path)) as store:
        assert store.jobs(JobQuery(group="ünï 'x'")) == [jobs[1]]
        assert store.jobs(JobQuery()) == list(reversed(jobs))
