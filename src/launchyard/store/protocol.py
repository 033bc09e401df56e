"""What the store promises to the controller and the API. Every adapter passes tests/contract/test_store.py.

One thread writes (`commit`); reads may come from any thread at any time and see only what is committed.
A commit that returned has reached the disk: `kill -9` and a power cut keep it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from launchyard.model.account import Spent
from launchyard.model.change import Change, Idempotency, NodeMark
from launchyard.model.crontab import Crontab
from launchyard.model.errors import Conflict, LaunchyardError, StorageFull, Unavailable
from launchyard.model.job import Job
from launchyard.model.reservation import Reservation
from launchyard.model.sight import EVERYBODYS, Sight
from launchyard.model.state import JobState
from launchyard.model.step import Step
from launchyard.model.token import Token
from launchyard.model.trigger import Triggers


class StoreBusy(Unavailable):
    """Another process holds the database; the same commit may work later. Nothing was written."""

    code = "store-busy"


class StoreDoubtful(Unavailable):
    """The connection broke at the commit: all of it was written, or nothing.

    The same changes must come again, in their order and before any other; the store finds out and writes none
    of them twice.
    """

    code = "store-doubtful"


class Held(Conflict):
    """Another server works with this database; says which. It may be tried again at any time."""

    code = "database-held"


class Fenced(Unavailable):
    """Another server has taken this database over: this one writes nothing more. Nothing was written."""

    code = "database-taken-over"


class StoreFull(StorageFull):
    """No space left; nothing was written."""

    code = "store-full"


class StoreDamaged(LaunchyardError):
    """The file is not what we wrote: names the file and the recovery command. Nothing is served from it."""

    code = "store-damaged"


class SchemaTooNew(LaunchyardError):
    """Written by a newer Launchyard; this one refuses to touch it."""

    code = "schema-too-new"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs, newest id first. Empty means any. `before_id` is the cursor: only ids below it.

    Tasks that split off are jobs of their own; `array_job_id` selects the tasks of one array.
    `since` keeps jobs that were submitted or ended at or after it (seconds since 1970), `ended` those that
    have an end; with it, the jobs of one user and name are found at once however many others there are.
    """

    states: frozenset[JobState] = frozenset()
    user: str | None = None
    sight: Sight = EVERYBODYS
    """Of those that are chosen, whose jobs may be shown."""
    name: str | None = None
    partition: str | None = None
    partitions: frozenset[str] = frozenset()
    """Those of any of these."""
    group: str | None = None
    array_job_id: int | None = None
    since: float | None = None
    ended_since: float | None = None
    """Only those that ended at or after it, found at once however many ended before."""
    engine_id: str | None = None
    """Those that their engine knows by this id."""
    ended: bool = False
    named: bool = False
    """Only those with a submission id."""
    cards: bool = False
    """Only sessions whose card was not deleted, or whose settings are kept; of one user found at once."""
    without_tasks: bool = False
    """Not those that split off from an array."""
    ids: tuple[int, ...] = ()
    before_id: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StepQuery:
    """Which steps, by job, attempt and number. None and empty mean any.

    `since` keeps those that had not ended before it (seconds since 1970), `running` those without an end.
    """

    job_ids: tuple[int, ...] = ()
    user: str | None = None
    since: float | None = None
    running: bool = False
    limit: int = 100_000


class Store(Protocol):
    """Durable truth about jobs, tokens and node marks."""

    def commit(self, changes: Sequence[Change]) -> None:
        """All changes in one durable transaction, or none of them.

        Raises `StoreBusy`, `StoreFull`, `StoreDoubtful`, `Fenced`, or `ValueError` when a value cannot be
        stored (then the caller retries one change at a time).
        """

    def last_seq(self) -> int:
        """The highest committed `Change.seq`, 0 at first."""

    def next_job_id(self) -> int:
        """The counter: 1 at first, above the id of every job; never falls, not even when jobs are deleted."""

    def live_jobs(self) -> list[Job]:
        """All jobs that have not ended, by id."""

    def job(self, job_id: int) -> Job | None: ...

    def jobs(self, query: JobQuery) -> list[Job]: ...

    def old_jobs(
        self, *, ended_since: float, ended_before: float, newest: int | None, after_id: int, limit: int
    ) -> list[Job]:
        """Ended jobs above an id, the lowest first: those that ended between two moments, and those that are
        not among so many newest ended ones."""

    def job_of_submission(self, user: str, submission_id: str) -> Job | None: ...

    def job_of_task(self, array_job_id: int, index: int) -> Job | None: ...

    def end_states(self, job_ids: Iterable[int]) -> dict[int, JobState]:
        """The states of those of the given jobs that are known."""

    def task_states(self, array_job_id: int) -> dict[int, JobState]:
        """The states of an array's tasks that have split off, by index."""

    def texts(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Scripts and environments by digest; unknown digests are left out."""

    def digests(self, *, after: str, limit: int) -> list[str]:
        """Those of all texts, in their order, after one."""

    def digests_of_jobs(self, *, after_id: int, limit: int) -> tuple[set[str], int]:
        """Those that so many jobs above an id name, and the last of these ids; 0: there are no more."""

    def idempotency(self, user: str, key: str) -> Idempotency | None: ...

    def idempotencies(self, *, after: tuple[str, str], limit: int) -> list[Idempotency]:
        """All in the order of users and keys, after one."""

    def tokens(self) -> list[Token]:
        """All tokens, revoked ones too, oldest first."""

    def node_marks(self) -> list[NodeMark]: ...

    def spent(self) -> list[Spent]:
        """What each user has used of each account by each QOS, in that order."""

    def rules(self) -> str:
        """The rules that were put in force at run time, as text; empty: those of the configuration file."""

    def reservations(self) -> list[Reservation]:
        """All of the last change that brought some, by name."""

    def crontabs(self) -> list[Crontab]:
        """The last one of each user, by user id; one that was removed has no text."""

    def triggers(self) -> Triggers:
        """All of the last change that brought some."""

    def steps(self, query: StepQuery) -> list[Step]: ...

    def check(self) -> None:
        """Full integrity check; raises `StoreDamaged`."""

    def close(self) -> None: ...
