"""A program that commits without end and says what was acknowledged.

Run it as `python -m tests.system.committer DATABASE FULL|NORMAL`.
Each line `ID NAME` is written after the commit that made the job durable. Names are never used twice, so a
job id that was handed out twice shows as an id with another name.
"""

import os
import random
import sys
from pathlib import Path
from uuid import uuid4

from launchyard.model.change import Change
from launchyard.model.job import Job, JobKind
from launchyard.store.sqlite import open_sqlite


def job(job_id: int) -> Job:
    return Job(
        id=job_id,
        name=uuid4().hex,
        kind=JobKind.COMMAND,
        user="ada",
        uid=1000,
        partition="all",
        submitted_at=float(job_id),
        command=("echo", "x" * random.randrange(3000)),
    )


def main() -> None:
    path, mode = Path(sys.argv[1]), sys.argv[2]
    store = open_sqlite(path, synchronous="NORMAL" if mode == "NORMAL" else "FULL")
    next_id, seq = store.next_job_id(), store.last_seq()
    while True:
        jobs = tuple(job(next_id + position) for position in range(random.choice((1, 1, 2, 20))))
        next_id, seq = next_id + len(jobs), seq + 1
        store.commit([Change(seq=seq, jobs=jobs, next_job_id=next_id)])
        os.write(1, "".join(f"{one.id} {one.name}\n" for one in jobs).encode())


if __name__ == "__main__":
    main()
