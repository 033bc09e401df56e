"""Request bodies: read up to a limit and in bounded time, then JSON; errors name line and column."""

import asyncio
import json
import re
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from launchyard.api.answers import NotJson, TooLarge
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.wire.decode import decode

BODY_MAX_BYTES = 16 * 1024 * 1024
BODY_MAX_S = 60.0

T = TypeVar("T")

_decode = msgspec.json.Decoder().decode
_BYTE = re.compile(r" \(byte (\d+)\)$")


class TooSlow(LaunchyardError):
    """The body did not arrive in time."""

    status = 408
    code = "too-slow"


async def read_body(request: Request) -> bytes:
    """The whole body. Raises `TooLarge` before more than the limit is held."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length[:20]) > BODY_MAX_BYTES:
        raise _too_large()
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > BODY_MAX_BYTES:
            raise _too_large()
        return body
    try:
        async with asyncio.timeout(BODY_MAX_S):
            return await _read_parts(request, message)
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {BODY_MAX_S:g} s; send it again") from None


async def _read_parts(request: Request, message: Any) -> bytes:
    parts = bytearray()
    while True:
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts += message.get("body", b"")
        if len(parts) > BODY_MAX_BYTES:
            raise _too_large()
        if not message.get("more_body"):
            return bytes(parts)
        message = await request.receive()


def _too_large() -> TooLarge:
    return TooLarge(
        f"the body is larger than {BODY_MAX_BYTES // 2**20} MiB; send fewer jobs at once, or a smaller script"
    )


async def read_json(request: Request) -> Any:
    """The body as Python's own types."""
    body = await read_body(request)
    refuse_other_formats(request)
    return parse_json(body)


async def read_as(cls: type[T], request: Request) -> T:
    """The body as the dataclass `cls`."""
    return decode(cls, await read_json(request))


def refuse_other_formats(request: Request) -> None:
    """JSON only: what an HTML form can send is not taken, so no page can post for somebody."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        given = f"{media_type[:60]!r}" if media_type else "nothing"
        raise NotJson(f"Content-Type is {given}; send JSON with `Content-Type: application/json`")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise NotJson("Content-Encoding is not supported; send the body as it is")


def parse_json(body: bytes) -> Any:
    """Raises `Invalid` with the place where the JSON goes wrong."""
    try:
        return _decode(body)
    except msgspec.DecodeError as error:
        raise Invalid(_where(body, str(error))) from None
    except RecursionError:
        raise Invalid("the body is nested too deeply; a job has at most three levels") from None
    except UnicodeDecodeError:
        raise Invalid(f"the body is not UTF-8 at {_place(body, _not_utf8(body))}; send it in UTF-8") from None


def _where(body: bytes, complaint: str) -> str:
    if not body.strip():
        return 'the body is empty; send JSON, for example {"command": ["echo", "hi"]}'
    if body.startswith(b"\xef\xbb\xbf"):
        return "the body begins with a byte order mark; leave it out"
    found = _BYTE.search(complaint)
    what = complaint[: found.start()] if found else complaint
    what = what.removeprefix("JSON is malformed: ")
    if found is None and _is_json(body):
        return "a text in the body is not valid Unicode (half of a surrogate pair); send it in UTF-8"
    at = int(found[1]) if found else len(body)
    return f"the body is not JSON at {_place(body, at)}: {what[:1].lower()}{what[1:]}"


def _is_json(body: bytes) -> bool:
    """Whether the standard library, which takes lone surrogates, can read it."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _place(body: bytes, at: int) -> str:
    before = body[:at]
    line = before.count(b"\n") + 1
    column = at - (before.rfind(b"\n") + 1) + 1
    return f"line {line} column {column}"


def _not_utf8(body: bytes) -> int:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(body)
