"""Finding the job that a path names, for the caller who asks: not there and not yours are one answer."""

import re
from dataclasses import dataclass

from launchyard.api.context import Context
from launchyard.controller.controller import JobRef, not_found
from launchyard.model.errors import Conflict, Invalid, Unavailable
from launchyard.model.job import Job
from launchyard.model.number import shown
from launchyard.model.parts import PARTS_MAX, ids_of
from launchyard.model.submission import Caller
from launchyard.policy.rights import reads, sees

_REF = re.compile(r"([1-9][0-9]{0,17})(?:_([0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """`index` is set when the job is an array's record that stands for one task of it."""

    job: Job
    index: int | None = None


def parse_ref(text: str) -> JobRef:
    """`12` or `12_3`."""
    match = _REF.fullmatch(text)
    if match is None:
        raise Invalid(f"{shown(text)} is not a job id; write for example 12, or 12_3 for task 3 of array 12")
    return JobRef(job_id=int(match[1]), index=None if match[2] is None else int(match[2]))


async def find(context: Context, caller: Caller, ref: JobRef, *, seen_by_all: bool = False) -> Found:
    """The job as it is now. Raises `NotFound`. `seen_by_all`: others' too where the site's policy says so."""
    found = await _find(context, ref)
    if found is None:
        _refuse_part(context, caller, ref)
        raise not_found(ref)
    visible = seen_by_all and (context.services.jobs_visible_to_all or sees(caller, found.job))
    if not (visible or reads(caller, found.job)):
        raise not_found(ref)
    return found


async def _find(context: Context, ref: JobRef) -> Found | None:
    controller, store = context.services.controller, context.services.store
    index = ref.index
    if index is None:
        live = controller.live_job(ref.job_id)
        job = live if live is not None else await context.read(lambda: store.job(ref.job_id))
        return None if job is None else Found(job)
    task = controller.live_task(ref.job_id, index)
    if task is not None:
        return Found(task)
    record = controller.live_job(ref.job_id)
    if record is None or record.array is None or index not in record.array.waiting:
        task = await context.read(lambda: store.job_of_task(ref.job_id, index))
        if task is None and record is not None and controller.hides:
            raise Unavailable(
                f"the server can tell of job {ref} when its database works again; try again then"
            )
        return None if task is None else Found(task)
    return Found(record, index)


def _refuse_part(context: Context, caller: Caller, ref: JobRef) -> None:
    """What is done to a job is done to all of its parts."""
    job = live_job_of_part(context, ref.job_id)
    if job is not None and sees(caller, job):
        raise Conflict(
            f"job {ref} is a part of job {job.id}, and its parts stay together; name job {job.id}",
            code="part",
        )


def live_job_of_part(context: Context, part_id: int) -> Job | None:
    """The live job of which a further part is known by this id. Its ids are in a row and nobody else's."""
    for job_id in range(part_id - 1, part_id - PARTS_MAX, -1):
        job = context.services.controller.live_job(job_id)
        if job is not None:
            return job if part_id in ids_of(job) else None
    return None
