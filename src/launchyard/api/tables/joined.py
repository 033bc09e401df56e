"""Jobs with what is joined when they are read: why they wait, their priority, where their output is.

These change without the job and are made anew for each answer; what is a job's own is kept (`kept`).
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from launchyard.api.context import Context
from launchyard.api.tables.jobs import COLUMNS, LOGGED, REASONED, WEIGHED, Row
from launchyard.controller.controller import Controller
from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.model.state import JobState
from launchyard.model.submission import Caller
from launchyard.policy.priority import factors, numbers
from launchyard.policy.rights import reads

CHANGING = REASONED | WEIGHED
SENTENCES = frozenset({"reason"})
"""Columns that differ in each job that waits."""
THROTTLE = "array_throttle"
BRIEF = {"reason_code": "code", "reason_scope": "scope"}


class Joined:
    """Made on the loop, where reasons are read; `columns` does the rest, in a thread."""

    def __init__(self, context: Context, caller: Caller, jobs: Sequence[Job], names: Sequence[str]) -> None:
        services = context.services
        self._jobs, self._names = jobs, names
        self._tables = context.job_tables
        self._now, self._seconds = services.clock(), services.controller.seconds
        self._least_nodes = services.controller.administration.least_nodes
        self._mine = [reads(caller, job) for job in jobs]
        wanted = set(names)
        self._ordering = services.controller.ordering if wanted & WEIGHED else None
        self._logs = services.logs if wanted & LOGGED else None
        self._throttles = _throttles(services.controller, jobs) if THROTTLE in wanted else {}
        self._reasons: Mapping[int, Reason | None] = {}
        if wanted & SENTENCES:
            reason = services.controller.reason
            self._reasons = {job.id: reason(owner_id(job)) for job in jobs if _may_wait(job)}
        elif wanted & REASONED:
            parts = [job for job in jobs if job.part_of is not None]
            whole = [job for job in jobs if job.part_of is None] if parts else jobs
            self._reasons = services.controller.reason_codes(whole)
            if parts:
                reason = services.controller.reason
                told = {job.id: reason(owner_id(job)) for job in parts if _may_wait(job)}
                self._reasons = {**self._reasons, **told}

    def columns(self) -> dict[str, Sequence[Any]]:
        """The values of each column, in the order of the jobs."""
        own = tuple(name for name in self._names if name not in CHANGING)
        # In one row and out again by steps, which is quicker than to zip ten thousand rows.
        values = list(chain.from_iterable(self._tables.values(self._jobs, own, self._mine)))
        found: dict[str, Sequence[Any]] = {name: values[at :: len(own)] for at, name in enumerate(own)}
        found |= {name: self._changing(name) for name in self._names if name in CHANGING}
        found |= {name: self._with_logs(found[name]) for name in LOGGED & found.keys()}
        if self._throttles:
            found[THROTTLE] = self._with_throttles(found[THROTTLE])
        if "node_count" in found:
            found["node_count"] = self._with_least(found["node_count"])
        return {name: found.get(name, ()) for name in self._names}

    def _changing(self, name: str) -> Sequence[Any]:
        if name == "priority" and self._ordering is not None:
            return numbers(self._ordering, self._jobs, self._seconds, self._now)
        if name in BRIEF:
            read = attrgetter(BRIEF[name])
            found = (self._reasons.get(job.id) for job in self._jobs)
            return [None if reason is None else read(reason) for reason in found]
        if name == "estimate_start":
            return [None] * len(self._jobs)
        column = COLUMNS[name]
        return [column(self._row(job, mine)) for job, mine in zip(self._jobs, self._mine, strict=True)]

    def _with_logs(self, paths: Sequence[str | None]) -> Sequence[str | None]:
        """Where a job has no file of its own, the one that we keep; what waits has none yet."""
        logs = self._logs
        if logs is None or None not in paths:
            return paths
        return [
            path if path is not None or not mine or job.attempt is None else logs.path(job)
            for path, job, mine in zip(paths, self._jobs, self._mine, strict=True)
        ]

    def _with_throttles(self, own: Sequence[int | None]) -> Sequence[int | None]:
        """Of a task that of its array."""
        return [
            throttle if job.task is None else self._throttles.get(job.task.job_id)
            for throttle, job in zip(own, self._jobs, strict=True)
        ]

    def _with_least(self, counts: Sequence[int]) -> Sequence[int]:
        """Tasks that wait are not on nodes yet: so many as they need at least."""
        return [
            count if job.attempt is not None or not job.request.tasks else self._least_nodes(job)
            for count, job in zip(counts, self._jobs, strict=True)
        ]

    def _row(self, job: Job, mine: bool) -> Row:
        parts = None
        if self._ordering is not None:
            at = job.started_at or job.ended_at or self._now
            parts = factors(self._ordering, job, self._seconds(job), at)
        return Row(job, self._reasons.get(job.id), mine, parts)


def _throttles(controller: Controller, jobs: Sequence[Job]) -> dict[int, int]:
    """Of the live arrays that these are tasks of, where they have one."""
    found = {}
    for array_id in {job.task.job_id for job in jobs if job.task is not None}:
        record = controller.live_job(array_id)
        if record is not None and record.array is not None and record.array.throttle:
            found[array_id] = record.array.throttle
    return found


def _may_wait(job: Job) -> bool:
    return job.state is JobState.PENDING or job.array is not None


def owner_id(job: Job) -> int:
    """Its own, or that of the job of which it is a part."""
    return job.id if job.part_of is None else job.part_of.job_id


def without_constants(columns: Mapping[str, Sequence[Any]], count: int) -> dict[str, Any]:
    """Columns that hold one value alone are told once."""
    constants, rest = {}, {}
    for name, values in columns.items():
        if count > 1 and values[0] == values[-1] and list(values).count(values[0]) == count:
            constants[name] = values[0]
        else:
            rest[name] = values
    return {"count": count, "constants": constants, "columns": rest}
