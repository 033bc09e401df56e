"""Jobs of unlike parts in tables: a row for each part, found by the job's id or by that of the part."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial

from launchyard.api.context import Context
from launchyard.api.lookup import live_job_of_part
from launchyard.model.job import Job
from launchyard.model.parts import as_parts, ids_of
from launchyard.model.step import Step
from launchyard.store.protocol import JobQuery, Store

LOOKED_FOR = 100
"""So many ids that no job has are looked for among parts."""


def parts_shown(job: Job, ids: Collection[int]) -> Iterable[Job]:
    """The parts of a job, all or those that are named; a job of one piece as it is."""
    if not job.parts:
        return (job,)
    return [one for one in as_parts(job) if not ids or job.id in ids or one.id in ids]


def step_by_parts(step: Step, job: Job) -> Iterable[tuple[Step, Job]]:
    """A step in each part of its job in which it has tasks, with that part."""
    if not job.parts:
        return ((step, job),)
    found = []
    for number, part in enumerate(as_parts(job)):
        shares = tuple(share for share in step.shares if share.part == number)
        if shares:
            found.append((replace(step, job_id=part.id, shares=shares), part))
    return found


async def jobs_of_parts(context: Context, ids: Iterable[int]) -> list[Job]:
    """The jobs, live or ended, of which further parts are known by these ids."""
    found = []
    for part_id in sorted(ids)[:LOOKED_FOR]:
        live = live_job_of_part(context, part_id)
        if live is not None:
            found.append(live)
        else:
            found += await context.read(partial(ended_of_part, context.services.store, part_id))
    return found


def ended_of_part(store: Store, part_id: int) -> list[Job]:
    """The job with the highest id below this one, if the id is one of its parts'."""
    return [job for job in store.jobs(JobQuery(before_id=part_id, limit=1)) if part_id in ids_of(job)]
