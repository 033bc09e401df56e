"""scontrol update JobId=...: what jobs ask for, changed."""

import sys
import time

from launchyard.cli.slurm.acting import ENDED, act
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any
from launchyard.model.points import nice_for
from launchyard.slurm import errnos
from launchyard.slurm.jobnames import Named, read_list
from launchyard.slurm.update import Change, Wrong, read

NICE_MAX = 2**31 - 1
_BY_KEY = (
    ("partition", errnos.INVALID_PARTITION),
    ("qos", errnos.INVALID_QOS),
    ("account", errnos.INVALID_ACCOUNT),
    ("reservation", errnos.INVALID_RESERVATION),
    ("nodelist", errnos.INVALID_NODE),
    ("exclude", errnos.INVALID_NODE),
    ("constraint", errnos.INVALID_FEATURE),
    ("after", errnos.DEPENDENCY),
    ("time_limit_s", errnos.BAD_TIME),
)
"""What the server refuses of a request (422) by the first of these that was asked for."""


def update(server: Server, text: str, pairs: list[tuple[str, str]]) -> int:
    names = read_list(text)
    try:
        change = read(pairs, time.time())
    except Wrong as error:
        for line in error.lines:
            print(line, file=sys.stderr)
        raise Refused from None
    if isinstance(names, str) or not names:
        print(f"{errnos.INVALID_JOB.sentence} for job {text}", file=sys.stderr)
        raise Refused
    code = 0
    for named in names:
        for ref in named.refs:
            code = _update(server, named, ref, change) or code
    return code


def _update(server: Server, named: Named, ref: str, change: Change) -> int:
    try:
        body = _body(server, ref, change)
        if body:
            server.post(f"/v1/jobs/{ref}/update", body)
        if change.hold:
            return _hold(server, named, ref)
        refused = None if change.priority is None else reorder(server, ref, change.priority)
    except LaunchyardError as error:
        errno = _errno(server, ref, change, error)
        sentence = errno.sentence if errno is not None else str(error)
        print(f"{sentence} for job {ref}", file=sys.stderr)
        return 1
    if refused is not None:
        print(f"{refused.sentence} for job {ref}", file=sys.stderr)
        return 1
    return 0


def reorder(server: Server, ref: str, priority: int) -> errnos.Errno | None:
    """A job has no number of its own: an administrator's becomes the nice that leads to it."""
    job = server.get(f"/v1/jobs/{ref}")
    if job["state"] in ENDED:
        return errnos.FINISHED
    if job["held"]:
        return errnos.HELD
    rows = server.table("jobs", "id priority", ids=str(job["id"]))
    number = next((number for id, number in rows if id == job["id"]), 0)
    if "act-all" not in server.get("/v1/me")["rights"]:
        return errnos.DENIED if priority > number else errnos.PRIORITY_RESET
    order = server.get("/v1/slurm/config")["order"]
    nice = nice_for(priority, number, job["nice"], order)
    server.post(f"/v1/jobs/{ref}/update", {"nice": max(-NICE_MAX, min(NICE_MAX, nice))})
    return None


def _hold(server: Server, named: Named, ref: str) -> int:
    for one in act(server, "hold", [Named(named.text, [ref])]):
        if one.errno is not None and one.errno != errnos.TRANSITION:
            print(f"{one.errno.sentence} for job {ref}", file=sys.stderr)
            return 1
    return 0


def _body(server: Server, ref: str, change: Change) -> dict[str, Any]:
    """With the time limit reckoned from the one there is, or from when it is to end."""
    if not (change.adds_s or change.end is not None):
        return change.body
    job = server.get(f"/v1/jobs/{ref}")
    if change.end is not None:
        started = server.table("jobs", "started_at", ids=ref)
        begun = started[0][0] if started and started[0][0] else time.time()
        return {**change.body, "time_limit_s": max(60, round(change.end - begun))}
    return {**change.body, "time_limit_s": max(60, (job["time_limit_s"] or 0) + change.adds_s)}


def _errno(server: Server, ref: str, change: Change, error: LaunchyardError) -> errnos.Errno | None:
    """None: the server's own sentence says more than a word of Slurm's would."""
    if error.status == 404:
        rows = server.table("jobs", "id", ids=ref)
        return errnos.INVALID_USER if rows else errnos.INVALID_JOB
    if error.status == 403:
        return errnos.DENIED
    if error.code == "cron":
        return errnos.CRON_CHANGE
    if error.status == 409:
        state = _state(server, ref)
        if state in ENDED:
            return errnos.FINISHED
        return None
    if error.status in (400, 422):
        return next((errno for key, errno in _BY_KEY if key in change.body), errnos.NOT_AVAILABLE)
    return None


def _state(server: Server, ref: str) -> str:
    try:
        return str(server.get(f"/v1/jobs/{ref}")["state"])
    except LaunchyardError:
        return ""
