"""The unlike parts of a job, each looked at as if it were a job of its own."""

from dataclasses import replace

from launchyard.model.frozen import changed
from launchyard.model.job import Job, PartOf

PARTS_MAX = 128


def as_parts(job: Job) -> tuple[Job, ...]:
    """A job for each part, with its id and partition, what it asks for and what it holds; else the job."""
    return tuple(as_part(job, number) for number in range(max(1, len(job.parts))))


def as_part(job: Job, number: int) -> Job:
    """One part of a job; of one piece, the job itself."""
    if not job.parts:
        return job
    part, attempt = job.parts[number], job.attempt
    if attempt is not None:
        attempt = replace(attempt, allocation=attempt.allocation.of_part(number))
    return changed(
        job,
        id=job.id + number,
        partition=part.partition,
        request=part.request,
        metadata={**job.metadata, **part.metadata},
        attempt=attempt,
        parts=(),
        part_of=PartOf(job_id=job.id, number=number, count=len(job.parts)),
    )


def ids_of(job: Job) -> range:
    """The ids by which the job and its parts are known."""
    return range(job.id, job.id + max(1, len(job.parts)))
