"""What a refusal means: the `type` of each problem document leads here."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describefiles as describe
from launchyard.api.answers import answer
from launchyard.api.query import Query
from launchyard.model.errors import NotFound
from launchyard.model.number import shown
from launchyard.model.refusals import FORM, REFUSALS

router = APIRouter()


@router.get("/v1/errors/{code}", openapi_extra=describe.REFUSAL)
async def refusal(request: Request) -> Response:
    Query(request, ())
    code = request.path_params["code"]
    entry = REFUSALS.get(FORM if code.startswith(f"{FORM}:") else code)
    if entry is None:
        raise NotFound(f"there is no error code {shown(code)}; docs/reference/refusals.md has all")
    return answer({"code": code, "meaning": entry.meaning, "help": entry.help, "command": entry.command})
