"""The store in memory: for tests and simulations. Nothing outlives the process."""

from collections.abc import Collection, Iterable, Sequence
from threading import Lock

from launchyard.model.account import Spent
from launchyard.model.change import Change, Idempotency, NodeMark
from launchyard.model.crontab import Crontab
from launchyard.model.job import Job, digests_of
from launchyard.model.reservation import Reservation
from launchyard.model.state import JobState
from launchyard.model.step import Step
from launchyard.model.token import Token
from launchyard.model.trigger import Triggers
from launchyard.store import rows
from launchyard.store.protocol import JobQuery, StepQuery

Name = tuple[str, str] | tuple[int, int]


class MemoryStore:
    """Keeps what `store.protocol.Store` promises, but for durability."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seq = 0
        self._next_job_id = 1
        self._jobs: dict[int, Job] = {}
        self._owners: dict[Name, int | None] = {}
        self._texts: dict[str, bytes] = {}
        self._idempotency: dict[tuple[str, str], Idempotency] = {}
        self._tokens: dict[str, Token] = {}
        self._marks: dict[tuple[str, str], NodeMark] = {}
        self._spent: dict[tuple[str, str, str], Spent] = {}
        self._rules = ""
        self._reservations: tuple[Reservation, ...] = ()
        self._steps: dict[tuple[int, int, int], Step] = {}
        self._crontabs: dict[int, Crontab] = {}
        self._triggers = Triggers()

    def commit(self, changes: Sequence[Change]) -> None:
        jobs = rows.last_rows(changes)
        for change in changes:
            rows.refuse_unstorable(change)
        for job in jobs:
            rows.job_row(job)
        for step in rows.last_steps(changes):
            rows.step_row(step)
        with self._lock:
            names = self._names_after(jobs)
            gone = {key for change in changes for key in change.forgotten_keys}
            keys = self._keys_after(changes, gone)
            for digest in (digest for change in changes for digest in change.forgotten_texts):
                self._texts.pop(digest, None)
            self._idempotency = {name: key for name, key in self._idempotency.items() if name not in gone}
            for change in changes:
                self._keep(change)
            self._seq, self._next_job_id = rows.counters(self._seq, self._next_job_id, changes, jobs)
            self._jobs.update({job.id: job for job in jobs})
            self._owners.update(names)
            self._idempotency.update(keys)
            for job_id in (job_id for change in changes for job_id in change.forgotten):
                self._forget(job_id)

    def _forget(self, job_id: int) -> None:
        job = self._jobs.pop(job_id, None)
        for name in _second_names(job):
            self._owners.pop(name, None)
        self._steps = {key: step for key, step in self._steps.items() if key[0] != job_id}

    def _keep(self, change: Change) -> None:
        self._texts.update({d: bytes(text) for d, text in change.texts.items() if d not in self._texts})
        self._tokens.update({token.id: token for token in change.tokens})
        self._marks.update({(mark.cluster, mark.name): mark for mark in change.nodes})
        self._spent.update({rows.spent_key(one): one for one in change.spent})
        self._steps.update({step.key: step for step in change.steps})
        self._crontabs.update({one.uid: one for one in change.crontabs})
        self._triggers = self._triggers if change.triggers is None else change.triggers
        self._rules = self._rules if change.rules is None else change.rules
        if change.reservations is not None:
            self._reservations = change.reservations

    def _names_after(self, jobs: Sequence[Job]) -> dict[Name, int | None]:
        """Whose the second names are that these jobs have or had. Raises `ValueError` for one taken."""
        after: dict[Name, int | None] = {}
        for job in jobs:
            before = self._jobs.get(job.id)
            after.update(dict.fromkeys(_second_names(before)))
            for name in _second_names(job):
                owner = after.get(name, self._owners.get(name))
                if owner not in (None, job.id):
                    raise ValueError(f"job {job.id} has the second name {name[1]!r} of job {owner}")
                after[name] = job.id
        return after

    def _keys_after(
        self, changes: Sequence[Change], gone: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], Idempotency]:
        after: dict[tuple[str, str], Idempotency] = {}
        for key in (key for change in changes for key in change.idempotency):
            name = (key.user, key.key)
            kept = after.get(name) or (None if name in gone else self._idempotency.get(name))
            if kept is not None and not rows.same_request(kept, key):
                raise ValueError(f"the idempotency key {key.key!r} belongs to another request")
            after[name] = kept or key
        return after

    def last_seq(self) -> int:
        return self._seq

    def next_job_id(self) -> int:
        return self._next_job_id

    def live_jobs(self) -> list[Job]:
        return sorted((job for job in self._copy() if not job.ended), key=lambda job: job.id)

    def job(self, job_id: int) -> Job | None:
        return self._jobs.get(job_id)

    def jobs(self, query: JobQuery) -> list[Job]:
        found = [job for job in self._copy() if _fits(job, query)]
        return sorted(found, key=lambda job: -job.id)[: max(0, query.limit)]

    def old_jobs(
        self, *, ended_since: float, ended_before: float, newest: int | None, after_id: int, limit: int
    ) -> list[Job]:
        ended = sorted((job for job in self._copy() if job.ended_at is not None), key=lambda job: job.id)
        beyond = set() if newest is None else {job.id for job in ended[: max(0, len(ended) - newest)]}
        old = [
            job for job in ended if ended_since <= (job.ended_at or 0.0) < ended_before or job.id in beyond
        ]
        return [job for job in old if job.id > after_id][:limit]

    def job_of_submission(self, user: str, submission_id: str) -> Job | None:
        return self._named((user, submission_id))

    def job_of_task(self, array_job_id: int, index: int) -> Job | None:
        return self._named((array_job_id, index))

    def end_states(self, job_ids: Iterable[int]) -> dict[int, JobState]:
        with self._lock:
            return {job_id: self._jobs[job_id].state for job_id in job_ids if job_id in self._jobs}

    def task_states(self, array_job_id: int) -> dict[int, JobState]:
        tasks = [(job.task, job.state) for job in self._copy() if job.task is not None]
        return {task.index: state for task, state in tasks if task.job_id == array_job_id}

    def texts(self, digests: Iterable[str]) -> dict[str, bytes]:
        with self._lock:
            return {digest: self._texts[digest] for digest in digests if digest in self._texts}

    def digests(self, *, after: str, limit: int) -> list[str]:
        with self._lock:
            return sorted(digest for digest in self._texts if digest > after)[:limit]

    def digests_of_jobs(self, *, after_id: int, limit: int) -> tuple[set[str], int]:
        jobs = sorted((job for job in self._copy() if job.id > after_id), key=lambda job: job.id)[:limit]
        return digests_of(jobs), jobs[-1].id if jobs else 0

    def idempotency(self, user: str, key: str) -> Idempotency | None:
        return self._idempotency.get((user, key))

    def idempotencies(self, *, after: tuple[str, str], limit: int) -> list[Idempotency]:
        with self._lock:
            return [key for name, key in sorted(self._idempotency.items()) if name > after][:limit]

    def tokens(self) -> list[Token]:
        with self._lock:
            return sorted(self._tokens.values(), key=lambda token: (token.created_at, token.id))

    def node_marks(self) -> list[NodeMark]:
        with self._lock:
            return [self._marks[name] for name in sorted(self._marks)]

    def spent(self) -> list[Spent]:
        with self._lock:
            return [self._spent[key] for key in sorted(self._spent)]

    def rules(self) -> str:
        return self._rules

    def reservations(self) -> list[Reservation]:
        return sorted(self._reservations, key=lambda one: one.name)

    def crontabs(self) -> list[Crontab]:
        with self._lock:
            return [self._crontabs[uid] for uid in sorted(self._crontabs)]

    def triggers(self) -> Triggers:
        return self._triggers

    def steps(self, query: StepQuery) -> list[Step]:
        with self._lock:
            found = [step for step in self._steps.values() if _step_fits(step, query)]
        return sorted(found, key=lambda step: step.key)[: max(0, query.limit)]

    def check(self) -> None:
        """Nothing here can be damaged."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _copy(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def _named(self, name: Name) -> Job | None:
        with self._lock:
            owner = self._owners.get(name)
            return None if owner is None else self._jobs[owner]


