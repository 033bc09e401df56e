"""The caller's own crontab, as scrontab shows, replaces and removes it."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.body import read_as
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.controller.crontabs import BadLine
from launchyard.wire.crontabs import CrontabJobs, CrontabText, PutCrontab, at_lines, to_lines

router = APIRouter()


@router.get("/v1/slurm/crontab", openapi_extra=describe.CRONTAB)
async def show(request: Request) -> Response:
    Query(request, ())
    crontabs = context_of(request).services.controller.crontabs
    return answer(CrontabText(text=crontabs.text(caller_of(request).uid)))


@router.post("/v1/slurm/crontab", openapi_extra=describe.PUT_CRONTAB)
async def put(request: Request) -> Response:
    body = await read_as(PutCrontab, request)
    lines = to_lines(body)
    crontabs = context_of(request).services.controller.crontabs
    try:
        jobs = await crontabs.replace(caller_of(request), body.text, lines)
    except BadLine as bad:
        raise at_lines(bad.error, body.lines[bad.position]) from None
    return answer(CrontabJobs(jobs=[job.id for job in jobs]), 201)


@router.delete("/v1/slurm/crontab", openapi_extra=describe.REMOVE_CRONTAB)
async def remove(request: Request) -> Response:
    Query(request, ())
    await context_of(request).services.controller.crontabs.remove(caller_of(request))
    return answer(CrontabJobs(jobs=[]))
