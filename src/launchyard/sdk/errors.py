"""What a client may see go wrong. What the server refused is raised as the same class it has there."""

from launchyard.model import lightjson
from launchyard.model.errors import (
    Conflict,
    Forbidden,
    Infeasible,
    Invalid,
    LaunchyardError,
    NotFound,
    StorageFull,
    Unauthenticated,
    Unavailable,
)

TEXT_MAX = 32_768

_BY_STATUS: dict[int, type[LaunchyardError]] = {
    kind.status: kind
    for kind in (
        Invalid,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        Infeasible,
        Unavailable,
        StorageFull,
    )
}


class NotRunning(LaunchyardError):
    """No server where one was looked for."""

    status = 503
    code = "not-running"


class ConnectionLost(LaunchyardError):
    """The server went away in the middle of a request; whether it was carried out is not known."""

    status = 503
    code = "connection-lost"


class TimedOut(LaunchyardError):
    """The server, or what was waited for, took longer than allowed."""

    status = 504
    code = "timed-out"


class ProtocolError(LaunchyardError):
    """The answer is not one of a Launchyard server."""

    status = 502
    code = "protocol-error"


def from_problem(status: int, body: bytes) -> LaunchyardError:
    """The exception for an answer of status 4xx or 5xx: `detail` of the problem is its sentence.

    >>> from_problem(404, b'{"detail": "There is no job 9.", "code": "not-found"}').code
    'not-found'
    """
    problem = _object(body)
    detail = problem.get("detail")
    sentence = detail if isinstance(detail, str) else _text(body)
    sentence = sentence or f"The server answered with status {status}."
    kind = _BY_STATUS.get(status, Invalid if 400 <= status < 500 else LaunchyardError)
    code = problem.get("code")
    error = kind(sentence, code=code if isinstance(code, str) else None)
    error.status = status
    return error


def _text(body: bytes) -> str:
    """A plain sentence, which is what the Ray Jobs API answers; never a page of some proxy."""
    text = body[:TEXT_MAX].decode(errors="replace").strip()
    return "" if text.startswith(("<", "{", "[")) else text


def _object(body: bytes) -> dict[str, object]:
    try:
        value = lightjson.read(body.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
