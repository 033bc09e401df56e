"""Tables: `GET /v1/tables/{name}?columns=a,b` answers `{"rows": [[...], ...]}` with just these columns.

For programs that show many rows and need a few facts of each: ten thousand jobs are a few hundred kilobytes
and some milliseconds. Times are seconds since 1970, what is not known is null.
"""

from collections.abc import Callable, Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.query import Query
from launchyard.api.tables.column import chosen, rows_of
from launchyard.api.tables.jobs import COLUMNS, LOGGED, REASONED, WEIGHED, Row
from launchyard.api.tables.select import PARAMETERS, selected, selection_of
from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.model.state import JobState
from launchyard.model.submission import Caller
from launchyard.policy.order import Ordering
from launchyard.policy.priority import Factors, factors, weights_of

router = APIRouter()


@router.get("/v1/tables/jobs", openapi_extra=describe.JOB_TABLE)
async def jobs(request: Request) -> Response:
    """Live jobs, or also recent ones. What belongs to others is left out unless the caller may see it."""
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("columns", *PARAMETERS))
    names = given.text("columns")
    columns = chosen(names, COLUMNS)
    others = caller.admin or context.services.jobs_visible_to_all
    asked = selection_of(given, None if others else caller.user)
    since = context.services.clock() - context.services.slurm.min_job_age_s
    found = await selected(context, asked, since)
    wanted = frozenset((names or ",".join(COLUMNS)).split(","))
    rows = _joined(context, caller, found, wanted)
    return await context.read(lambda: answer({"rows": rows_of(rows(), columns)}))


def _joined(
    context: Context, caller: Caller, jobs: Sequence[Job], wanted: frozenset[str]
) -> Callable[[], list[Row]]:
    """What makes the rows: in a thread, for only reasons are read here, on the loop."""
    services = context.services
    controller, now = services.controller, services.clock()
    reasons: dict[int, Reason | None] = {}
    if wanted & REASONED:
        reasons = {job.id: controller.reason(job.id) for job in jobs if _waits(job)}
    ordering = controller.ordering if wanted & WEIGHED else None
    logs = services.logs if wanted & LOGGED else None

    def rows() -> list[Row]:
        made = []
        for job in jobs:
            mine = caller.admin or job.uid == caller.uid
            parts = None if ordering is None else _factors(ordering, job, controller.seconds(job), now)
            path = logs.path(job) if logs is not None and mine else None
            made.append(Row(job, reasons.get(job.id), mine, parts, path))
        return made

    return rows


def _waits(job: Job) -> bool:
    return job.state is JobState.PENDING or job.array is not None


def _factors(ordering: Ordering, job: Job, seconds: float, now: float) -> Factors:
    """Of a job that has started or ended, what it had when it did."""
    return factors(ordering, job, seconds, job.started_at or job.ended_at or now)


@router.get("/v1/slurm", openapi_extra=describe.SLURM)
async def slurm(request: Request) -> Response:
    """What the drop-in commands have to know of this site."""
    return answer(context_of(request).services.slurm)


@router.get("/v1/slurm/weights", openapi_extra=describe.WEIGHTS)
async def weights(request: Request) -> Response:
    """What each part of a priority counts for, in the order that is in force."""
    return answer(weights_of(context_of(request).services.controller.ordering)._asdict())
