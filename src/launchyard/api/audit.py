"""What is put on record: who did what to what, from where, what came of it. No secret, body or header.

Every request that changes something is on record, done or refused; of those that look, the refused ones.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from launchyard.api.connection import connection_of
from launchyard.model.errors import LaunchyardError
from launchyard.model.when import rfc3339

Audit = Callable[[Mapping[str, Any]], None]

READS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOKING = frozenset({"/v1/files/details"})
"""What is asked by POST and changes nothing."""
TOLD = "/told"
"""Pages say by it what they have shown."""
REFUSALS = frozenset({401, 403, 404, 421, 429})
JOBS_MAX = 50

_log = logging.getLogger("launchyard.audit")


def to_log(record: Mapping[str, Any]) -> None:
    """Where there is no audit log: to the log."""
    _log.info("%s", msgspec.json.encode(record).decode())


class Recorder:
    """Puts requests on record. Of what is asked of an app in a session, only what we refuse."""

    def __init__(self, audit: Audit, clock: Callable[[], float], *, of_apps: bool = False) -> None:
        self._audit, self._clock, self._of_apps = audit, clock, of_apps

    def answered(self, scope: Any, status: int) -> None:
        """Before the answer leaves."""
        told = changes(scope) or status in REFUSALS
        if "audit" in scope["state"] or (not self._of_apps and told):
            self._audit(record_of(scope, self._clock(), status))

    def refused(self, scope: Any, error: LaunchyardError) -> None:
        if error.status in REFUSALS or (not self._of_apps and changes(scope)):
            self._audit(record_of(scope, self._clock(), error.status, error.code))


def note(scope: Any, /, **details: Any) -> None:
    """Say more of what is done: ids of what was made, whose name was tried."""
    scope["state"].setdefault("audit", {}).update(details)


def note_jobs(scope: Any, /, job_ids: list[Any], **details: Any) -> None:
    """The same of jobs, of which there may be very many."""
    more = {"jobs_count": len(job_ids)} if len(job_ids) > JOBS_MAX else {}
    note(scope, jobs=job_ids[:JOBS_MAX], **more, **details)


def changes(scope: Any) -> bool:
    """Whether the request would change something, or opens a terminal."""
    if scope["type"] != "http":
        return not scope["path"].endswith("/logs/tail")
    path: str = scope["path"]
    return scope["method"] not in READS and path not in LOOKING and not path.endswith(TOLD)


def record_of(scope: Any, at: float, status: int, code: str | None = None) -> dict[str, Any]:
    """JSON, so that no name can break out of its line; no query, which may hold a secret."""
    identity = scope["state"].get("identity")
    peer = connection_of(scope).peer
    return {
        "at": rfc3339(at),
        "event": "done" if status < 400 else "refused" if status < 500 else "failed",
        "status": status,
        "code": code,
        "user": None if identity is None else identity.caller.user,
        "token": None if identity is None else identity.token_id,
        "from": f"uid {peer.uid} pid {peer.pid}" if peer is not None else _address(scope),
        "request": what(scope),
        **scope["state"].get("audit", {}),
    }


def what(scope: Any) -> str:
    """Method and path, which names what it is done to."""
    path: str = scope["path"]
    shown = "".join(c if c.isprintable() else "?" for c in path[:200])
    return f"{scope.get('method', 'WEBSOCKET')} {shown}"


def _address(scope: Any) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else "unknown"
