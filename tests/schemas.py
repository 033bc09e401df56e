"""Databases of every schema that there was, each written by the last Launchyard that made it.

`python -m tests.schemas` writes the one of today's schema, once it is final, into tests/data/schemas.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from launchyard.model.change import Change, Idempotency
from launchyard.model.job import Job, JobKind
from launchyard.model.state import JobState
from launchyard.model.token import Token
from launchyard.store import meta
from launchyard.store.open import open_store
from launchyard.store.protocol import JobQuery, Store

DIRECTORY = Path(__file__).parent / "data/schemas"
SCRIPT = "d" * 64
KEY = Idempotency(user="ada", key="k", job_ids=(1,), body_digest="b", at=1.5)
TOKEN = Token(id="t1", user="ada", uid=1000, name="laptop", digest="e" * 64, created_at=7.0)


def _job(job_id: int, user: str = "ada", uid: int = 1000, state: JobState = JobState.PENDING) -> Job:
    ended = state is JobState.COMPLETED
    return Job(
        id=job_id,
        name=f"job {job_id}",
        kind=JobKind.COMMAND,
        user=user,
        uid=uid,
        partition="main",
        state=state,
        submitted_at=1000.0 + job_id,
        started_at=1500.25 if ended else None,
        ended_at=2000.5 if ended else None,
        exit_code=0 if ended else None,
        command=("echo", "naïve \x1b", "x"),
        submission_id="raysubmit_1" if job_id == 3 else None,
        metadata={"a": "1"} if job_id == 4 else {},
        group="sweep" if job_id == 5 else None,
    )


JOBS = (
    _job(1),
    _job(2, state=JobState.COMPLETED),
    _job(3, state=JobState.RUNNING),
    _job(4, "bob", 1001),
    _job(5),
)


def fixture(schema: int, path: Path) -> None:
    """The database that the last Launchyard of this schema wrote."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DIRECTORY / f"schema-{schema}.sql").read_text())


def check(store: Store) -> None:
    """All of it is there, and what today's queries find it by."""
    store.check()
    assert store.jobs(JobQuery()) == list(reversed(JOBS))
    assert [job.id for job in store.live_jobs()] == [1, 3, 4, 5]
    assert store.job_of_submission("ada", "raysubmit_1") == JOBS[2]
    assert store.jobs(JobQuery(group="sweep")) == [JOBS[4]]
    assert store.jobs(JobQuery(user="ada", name="job 2", ended=True)) == [JOBS[1]]
    assert store.texts([SCRIPT]) == {SCRIPT: b"#!/bin/sh\necho hello\n"}
    assert store.idempotency("ada", "k") == KEY
    assert store.tokens() == [TOKEN]
    assert (store.last_seq(), store.next_job_id()) == (6, 9)


def main() -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "launchyard.db"
        with closing(open_store(path)) as store:
            texts = {SCRIPT: b"#!/bin/sh\necho hello\n"}
            first = Change(
                seq=5, jobs=JOBS[:4], next_job_id=9, texts=texts, idempotency=(KEY,), tokens=(TOKEN,)
            )
            store.commit([first, Change(seq=6, jobs=JOBS[4:])])
        with closing(sqlite3.connect(path)) as connection:
            text = "\n".join(connection.iterdump()) + "\n"
    (DIRECTORY / f"schema-{meta.NEWEST}.sql").write_text(text)


if __name__ == "__main__":
    main()
