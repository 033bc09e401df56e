"""Answers: JSON encoded once by msgspec, problems as RFC 9457 asks, and the headers that all of them bear."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from launchyard.model.errors import LaunchyardError, Unavailable
from launchyard.model.refusals import address_of

JSON = "application/json"
PROBLEM = "application/problem+json"

_encode = msgspec.json.Encoder().encode
_ALWAYS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


class NotJson(LaunchyardError):
    """A body in another format."""

    status = 415
    code = "not-json"


class TooLarge(LaunchyardError):
    """A body over the limit."""

    status = 413
    code = "too-large"


class WrongHost(LaunchyardError):
    """Reached under a name that is not ours (a page that rebinds its own name to this address)."""

    status = 421
    code = "wrong-host"


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as JSON."""
    return raw(_encode(value), JSON, status, headers)


def raw(
    body: bytes, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Bytes that a browser must neither guess the type of nor keep."""
    return Response(body, status, {**_ALWAYS, **(headers or {})}, media_type)


def problem_json(error: LaunchyardError) -> dict[str, Any]:
    """The error as a problem document."""
    return {
        "type": address_of(error.code),
        "title": _title(error.status),
        "status": error.status,
        "detail": str(error),
        "code": error.code,
    }


def problem(error: LaunchyardError) -> Response:
    """The error as an answer."""
    headers = {}
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(error.retry_after_s)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if error.status == 413:
        headers["connection"] = "close"
    return raw(_encode(problem_json(error)), PROBLEM, error.status, headers)


def stream_headers(media_type: str, more: Mapping[str, str] | None = None) -> list[tuple[bytes, bytes]]:
    """The same headers for an answer that is sent in parts."""
    headers = {"content-type": media_type, **_ALWAYS, **(more or {})}
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
