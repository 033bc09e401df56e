"""Pages of jobs, newest first: live jobs as they are now, ended ones from the store, merged without a gap.

The store's rows of live jobs lag a moment behind, so a live job is always taken from the controller. Where
only live states are asked for, the store is not asked at all.
"""

import heapq
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from launchyard.api.context import Context
from launchyard.api.rows import as_now
from launchyard.controller.tally import Group
from launchyard.model.errors import Invalid
from launchyard.model.job import Job
from launchyard.model.number import is_digits, shown
from launchyard.model.sight import Sight
from launchyard.model.state import ENDED
from launchyard.store.protocol import JobQuery

IDS_MAX = 500


@dataclass(frozen=True, slots=True)
class Page:
    """`before_id` is where the next page begins; None: this is the last."""

    jobs: list[Job]
    before_id: int | None


async def page_of(context: Context, query: JobQuery) -> Page:
    """The jobs that match, at most `query.limit`."""
    controller = context.services.controller
    live_only = bool(query.states) and not query.states & ENDED
    # A page needs no more than the newest of them.
    live = controller.newest(partial(_concerns, query), query.before_id)
    found = list(islice((job for job in live if matches(job, query)), query.limit))
    floor = 0
    if not live_only:
        rows = await context.read(lambda: context.services.store.jobs(query))
        ids = {job.id for job in found}
        others = [row for row in rows if row.id not in ids]
        now = await as_now(context, others)
        found += [job for row, job in zip(others, now, strict=True) if job is row or matches(job, query)]
        # Beyond the end of a full page the store has rows that were not read: they belong to the next page.
        floor = rows[-1].id if len(rows) == query.limit else 0
    newest = heapq.nlargest(query.limit, (job for job in found if job.id >= floor), key=lambda job: job.id)
    more = len(newest) == query.limit or floor > 0
    last = newest[-1].id if len(newest) == query.limit else floor
    return Page(newest, last if more else None)


def _concerns(query: JobQuery, group: Group) -> bool:
    """Whether jobs of the group can match at all."""
    return (
        (not query.states or group.state in query.states)
        and (not query.ended or group.state in ENDED)
        and query.user in (None, group.user)
        and query.sight.has(group.user, group.account)
    )


def matches(job: Job, query: JobQuery) -> bool:
    """What the store's own query says, for a job in memory."""
    return (
        (query.name is None or job.name == query.name)
        and (query.group is None or job.group == query.group)
        and (query.partition is None or job.partition == query.partition)
        and (not query.partitions or job.partition in query.partitions)
        and (not query.states or job.state in query.states)
        and (query.before_id is None or job.id < query.before_id)
        and (query.user is None or job.user == query.user)
        and query.sight.covers(job)
        and (query.engine_id is None or job.engine_id == query.engine_id)
        and (query.array_job_id is None or (job.task is not None and job.task.job_id == query.array_job_id))
        and (not query.ended or job.ended_at is not None)
        and (not query.named or job.submission_id is not None)
        and (not query.without_tasks or job.task is None)
        and (query.since is None or max(job.submitted_at, job.ended_at or 0) >= query.since)
        and (query.ended_since is None or (job.ended_at is not None and job.ended_at >= query.ended_since))
    )


def of_sight(query: JobQuery, sight: Sight) -> JobQuery | None:
    """The query narrowed to what the caller may see; None: nothing of it."""
    if sight.user is None:
        return query
    if query.user not in (None, sight.user) and not sight.accounts:
        return None
    if not sight.accounts:
        return replace(query, user=sight.user)
    return replace(query, sight=sight)


def parse_ids(text: str) -> tuple[int, ...]:
    """`12,14`. Raises `Invalid`."""
    words = text.split(",")
    if len(words) > IDS_MAX:
        raise Invalid(f"{len(words)} ids are asked for; ask for at most {IDS_MAX} at once")
    for word in words:
        if not is_digits(word) or len(word) > 15:
            raise Invalid(f"ids has {shown(word)}, which is no job id; write for example ids=12,14")
    return tuple(int(word) for word in words)


async def page_of_ids(context: Context, query: JobQuery, ids: tuple[int, ...]) -> Page:
    """The jobs of these ids as they are now, of those that the caller may see."""
    controller = context.services.controller
    live = {id: job for id in ids if (job := controller.live_job(id)) is not None}
    rest = tuple(id for id in ids if id not in live)
    wanted = JobQuery(user=query.user, sight=query.sight, ids=rest, limit=len(ids))
    rows = await context.read(partial(context.services.store.jobs, wanted)) if rest else []
    mine = [job for job in live.values() if query.user in (None, job.user) and query.sight.covers(job)]
    return Page(sorted([*mine, *rows], key=lambda job: -job.id), None)
