"""Tables: `GET /v1/tables/{name}?columns=a,b` answers `{"rows": [[...], ...]}` with just these columns.

For programs that show many rows and need a few facts of each: ten thousand jobs are a few hundred kilobytes
and some milliseconds. Times are seconds since 1970, what is not known is null.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import caller_of, context_of
from launchyard.api.listing import of_caller
from launchyard.api.query import Query
from launchyard.api.tables import jobs as job_table
from launchyard.api.tables.column import chosen, rows_of
from launchyard.store.protocol import JobQuery

router = APIRouter()


@router.get("/v1/tables/jobs", openapi_extra=describe.JOB_TABLE)
async def jobs(request: Request) -> Response:
    """Live jobs. What belongs to somebody else is left out unless the caller may see it."""
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("columns", "user"))
    columns = chosen(given.text("columns"), job_table.COLUMNS)
    others = caller.admin or context.services.jobs_visible_to_all
    query = of_caller(JobQuery(user=given.text("user")), user=caller.user, others=others)
    controller = context.services.controller
    rows = [
        job_table.Row(job, controller.reason(job.id), caller.admin or job.uid == caller.uid)
        for job in controller.live_jobs()
        if query is not None and query.user in (None, job.user)
    ]
    return await context.read(lambda: answer({"rows": rows_of(rows, columns)}))
