"""Uploaded packages: asked for, sent whole, or sent on from where it stopped; each user has a store alone.

`/v1/packages/SHA256.zip` is for our own client: the name says the content. `/api/packages/gcs/NAME` is what
Ray's clients use: any name, empty answers, and texts that those clients show to people.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeVar

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer, raw
from launchyard.api.body import DISCARD_MAX_BYTES, TooSlow
from launchyard.api.context import caller_of, context_of
from launchyard.api.ray_jobs import described
from launchyard.model.errors import Invalid, LaunchyardError, NotFound, Unavailable
from launchyard.model.number import shown
from launchyard.store.packages import Package, Packages, TooLargePackage, Upload

PIECE_BYTES = 1 << 20
SILENCE_MAX_S = 60.0
TEXT = "text/plain; charset=utf-8"

router = APIRouter()
T = TypeVar("T")

_OWN_NAME = re.compile(r"[0-9a-f]{64}\.(zip|tar\.gz|tgz|tar\.xz|whl)", re.ASCII)
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


@router.get("/v1/packages/{name}", openapi_extra=describe.PACKAGE)
async def status(request: Request) -> Response:
    """Whether it is here, or how much of it."""
    packages, uid, name = _store(request), caller_of(request).uid, _own_name(request)
    found = await _kept(request, partial(packages.find, uid, name))
    if found is not None:
        return answer({"name": name, "size": found.size, "received": found.size, "complete": True})
    received = await _kept(request, partial(packages.received, uid, name))
    if not received:
        raise NotFound(f"there is no package {name}; send it by PUT")
    return answer({"name": name, "size": None, "received": received, "complete": False})


@router.put("/v1/packages/{name}", openapi_extra=describe.PACKAGE_PUT)
async def put(request: Request) -> Response:
    """All of it, or what is missing from a byte on."""
    packages, uid, name = _store(request), caller_of(request).uid, _own_name(request)
    first, total = _content_range(request)
    found = await _kept(request, partial(packages.find, uid, name))
    if found is not None:
        await _discard(request)
        return answer({"received": found.size, "complete": True})
    upload = await _opened(request, partial(packages.resume, uid, name, first, total))
    await _receive(request, upload)
    if total is not None and upload.received < total:
        await _kept(request, upload.stop)
        return answer({"received": upload.received, "complete": False})
    package = await _kept(request, upload.finish)
    return answer({"received": package.size, "complete": True})


@router.get("/api/packages/{protocol}/{name}", openapi_extra=described.PACKAGE)
async def ray_status(request: Request) -> Response:
    """Ray's question whether a package is here; an empty answer says yes."""
    found = await _of_ray(request)
    if found is None:
        uri = f"{request.path_params['protocol']}://{request.path_params['name']}"
        return raw(f"Package {uri} does not exist".encode(), TEXT, 404)
    return raw(b"", TEXT)


@router.put("/api/packages/{protocol}/{name}", openapi_extra=described.PACKAGE_PUT)
async def ray_put(request: Request) -> Response:
    """A package of Ray's client under the name that the client made."""
    packages, uid = _store(request), caller_of(request).uid
    _refuse_other_protocols(request)
    try:
        upload = await _opened(request, partial(packages.upload, uid, request.path_params["name"]))
        await _receive(request, upload)
        await _kept(request, upload.finish)
    except LaunchyardError as error:
        return raw(str(error).encode(), TEXT, error.status)
    return raw(b"", TEXT)


async def _of_ray(request: Request) -> Package | None:
    packages, uid = _store(request), caller_of(request).uid
    if request.path_params["protocol"] != "gcs":
        return None
    return await _kept(request, partial(packages.find, uid, request.path_params["name"]))


def _refuse_other_protocols(request: Request) -> None:
    protocol = request.path_params["protocol"]
    if protocol != "gcs":
        raise NotFound(f"packages are kept under gcs://, not under {shown(protocol)}://")


def _store(request: Request) -> Packages:
    packages = context_of(request).services.packages
    if packages is None:
        raise Unavailable("this server keeps no packages")
    return packages


def _own_name(request: Request) -> str:
    name: str = request.path_params["name"]
    if _OWN_NAME.fullmatch(name) is None:
        raise Invalid(f"the package {shown(name)} is not named by its SHA-256; write 64 hex digits and .zip")
    return name


def _content_range(request: Request) -> tuple[int, int | None]:
    """(first byte, bytes in all); (0, None) of a body that is the whole."""
    header = request.headers.get("content-range")
    if header is None:
        return 0, None
    found = _RANGE.fullmatch(header)
    if found is None or not int(found[1]) <= int(found[2]) < int(found[3]):
        raise Invalid(f"Content-Range {shown(header)} is not understood; write bytes FIRST-LAST/TOTAL")
    return int(found[1]), int(found[3])


async def _opened(request: Request, begin: Callable[[], Upload]) -> Upload:
    """The upload; where it is refused, a client that still sends hears of it after it has."""
    try:
        return await _kept(request, begin)
    except LaunchyardError:
        await _discard(request)
        raise


async def _receive(request: Request, upload: Upload) -> None:
    """What the client sends, to the disk; whatever goes wrong, the upload is let go of."""
    pieces = pieces_of(request)
    try:
        async for piece in pieces:
            await asyncio.to_thread(upload.write, piece)
    except TooLargePackage:
        await asyncio.to_thread(upload.stop)
        async for _ in pieces:
            pass
        raise
    except BaseException:
        # Also when the client is gone: the event loop may be about to cancel us, so not in a thread.
        upload.stop()
        raise


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces large enough to be worth a thread's time."""
    held, total = bytearray(), 0
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(SILENCE_MAX_S):
                part = await anext(stream)
            total += len(part)
            held += part
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
            if total > 8 * DISCARD_MAX_BYTES:
                raise ClientDisconnect
    except StopAsyncIteration:
        pass
    except TimeoutError:
        raise TooSlow(f"nothing came for {SILENCE_MAX_S:g} s; go on from where it stopped") from None
    if held:
        yield bytes(held)


async def _discard(request: Request) -> None:
    async for _ in pieces_of(request):
        pass


async def _kept(request: Request, work: Callable[[], T]) -> T:
    """Do what may wait for a disk in a thread."""
    return await context_of(request).read(work)
