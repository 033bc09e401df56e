"""Uploads in pieces: ask how much is here, send on from there; what was cut goes on later, from anywhere.

An upload is known by its path and by a number that the client makes, 32 hexadecimal digits: made of name,
size and time of the file, the same file goes on even after the browser was closed.
"""

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describefiles as describe
from launchyard.api.answers import answer
from launchyard.api.folders import checked_path, files_of, who
from launchyard.api.packages import pieces_of
from launchyard.api.query import Query
from launchyard.launcher.messages import Message
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.number import shown
from launchyard.wire.files import CONFLICT_RULES

SIZE_MAX = 2**50
_NUMBER = re.compile(r"[0-9a-f]{32}", re.ASCII)

router = APIRouter()


@router.get("/v1/files/uploads", openapi_extra=describe.UPLOAD_STATE)
async def state(request: Request) -> Response:
    user, query = who(request), Query(request, ("path", "number"))
    path, number = checked_path(query.text("path"), user), _number(query)
    found = await files_of(request).ask(user, "upload_state", path, number=number)
    return answer({"received": found["received"], "there": found["there"]})


@router.put("/v1/files/uploads", openapi_extra=describe.UPLOAD)
async def put(request: Request) -> Response:
    """Bytes from `offset` on, which is how much is here. With the last ones the file gets its name."""
    user, query = who(request), Query(request, ("path", "number", "offset", "size", "conflict"))
    path, number = checked_path(query.text("path"), user), _number(query)
    offset, size = query.whole("offset", 0, SIZE_MAX), query.whole("size", 0, SIZE_MAX)
    if offset is None or size is None:
        raise Invalid("offset and size are needed: from which byte on, and how many bytes there are in all")
    conflict = query.text("conflict") or "fail"
    if conflict not in CONFLICT_RULES:
        raise Invalid(f"conflict is {shown(conflict)}; it is one of {', '.join(CONFLICT_RULES)}")
    files, pieces, found = files_of(request), pieces_of(request), None
    try:
        async for piece in pieces:
            found = await files.upload(
                user, path, number, offset=offset, size=size, data=piece, conflict=conflict
            )
            offset += len(piece)
        if found is None:
            # No bytes: an empty file, or another answer to a name that is taken.
            found = await files.upload(
                user, path, number, offset=offset, size=size, data=b"", conflict=conflict
            )
    except LaunchyardError:
        # Whoever still sends hears nothing before the end.
        async for _ in pieces:
            pass
        raise
    return answer(_received(found, path))


@router.delete("/v1/files/uploads", openapi_extra=describe.UPLOAD_DROP)
async def drop(request: Request) -> Response:
    user, query = who(request), Query(request, ("path", "number"))
    path = checked_path(query.text("path"), user)
    await files_of(request).ask(user, "upload_drop", path, number=_number(query))
    return answer({"received": 0, "complete": False, "path": path, "skipped": False})


def _received(found: Message, path: str) -> dict[str, object]:
    where = f"{path.rpartition('/')[0]}/{found['name']}"
    return {
        "received": found["received"],
        "complete": found["complete"],
        "path": where,
        "skipped": found.get("skipped", False),
    }


def _number(query: Query) -> str:
    number = query.text("number") or ""
    if _NUMBER.fullmatch(number) is None:
        raise Invalid(f"the number {shown(number)} of the upload is not understood; make 32 hex digits")
    return number
