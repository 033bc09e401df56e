"""scontrol create, update and delete ReservationName=...: nodes kept for a time."""

import os
import pwd
import sys
import time

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Conflict, Forbidden, Infeasible, Invalid, LaunchyardError, NotFound
from launchyard.model.light import Any
from launchyard.model.walltime import parse_walltime
from launchyard.model.when import rfc3339
from launchyard.slurm.update import Wrong, moment

FOREVER_S = 365 * 86_400
BUSY = "Requested nodes are busy"
QUIET = ("flags", "partitionname", "partition", "features", "burstbuffer", "tres", "watts", "comment")
"""What has no place here or is looked at apart."""

KNOWN = (
    *("starttime", "endtime", "duration", "nodes", "nodecnt", "nodecount", "users", "user"),
    *("accounts", "account"),
)


def create(server: Server, text: str, pairs: list[tuple[str, str]]) -> int:
    """Without a name it is called after its first user or account.

    Nodes on which jobs may still run then are busy, unless the flag IGNORE_JOBS says that they are not.
    """
    given = {name.lower(): value for name, value in pairs}
    try:
        body = _body(given)
    except (Wrong, Invalid) as error:
        _say(f"Error creating the reservation: {error}")
        raise Refused from None
    body["name"] = text or _name(server, body)
    try:
        made = server.post("/v1/reservations", body)
        busy = made["jobs"] and "IGNORE_JOBS" not in given.get("flags", "").upper()
        if busy:
            server.transport.json("DELETE", f"/v1/reservations/{body['name']}")
            raise Conflict(BUSY)
    except LaunchyardError as error:
        _say(f"Error creating the reservation: {_sentence(error)}")
        raise Refused from None
    print(f"Reservation created: {body['name']}")
    return 0


def update(server: Server, text: str, pairs: list[tuple[str, str]]) -> int:
    """Made anew with what is changed; the old one comes back when that cannot be."""
    known = {one["name"]: one for one in server.get("/v1/reservations")["reservations"]}
    old = known.get(text)
    if old is None:
        _say(
            "Error updating the reservation: Requested reservation is invalid", "slurm_update error: No error"
        )
        raise Refused
    before = {key: old[key] for key in ("name", "start", "end", "nodes", "users", "accounts", "maintenance")}
    given = {name.lower(): value for name, value in pairs}
    try:
        changed = _body({"starttime": old["start"], **given}, least=False)
        if "endtime" not in given and "duration" not in given:
            changed["end"] = old["end"]
            changed.pop("duration_s", None)
    except (Wrong, Invalid) as error:
        _say(f"Error updating the reservation: {error}")
        raise Refused from None
    if "count" in changed:
        before.pop("nodes")
    try:
        server.transport.json("DELETE", f"/v1/reservations/{text}")
        try:
            server.post("/v1/reservations", {**_without_end(before, changed), **changed, "name": text})
        except LaunchyardError:
            server.post("/v1/reservations", before)
            raise
    except LaunchyardError as error:
        _say(f"Error updating the reservation: {_sentence(error)}")
        raise Refused from None
    print("Reservation updated.")
    return 0


def delete(server: Server, text: str) -> int:
    try:
        server.transport.json("DELETE", f"/v1/reservations/{text}")
    except NotFound:
        _say("slurm_delete_reservation error: Requested reservation is invalid")
        raise Refused from None
    except Forbidden:
        _say("slurm_delete_reservation error: Access/permission denied")
        raise Refused from None
    return 0


def _without_end(before: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    over = ("end",) if "duration_s" in changed or "end" in changed else ()
    return {key: value for key, value in before.items() if key not in over}


def _body(given: dict[str, str], *, least: bool = True) -> dict[str, Any]:
    """Raises `Wrong` or `Invalid`."""
    now = time.time()
    body: dict[str, Any] = {}
    if (start := given.get("starttime")) is not None and start.lower() != "now":
        body["start"] = rfc3339(moment(start, now))
    if (end := given.get("endtime")) is not None:
        body["end"] = rfc3339(moment(end, now))
    elif (duration := given.get("duration")) is not None:
        body["duration_s"] = parse_walltime(duration) or FOREVER_S
    elif least:
        body["duration_s"] = FOREVER_S
    if (nodes := given.get("nodes")) is not None:
        body |= {"nodes": nodes} if nodes.upper() != "ALL" else {"count": None}
    if (count := given.get("nodecnt") or given.get("nodecount")) is not None:
        if not count.partition(",")[0].isdecimal():
            raise Wrong(f"Invalid node count: {count}")
        body["count"] = int(count.partition(",")[0])
    for key in ("users", "accounts"):
        one = given.get(key) or given.get(key[:-1])
        if one is not None:
            body[key] = [word for word in one.replace("+", "").split(",") if word]
    flags = [word.strip("+").upper() for word in given.get("flags", "").split(",")]
    if "MAINT" in flags:
        body["maintenance"] = True
    for key in given:
        if key not in (*QUIET, *KNOWN):
            raise Wrong(f"Update of this parameter is not supported: {key}={given[key]}")
    return body


def _name(server: Server, body: dict[str, Any]) -> str:
    """`alice_1`: the first user or account, and the first number that is free."""
    taken = {one["name"] for one in server.get("/v1/reservations")["reservations"]}
    owners = body.get("users") or body.get("accounts")
    owner = owners[0] if owners else pwd.getpwuid(os.getuid()).pw_name
    return next(name for number in range(1, 10_000) if (name := f"{owner}_{number}") not in taken)


def _sentence(error: LaunchyardError) -> str:
    if isinstance(error, Forbidden):
        return "Access/permission denied"
    if isinstance(error, Conflict) and "reservation " in str(error) and " has " in str(error):
        return BUSY
    if isinstance(error, Infeasible):
        return "Invalid node name specified"
    return str(error)


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)
