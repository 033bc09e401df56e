"""From the store into memory: how the jobs ended that a new or restored job waits for."""

import asyncio
from dataclasses import dataclass

from launchyard.controller.live import LiveJobs
from launchyard.model.dependency import Clause, DependencyKind, format_clause
from launchyard.model.job import Job
from launchyard.model.state import ENDED
from launchyard.policy.dependencies import seen_of
from launchyard.store.protocol import JobQuery, Store

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Named:
    """A job that a dependency names, None when there is none of this id."""

    name: str
    found: Job | None


async def recall(store: Store, live: LiveJobs, job: Job) -> list[Named]:
    """Take in the ends of what `job` waits for; the answer has each job that it names."""
    named: list[Named] = []
    for clause in job.dependency.jobs if job.dependency is not None else ():
        found = _live(live, clause)
        if found is None:
            found = await _stored(store, clause)
            if found is not None:
                live.waits.remember(clause.job_id, clause.index, seen_of(found))
        if found is not None and clause.kind is DependencyKind.AFTERCORR and found.array is not None:
            await _recall_tasks(store, live, clause.job_id)
        named.append(Named(format_clause(clause).partition(":")[2], found))
    return named


def _live(live: LiveJobs, clause: Clause) -> Job | None:
    record = live.jobs.get(clause.job_id)
    if clause.index is None or record is None or record.array is None:
        return record if clause.index is None else None
    waits = clause.index in record.array.waiting
    return record if waits else live.task(clause.job_id, clause.index)


async def _stored(store: Store, clause: Clause) -> Job | None:
    if clause.index is None:
        return await asyncio.to_thread(store.job, clause.job_id)
    return await asyncio.to_thread(store.job_of_task, clause.job_id, clause.index)


async def _recall_tasks(store: Store, live: LiveJobs, array_job_id: int) -> None:
    """The ends of all its tasks, page by page."""
    before_id: int | None = None
    while True:
        query = JobQuery(array_job_id=array_job_id, states=ENDED, before_id=before_id, limit=PAGE)
        page = await asyncio.to_thread(store.jobs, query)
        for task in page:
            if task.task is not None:
                live.waits.remember(array_job_id, task.task.index, seen_of(task))
        if len(page) < PAGE:
            return
        before_id = page[-1].id
