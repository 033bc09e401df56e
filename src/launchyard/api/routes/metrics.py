"""Figures for Prometheus, for operators and administrators."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api.context import context_of
from launchyard.api.describe import Description, answers
from launchyard.api.metrics import PATH
from launchyard.api.query import Query
from launchyard.model.errors import NotFound

router = APIRouter()
METRICS: Description = {
    "summary": "Figures in the form of Prometheus; for operators and administrators.",
    **answers(200, {"type": "string"}, "The figures.", 400, media_type="text/plain"),
}


@router.get(PATH, openapi_extra=METRICS)
async def metrics(request: Request) -> Response:
    Query(request, ())
    found = context_of(request).services.metrics
    if found is None:
        raise NotFound("this server counts nothing")
    return found.response()
