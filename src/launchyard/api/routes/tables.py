"""Tables: `GET /v1/tables/{name}?columns=a,b` answers `{"rows": [[...], ...]}` with just these columns.

For programs that show many rows and need a few facts of each: ten thousand jobs are a few hundred kilobytes
and some milliseconds. Times are seconds since 1970, what is not known is null. With `by_column=1` the answer
is `{"count": n, "constants": {"a": 1}, "columns": {"b": [...]}}`: what is the same in all rows is told once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.api.tables.column import chosen
from launchyard.api.tables.jobs import COLUMNS
from launchyard.api.tables.joined import Joined, without_constants
from launchyard.api.tables.select import PARAMETERS, selected, selection_of
from launchyard.policy.priority import weights_of
from launchyard.policy.rights import sight

router = APIRouter()


@router.get("/v1/tables/jobs", openapi_extra=describe.JOB_TABLE)
async def jobs(request: Request) -> Response:
    """Live jobs, or also recent ones. What belongs to others is left out unless the caller may see it."""
    context, caller = context_of(request), caller_of(request)
    given = Query(request, ("columns", "by_column", *PARAMETERS))
    names = (given.text("columns") or ",".join(COLUMNS)).split(",")
    chosen(",".join(names), COLUMNS)
    asked = selection_of(given, sight(caller, visible_to_all=context.services.jobs_visible_to_all))
    since = context.services.clock() - context.services.slurm.min_job_age_s
    found = await selected(context, asked, since)
    joined = Joined(context, caller, found, names)
    if given.flag("by_column"):
        return await context.read(lambda: answer(without_constants(joined.columns(), len(found))))
    return await context.read(lambda: answer({"rows": _rows(joined.columns(), names)}))


def _rows(columns: Mapping[str, Sequence[Any]], names: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(columns[name] for name in names), strict=True))


@router.get("/v1/slurm", openapi_extra=describe.SLURM)
async def slurm(request: Request) -> Response:
    """What the drop-in commands have to know of this site."""
    services = context_of(request).services
    return answer({**asdict(services.slurm), "clusters": list(services.controller.clusters.names)})


@router.get("/v1/slurm/weights", openapi_extra=describe.WEIGHTS)
async def weights(request: Request) -> Response:
    """What each part of a priority counts for, in the order that is in force."""
    return answer(weights_of(context_of(request).services.controller.ordering)._asdict())
