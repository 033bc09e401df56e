"""For administrators: the audit records, and what is wrong with the configuration file."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describefiles as describe
from launchyard.api.answers import answer
from launchyard.api.context import context_of
from launchyard.api.operating import Operating
from launchyard.api.query import Query
from launchyard.model.errors import Unavailable

LISTED, LISTED_MAX = 200, 5_000

router = APIRouter()


@router.get("/v1/admin/audit", openapi_extra=describe.AUDIT)
async def audit(request: Request) -> Response:
    operating = _operating(request)
    most = Query(request, ("limit",)).whole("limit", 1, LISTED_MAX) or LISTED
    return answer({"records": await context_of(request).read(lambda: operating.audit(most))})


@router.get("/v1/admin/config", openapi_extra=describe.CONFIG)
async def config(request: Request) -> Response:
    operating = _operating(request)
    Query(request, ())
    return answer(await context_of(request).read(operating.file_state))


def _operating(request: Request) -> Operating:
    operating = context_of(request).services.operating
    if operating is None:
        raise Unavailable("this server keeps no log to read from")
    return operating
