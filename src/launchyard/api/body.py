"""Request bodies: read up to a limit and in bounded time, then JSON; errors name line and column."""

import asyncio
import json
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from launchyard.api.answers import NotJson, TooLarge
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.wire.decode import decode

BODY_MAX_BYTES = 16 * 1024 * 1024
BODY_MAX_S = 60.0
DISCARD_MAX_BYTES = 256 * 1024 * 1024

T = TypeVar("T")

_decode = msgspec.json.Decoder().decode
_TRUNCATED = "Input data was truncated"


class TooSlow(LaunchyardError):
    """The body did not arrive in time."""

    status = 408
    code = "too-slow"


async def read_body(request: Request) -> bytes:
    """The whole body. Raises `TooLarge`; never holds more than the limit."""
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) <= BODY_MAX_BYTES:
            return body
    try:
        async with asyncio.timeout(BODY_MAX_S):
            return await _read_parts(request, message)
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {BODY_MAX_S:g} s; send it again") from None


async def _read_parts(request: Request, message: Any) -> bytes:
    """A body over the limit is read to its end and not kept: a client hears nothing while it still sends."""
    parts = bytearray()
    total = 0
    while True:
        if message["type"] != "http.request":
            raise ClientDisconnect
        part = message.get("body", b"")
        total += len(part)
        if total <= BODY_MAX_BYTES:
            parts += part
        if not message.get("more_body") or total > DISCARD_MAX_BYTES:
            break
        message = await request.receive()
    if total > BODY_MAX_BYTES:
        most = BODY_MAX_BYTES // 2**20
        raise TooLarge(f"the body is larger than {most} MiB; send fewer jobs at once, or a smaller script")
    return bytes(parts)


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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(_diagnosis(body, str(error))) from None
    except RecursionError:
        raise Invalid("the body is nested too deeply; a job has at most three levels") from None


def _diagnosis(body: bytes, complaint: str) -> str:
    """What is wrong, by the standard library's slower parser, which knows the place exactly."""
    if not body.strip():
        return 'the body is empty; send JSON, for example {"command": ["echo", "hi"]}'
    if body.startswith(b"\xef\xbb\xbf"):
        return "the body begins with a byte order mark; leave it out"
    try:
        json.loads(body.decode())
    except UnicodeDecodeError as error:
        return f"the body is not UTF-8 at {_place(body, error.start)}; send it in UTF-8"
    except json.JSONDecodeError as error:
        what = f"{error.msg[:1].lower()}{error.msg[1:]}"
        return f"the body is not JSON at line {error.lineno} column {error.colno}: {what}"
    except (ValueError, RecursionError):
        return "the body is not understood: a number in it is too long"
    if complaint == _TRUNCATED:
        return "a text in the body is not valid Unicode (half of a surrogate pair); send it in UTF-8"
    return f"the body is not understood: {complaint[:1].lower()}{complaint[1:]}"


def _place(body: bytes, at: int) -> str:
    line = body.count(b"\n", 0, at) + 1
    column = at - (body.rfind(b"\n", 0, at) + 1) + 1
    return f"line {line} column {column}"
