"""A backup made fit to start on: nothing that happened after it happens twice, and no id is handed out again.

The counter of job ids goes on above whatever is still known of the database that is replaced; where nothing
is known, `IDS_SKIPPED` above the backup's own. Jobs that waited may have run meanwhile, so they are held;
those that ran are found again by their launch, or LOST.
"""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from launchyard.model.change import Change
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.store import guard
from launchyard.store.protocol import Store
from launchyard.store.sqlite import MAGIC, open_sqlite

IDS_SKIPPED = 1_000_000
RESTORED = "restored"
"""An epoch that no launcher has: what it does not know is lost, and never started again."""
HELD_BECAUSE = "it waited when the backup was made and may have run since; release it if it is to run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is left of the database that is replaced. `seq` -1: nothing."""

    seq: int = -1
    next_job_id: int = 0

    def later(self, other: "Known") -> "Known":
        return Known(seq=max(self.seq, other.seq), next_job_id=max(self.next_job_id, other.next_job_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did: live jobs that are there again, how many of them wait and are held."""

    live: int
    held: int
    next_job_id: int


def left_of(path: Path) -> Known:
    """Of an SQLite database that may be damaged, or of the file beside it that its writer kept."""
    found = Known()
    kept = guard.read(path.with_name(f"{path.stem}.seq"))
    if kept is not None and kept.next_job_id:
        found = Known(seq=kept.seq, next_job_id=kept.next_job_id)
    if path.exists() and path.stat().st_size:
        with suppress(LaunchyardError), closing(open_sqlite(path)) as store:
            found = found.later(known_of(store))
    return found


def known_of(store: Store) -> Known:
    return Known(seq=store.last_seq(), next_job_id=store.next_job_id())


def refuse_other_files(path: Path) -> None:
    """Raises `Invalid` for what is no backup."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Invalid(f"{path.name} is no backup of ly backup; name one that is")


def make_ready(path: Path, known: Known) -> Restored:
    """Check every row of the copy of a backup at `path`, bring it up to date, and change what must be."""
    with closing(open_sqlite(path)) as store:
        store.check()
        seq, next_job_id = max(store.last_seq(), known.seq), store.next_job_id()
        moved_on = known.seq != store.last_seq()
        next_job_id = max(next_job_id, known.next_job_id) if known.seq >= 0 else next_job_id + IDS_SKIPPED
        jobs = _after(store.live_jobs(), moved_on)
        store.commit([Change(seq=seq + 1, jobs=tuple(jobs), next_job_id=next_job_id)])
        live = store.live_jobs()
        held = sum(job.held_because == HELD_BECAUSE for job in live)
        return Restored(live=len(live), held=held, next_job_id=store.next_job_id())


def _after(jobs: Sequence[Job], moved_on: bool) -> list[Job]:
    found: list[Job] = []
    for job in jobs:
        if job.attempt is not None:
            job = replace(job, attempt=replace(job.attempt, epoch=RESTORED))
        if job.handed is not None:
            job = replace(job, handed=replace(job.handed, epoch=RESTORED))
        elif moved_on and job.state is JobState.PENDING and not job.held:
            job = replace(job, held=True, held_because=HELD_BECAUSE)
        found.append(job)
    return found