def _second_names(job: Job | None) -> list[Name]:
    """What finds a job beside its id: a name that its user gave, its place in an array."""
    names: list[Name] = []
    if job is not None and job.submission_id is not None:
        names.append((job.user, job.submission_id))
    if job is not None and job.task is not None:
        names.append((job.task.job_id, job.task.index))
    return names


def _fits(job: Job, query: JobQuery) -> bool:
    return (
        (not query.states or job.state in query.states)
        and query.user in (None, job.user)
        and query.sight.covers(job)
        and query.name in (None, job.name)
        and query.partition in (None, job.partition)
        and (not query.partitions or job.partition in query.partitions)
        and query.group in (None, job.group)
        and query.engine_id in (None, job.engine_id)
        and (query.array_job_id is None or (job.task is not None and job.task.job_id == query.array_job_id))
        and (query.since is None or max(job.submitted_at, job.ended_at or 0.0) >= query.since)
        and (query.ended_since is None or (job.ended_at is not None and job.ended_at >= query.ended_since))
        and (not query.ended or job.ended_at is not None)
        and (not query.named or job.submission_id is not None)
        and (not query.without_tasks or job.task is None)
        and (not query.cards or rows.card_of(job) is not None)
        and (not query.ids or job.id in query.ids)
        and (query.before_id is None or job.id < query.before_id)
    )


def _step_fits(step: Step, query: StepQuery) -> bool:
    return (
        (not query.job_ids or step.job_id in query.job_ids)
        and query.user in (None, step.user)
        and (query.since is None or step.ended_at is None or step.ended_at >= query.since)
        and (not query.running or step.ended_at is None)
    )
