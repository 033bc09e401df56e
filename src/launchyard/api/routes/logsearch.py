"""Looking through the whole log of a job on the server: where a text is, and which lines tell of errors."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import pages
from launchyard.api.answers import answer
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.lookup import find, parse_ref
from launchyard.api.query import Query
from launchyard.api.services import LogSearch
from launchyard.model.errors import Invalid, Unavailable
from launchyard.model.job import Job
from launchyard.model.number import shown

TEXT_MAX = 500
MATCHES_DEFAULT, MATCHES_MAX = 200, 1_000
OFFSET_MAX = 2**49
STREAMS = ("stdout", "stderr", "setup")

router = APIRouter()


@router.get("/v1/jobs/{job}/logs/search", openapi_extra=pages.LOG_SEARCH)
async def search(request: Request) -> Response:
    given = Query(request, ("q", "stream", "offset", "line", "limit"))
    text = given.text("q")
    if not text or len(text) > TEXT_MAX or "\n" in text:
        raise Invalid(f"q is {shown(text or '')}; write what to look for, a part of one line")
    offset, line = given.whole("offset", 0, OFFSET_MAX) or 0, given.whole("line", 1, OFFSET_MAX) or 1
    limit = given.whole("limit", 1, MATCHES_MAX) or MATCHES_DEFAULT
    job, stream, looked = await _log(request, given)
    return answer(await looked.search(job, stream, text, offset=offset, line=line, limit=limit))


@router.get("/v1/jobs/{job}/logs/marks", openapi_extra=pages.LOG_MARKS)
async def marks(request: Request) -> Response:
    job, stream, looked = await _log(request, Query(request, ("stream",)))
    return answer(await looked.marks(job, stream))


async def _log(request: Request, given: Query) -> tuple[Job, str, LogSearch]:
    context, caller = context_of(request), caller_of(request)
    found = await find(context, caller, parse_ref(request.path_params["job"]))
    stream = given.text("stream") or "stdout"
    if stream not in STREAMS:
        raise Invalid(f"stream is {shown(stream)}; it is stdout, stderr or setup")
    return found.job, stream, _search_of(context)


def _search_of(context: Context) -> LogSearch:
    if context.services.log_search is None:
        raise Unavailable("logs cannot be looked through here")
    return context.services.log_search
