"""Checks what was promised against journals that the product has no part in (contracts of reliability).

The client writes down each acknowledgement; each job writes down its own start and end. `verify` compares
both with what the product says afterwards.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from tests.system.product import ENDED, Json, Product, job_pids, wait_for

SCRIPT = r"""#!/bin/sh
# Writes down its own start and end, outside the product, and the same words to its log and to a copy.
j="{journal}/$LAUNCHYARD_JOB_ID.$LAUNCHYARD_ATTEMPT"
echo "start $LAUNCHYARD_LAUNCH_ID $$" >> "$j"
for n in $(seq {lines}); do
    echo "line $n of $LAUNCHYARD_JOB_ID"
    echo "line $n of $LAUNCHYARD_JOB_ID" >> "$j.out"
    {pause}
done
{wait}
echo "end {code}" >> "$j"
exit {code}
"""


@dataclass
class ClientJournal:
    """What was acknowledged: job ids, in order, by this client."""

    acknowledged: list[int] = field(default_factory=list)


def script(
    journal: Path, *, lines: int = 3, pause_s: float = 0, code: int = 0, gate: Path | None = None
) -> str:
    """A batch script that keeps its own journal in `journal`, and does not end before `gate` is there."""
    pause = f"sleep {pause_s}" if pause_s else ":"
    wait = f"while [ ! -e {gate} ]; do sleep 0.05; done" if gate else ":"
    return SCRIPT.format(journal=journal, lines=lines, pause=pause, code=code, wait=wait)


def said_by_all(journal: Path, job_ids: list[int], word: str) -> bool:
    """Whether each of these jobs has written this word into its journal."""
    files = [journal / f"{job_id}.1" for job_id in job_ids]
    return all(file.exists() and word in file.read_text() for file in files)


def until_all_ended(product: Product, within_s: float = 120) -> list[Json]:
    """All jobs, once every one of them has ended."""

    def ended() -> list[Json] | None:
        jobs = product.all_jobs()
        return jobs if all(job["state"] in ENDED for job in jobs) else None

    return wait_for(ended, within_s, "every job has ended")


def verify(product: Product, acknowledged: list[int], journal: Path, *, lost_allowed: bool = False) -> None:
    """Every invariant that can be checked once all has ended."""
    jobs = {job["id"]: job for job in until_all_ended(product)}
    assert len(acknowledged) == len(set(acknowledged)), "an id was acknowledged twice"
    missing = set(acknowledged) - set(jobs)
    assert not missing, f"acknowledged and not known: {sorted(missing)[:10]} of {len(acknowledged)}"
    for job in jobs.values():
        if job["array"] is None or job["array"]["index"] is not None:
            _check_job(product, job, journal, lost_allowed, kept=job["id"] in acknowledged)
    assert not job_pids(product.state), "processes of ended jobs live on"
    check_database(product.state)


def check_database(state: Path) -> None:
    """The database passes SQLite's own check."""
    connection = sqlite3.connect(f"file:{state}/daemon/launchyard.db?mode=ro", uri=True)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()


def _check_job(product: Product, job: Json, journal: Path, lost_allowed: bool, *, kept: bool) -> None:
    """`kept`: the job keeps a journal of its own (others are only what a test needed beside it)."""
    files = sorted(journal.glob(f"{job['id']}.[0-9]")) + sorted(journal.glob(f"{job['id']}.[0-9][0-9]"))
    for path in files:
        starts = [line for line in path.read_text().splitlines() if line.startswith("start")]
        # None where it was killed between opening its journal and writing to it.
        assert len(starts) <= 1, f"attempt {path.name} was started {len(starts)} times"
    if job["state"] == "LOST":
        assert lost_allowed, f"job {job['id']} is LOST: {job['cause']}"
        assert job["exit_code"] is None
        return
    if (kept or files) and job["state"] in ("COMPLETED", "FAILED") and job["exit_code"] is not None:
        assert files, f"job {job['id']} is {job['state']} and never ran"
        said = [line for line in files[-1].read_text().splitlines() if line.startswith("end")]
        assert said == [f"end {job['exit_code']}"], (
            f"job {job['id']}: recorded {job['exit_code']}, said {said}"
        )
        _check_log(product, job, files[-1])


def _check_log(product: Product, job: Json, path: Path) -> None:
    copy = path.with_name(f"{path.name}.out")
    expected = copy.read_bytes() if copy.exists() else b""
    found = product.log(job["id"])
    same = hashlib.sha256(found).digest() == hashlib.sha256(expected).digest()
    assert same, (
        f"the log of job {job['id']} has {len(found)} bytes, the job wrote {len(expected)}: {json.dumps(job)}"
    )
