"""What a code means: the `type` of each problem document leads here, and that of `GET /v1/jobs/{job}/why`."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describefiles as describe
from launchyard.api.answers import answer
from launchyard.api.query import Query
from launchyard.model.errors import NotFound
from launchyard.model.number import shown
from launchyard.policy.catalogue import entry_of

router = APIRouter()


@router.get("/v1/errors/{code}", openapi_extra=describe.REFUSAL)
async def refusal(request: Request) -> Response:
    Query(request, ())
    code = request.path_params["code"]
    entry = entry_of(code)
    if entry is None:
        raise NotFound(
            f"there is no error code {shown(code)}; docs/reference has all (refusals, waiting, errors)"
        )
    return answer({"code": code, "meaning": entry.meaning, "help": entry.help, "command": entry.command})
