"""`GET /v1/tables/accounting`: jobs that wait, ran or ended in a span of time, or the ones named.

Live jobs are taken from the controller, ended ones from the store. What a job did in the span exactly, and
which of its states count, is for the caller to say: the rows are all that may matter.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import parse_ref
from launchyard.api.query import Query
from launchyard.api.rows import as_now
from launchyard.api.tables.accounting import COLUMNS, USAGE_COLUMNS, Use
from launchyard.api.tables.column import chosen, rows_of
from launchyard.api.tables.jobs import Row
from launchyard.api.tables.joined import owner_id
from launchyard.api.tables.parts import jobs_of_parts, parts_shown
from launchyard.controller.controller import JobRef
from launchyard.model.errors import Invalid
from launchyard.model.job import Job
from launchyard.model.sight import Sight
from launchyard.model.submission import Caller
from launchyard.policy.rights import reads, sight
from launchyard.store.protocol import JobQuery

PAGE = 10_000
IDS_MAX = 2_000
ROWS_MAX = 500_000
CHOSEN_BY = ("users", "accounts", "partitions", "names", "clusters")

router = APIRouter()


class _Asked(NamedTuple):
    """Empty means any. `sight` is whose jobs the caller may see."""

    since: float
    until: float | None
    sight: Sight
    users: frozenset[str]
    accounts: frozenset[str]
    partitions: frozenset[str]
    names: frozenset[str]
    clusters: frozenset[str]

    def wants(self, job: Job) -> bool:
        return (
            self.sight.covers(job)
            and (not self.users or job.user in self.users or str(job.uid) in self.users)
            and (not self.accounts or (job.account or "") in self.accounts)
            and (not self.partitions or job.partition in self.partitions or bool(job.parts))
            and (not self.names or job.name in self.names)
            and (not self.clusters or job.cluster in self.clusters)
            and (self.until is None or job.submitted_at < self.until)
            and (job.ended_at is None or job.ended_at >= self.since)
        )


@router.get("/v1/tables/accounting", openapi_extra=describe.ACCOUNTING_TABLE)
async def accounting(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("columns", "since", "until", "ids", *CHOSEN_BY))
    columns = chosen(given.text("columns"), COLUMNS)
    asked = _Asked(
        given.time("since") or 0.0,
        given.time("until"),
        sight(caller, visible_to_all=context.services.jobs_visible_to_all),
        *(_words(given.text(name)) for name in CHOSEN_BY),
    )
    ids = given.text("ids")
    jobs = await (_in_span(context, asked) if ids is None else _named(context, _refs(ids)))
    named = frozenset[int]() if ids is None else frozenset(ref.job_id for ref in _refs(ids))
    shown = [one for job in jobs if asked.wants(job) for one in parts_shown(job, named)]
    rows = [_row(context, caller, one) for one in shown if asked.wants(one)]
    return await context.read(lambda: answer({"rows": rows_of(rows, columns)}))


@router.get("/v1/tables/usage", openapi_extra=describe.USAGE_TABLE)
async def usage(request: Request) -> Response:
    """What jobs that run use at this moment, for their owners and those who may see everybody's jobs."""
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("columns", "ids"))
    columns = chosen(given.text("columns"), USAGE_COLUMNS)
    seen = sight(caller, visible_to_all=context.services.jobs_visible_to_all)
    ids = given.text("ids")
    at_work = sorted(context.services.controller.holding().items())
    jobs = [job for _, job in at_work] if ids is None else await _named(context, _refs(ids))
    known = await context.services.live_usage()
    rows = [
        Use(job, known[job.attempt.launch_id])
        for job in jobs
        if job.attempt is not None and job.attempt.launch_id in known and seen.covers(job)
    ]
    return answer({"rows": rows_of(rows, columns)})


def _row(context: Context, caller: Caller, job: Job) -> Row:
    reason = None if job.ended else context.services.controller.reason(owner_id(job))
    return Row(job, reason, reads(caller, job))


def _words(text: str | None) -> frozenset[str]:
    return frozenset(filter(None, (text or "").split(",")))


def _refs(text: str) -> list[JobRef]:
    words = text.split(",")
    if len(words) > IDS_MAX:
        raise Invalid(f"{len(words)} jobs are asked for; ask for at most {IDS_MAX} at once")
    return [parse_ref(word) for word in words]


async def _in_span(context: Context, asked: _Asked) -> Iterable[Job]:
    """Live jobs, and those that ended since."""
    controller, store = context.services.controller, context.services.store
    found = {job.id: job for job in controller.live_jobs()}
    query = JobQuery(
        ended=True,
        ended_since=asked.since,
        sight=asked.sight,
        name=_only(asked.names),
        partition=_only(asked.partitions),
        limit=PAGE,
    )
    while len(found) < ROWS_MAX:
        page = await context.read(partial(store.jobs, query))
        for job in filter(asked.wants, page):
            found.setdefault(job.id, job)
        if len(page) < PAGE:
            break
        query = replace(query, before_id=page[-1].id)
    # What had ended may have come back into the queue meanwhile.
    return ({job.id: job for job in controller.live_jobs() if job.id not in found} | found).values()


def _only(words: frozenset[str]) -> str | None:
    """The one word that the store can choose by."""
    return next(iter(words)) if len(words) == 1 else None


async def _named(context: Context, refs: list[JobRef]) -> Iterable[Job]:
    """The jobs of these ids, the tasks of those that are arrays, and tasks by array and index."""
    controller, store = context.services.controller, context.services.store
    ids = {ref.job_id for ref in refs if ref.index is None}
    # Looked at first: what ends meanwhile is in the store.
    found = {job.id: job for job in filter(None, map(controller.live_job, ids))}
    if ended := tuple(ids - found.keys()):
        query = JobQuery(ids=ended, limit=len(ended))
        found |= {job.id: job for job in await context.read(partial(store.jobs, query))}
    _add(found, await jobs_of_parts(context, ids - found.keys()))
    for record in [job for job in found.values() if job.array is not None]:
        await _add_tasks(context, record, found)
    for ref in refs:
        if ref.index is not None:
            live = controller.live_task(ref.job_id, ref.index)
            task = live or await context.read(partial(store.job_of_task, ref.job_id, ref.index))
            whole = None if task else controller.live_job(ref.job_id)
            if task is None and whole is None:
                whole = await context.read(partial(store.job, ref.job_id))
            _add(found, [task or whole])
    return await as_now(context, list(found.values()))


async def _add_tasks(context: Context, record: Job, found: dict[int, Job]) -> None:
    """All that split off from an array."""
    _add(found, context.services.controller.live_tasks(record.id))
    query = JobQuery(array_job_id=record.id, limit=PAGE)
    while True:
        page = await context.read(partial(context.services.store.jobs, query))
        _add(found, (job for job in page if job.id not in found))
        if len(page) < PAGE:
            break
        query = replace(query, before_id=page[-1].id)


def _add(found: dict[int, Job], jobs: Iterable[Job | None]) -> None:
    found.update({job.id: job for job in jobs if job is not None})
