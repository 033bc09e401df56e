"""Files of the caller, as the caller: listed, looked at, downloaded, edited, moved, deleted.

The daemon opens none of them; `engine.files` asks a helper process of the user. What is sent to a browser is
sent so that nothing in it runs.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describefiles as describe
from launchyard.api.answers import JSON, answer
from launchyard.api.body import read_as
from launchyard.api.context import context_of
from launchyard.api.folders import checked_path, files_of, parent_of, who
from launchyard.api.previews import (
    EDIT_MAX_BYTES,
    PREVIEW_BYTES,
    SAFE_HEADERS,
    attachment,
    image_type,
    preview_of,
)
from launchyard.api.query import Query
from launchyard.api.stream import Parts
from launchyard.engine.channel import data_in, data_of
from launchyard.engine.files import LONG_S, error_of
from launchyard.launcher.messages import Message
from launchyard.model.errors import Invalid
from launchyard.wire.files import DeleteFiles, LookAtFiles, MakeFolder, MoveFile, SaveText

COLUMNS = ["name", "kind", "size", "modified_at", "mode", "target", "unusable"]
DELETED_AT_ONCE = 1_000
NAMES_AT_ONCE = 5_000
PACKED_AT_ONCE = 100
IMAGE_MAX_BYTES = 64 << 20

router = APIRouter()


@router.get("/v1/files", openapi_extra=describe.FOLDER)
async def listing(request: Request) -> Response:
    user = who(request)
    path = checked_path(Query(request, ("path",)).text("path"), user)
    pieces = files_of(request).list(user, path)
    first = await anext(pieces)
    facts: dict[str, Any] = {
        "path": path,
        "roots": list(user.roots),
        "parent": parent_of(path, user.roots),
        "writable": first["writable"],
        "free_bytes": first["free_bytes"],
        "complete": first["complete"],
        "columns": COLUMNS,
    }
    return Parts(_folder_of(facts, first, pieces), JSON, context_of(request).closing)


@router.post("/v1/files/details", openapi_extra=describe.DETAILS)
async def details(request: Request) -> Response:
    """Asked by pages for what `GET /v1/files` had no time to look at."""
    body, user = await read_as(LookAtFiles, request), who(request)
    if len(body.names) > NAMES_AT_ONCE:
        raise Invalid(f"{len(body.names)} names are given; name at most {NAMES_AT_ONCE}")
    path = checked_path(body.path, user)
    found = await files_of(request).ask(user, "look_at", path, names=body.names)
    return answer({"rows": found["rows"]})


@router.get("/v1/files/about", openapi_extra=describe.ABOUT)
async def about(request: Request) -> Response:
    user = who(request)
    path = checked_path(Query(request, ("path",)).text("path"), user)
    found = await files_of(request).ask(user, "about", path)
    return answer({"path": path, **_without_envelope(found)})


@router.get("/v1/files/preview", openapi_extra=describe.PREVIEW)
async def preview(request: Request) -> Response:
    """The beginning as text; with `whole` as much as can be edited."""
    user, query = who(request), Query(request, ("path", "whole"))
    path = checked_path(query.text("path"), user)
    limit = EDIT_MAX_BYTES if query.flag("whole") else PREVIEW_BYTES
    found = await files_of(request).ask(user, "read", path, limit=limit)
    data, size = data_of(found), found["size"]
    shown = preview_of(data, whole=len(data) >= size)
    return answer(
        {
            "path": path,
            "kind": shown.kind,
            "media_type": shown.media_type,
            "text": shown.text,
            "truncated": len(data) < size,
            "editable": shown.kind == "text" and size <= EDIT_MAX_BYTES and found["writable"],
            "size": size,
            "modified_at": found["modified_at"],
            "version": found["version"],
        }
    )


@router.get("/v1/files/content", openapi_extra=describe.CONTENT)
async def content(request: Request) -> Response:
    """A download; with `view` a picture as a picture, if it is one."""
    user, query = who(request), Query(request, ("path", "view", "offset"))
    path = checked_path(query.text("path"), user)
    offset = query.whole("offset", 0, 2**62) or 0
    pieces = files_of(request).send(user, path, offset)
    first = await anext(pieces)
    headers = {**SAFE_HEADERS, "content-length": str(max(0, first["size"] - offset))}
    media_type = image_type(first["data"]) if query.flag("view") and not offset else None
    if media_type is None or first["size"] > IMAGE_MAX_BYTES:
        headers["content-disposition"] = attachment(path.rpartition("/")[2])
        media_type = "application/octet-stream"
    return Parts(_data_of(first, pieces), media_type, context_of(request).closing, headers)


@router.get("/v1/files/archive", openapi_extra=describe.ARCHIVE)
async def archive(request: Request) -> Response:
    """Several files and folders as one zip file, packed by the user while it is sent."""
    user, asked = who(request), Query(request, ("path",)).texts("path")
    if not 1 <= len(asked) <= PACKED_AT_ONCE:
        raise Invalid(f"{len(asked)} paths are given; name 1 to {PACKED_AT_ONCE}")
    paths = [checked_path(one, user) for one in asked]
    pieces = files_of(request).pack(user, paths)
    first = await anext(pieces)
    name = paths[0].rpartition("/")[2] if len(paths) == 1 else "files"
    headers = {**SAFE_HEADERS, "content-disposition": attachment(f"{name}.zip")}
    return Parts(_data_of(first, pieces), "application/zip", context_of(request).closing, headers)


@router.put("/v1/files/text", openapi_extra=describe.SAVE)
async def save(request: Request) -> Response:
    """Refused when the file is not the one that was edited any more."""
    body, user = await read_as(SaveText, request), who(request)
    path, data = checked_path(body.path, user), body.text.encode()
    if len(data) > EDIT_MAX_BYTES:
        raise Invalid(f"the text has {len(data)} bytes; what is edited here has at most {EDIT_MAX_BYTES}")
    found = await files_of(request).ask(user, "save", path, data=data_in(data), version=body.version)
    return answer({"path": path, "version": found["version"]})


@router.post("/v1/files/folders", openapi_extra=describe.MAKE_FOLDER)
async def make_folder(request: Request) -> Response:
    body, user = await read_as(MakeFolder, request), who(request)
    path = checked_path(body.path, user)
    await files_of(request).ask(user, "make_folder", path)
    return answer({"path": path, "skipped": False}, 201)


@router.post("/v1/files/move", openapi_extra=describe.MOVE)
async def move(request: Request) -> Response:
    body, user = await read_as(MoveFile, request), who(request)
    path, to = checked_path(body.path, user), checked_path(body.to, user)
    found = await files_of(request).ask(user, "move", path, limit_s=LONG_S, to=to, conflict=body.conflict)
    if not found["name"]:
        return answer({"path": path, "skipped": True})
    return answer({"path": f"{to.rpartition('/')[0]}/{found['name']}", "skipped": False})


@router.post("/v1/files/delete", openapi_extra=describe.DELETE)
async def delete(request: Request) -> Response:
    """What cannot be deleted is told beside what was."""
    body, user = await read_as(DeleteFiles, request), who(request)
    if not 1 <= len(body.paths) <= DELETED_AT_ONCE:
        raise Invalid(f"{len(body.paths)} paths are given; name 1 to {DELETED_AT_ONCE}")
    paths = [checked_path(one, user) for one in body.paths]
    found = await files_of(request).ask(user, "remove", paths[0], limit_s=LONG_S, paths=paths)
    failed = [
        {"path": one["path"], "error": str(error_of({"t": "error", **one}, one["path"], user.roots))}
        for one in found["failed"]
    ]
    return answer({"removed": found["removed"], "failed": failed})


async def _folder_of(
    facts: dict[str, Any], first: Message, rest: AsyncGenerator[Message, None]
) -> AsyncGenerator[bytes, None]:
    """The user's process has written the rows as JSON already: a hundred thousand are not read here."""
    yield msgspec.json.encode(facts)[:-1] + b',"rows":['
    async with aclosing(_data_of(first, rest)) as pieces:
        async for piece in pieces:
            yield piece
    yield b"]}"


async def _data_of(first: Message, rest: AsyncGenerator[Message, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first["data"]
        async for message in rest:
            yield message["data"]


def _without_envelope(message: Message) -> Message:
    return {name: value for name, value in message.items() if name not in ("t", "id")}
