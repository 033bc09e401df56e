"""scontrol update NodeName=... and PartitionName=...: what administrators open, close and bound."""

import sys

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError, NotFound
from launchyard.model.hostlist import expand
from launchyard.model.walltime import parse_walltime

STATES = {
    "drain": "drain", "drained": "drain", "draining": "drain", "fail": "drain", "failing": "drain",
    "maint": "drain", "down": "down", "error": "down", "resume": "up", "undrain": "up", "idle": "up",
    "up": "up",
}  # fmt: skip
OPEN = "resume"
KNOWN = "Valid states are: NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN"
ONLY_FILE = (
    *("weight", "features", "activefeatures", "availablefeatures", "gres", "comment", "extra"),
    *("cpubind", "nodeaddr", "nodehostname", "instanceid", "instancetype", "resumeafter"),
)
"""Of nodes what is only in the configuration file here."""

PARTITION = {
    "state": "state",
    "maxtime": "time_limit_max",
    "defaulttime": "time_limit",
    "maxnodes": "nodes_max",
    "minnodes": "nodes_min",
    "nodes": "nodes",
    "allowaccounts": "accounts",
    "denyaccounts": "denied_accounts",
    "allowqos": "qos",
    "denyqos": "denied_qos",
    "allowgroups": "groups",
    "prioritytier": "tier",
    "priorityjobfactor": "priority",
    "default": "default",
}
PARTITION_STATES = ("UP", "DOWN", "DRAIN", "INACTIVE")


def update_node(server: Server, text: str, pairs: list[tuple[str, str]]) -> int:
    state, reason = "", ""
    for name, value in pairs:
        key = name.lower()
        if key == "state":
            state = value.lower()
        elif key == "reason":
            reason = value
        elif key in ONLY_FILE:
            raise Refused(f"error: {name} of a node is set in the configuration file of the server")
        else:
            _unsupported(name, value)
    if state and state not in STATES:
        _say(f"Invalid input: state={state}", "Request aborted", KNOWN)
        _say("Not all states are valid given a node's prior state")
        raise Refused
    if not (state or reason):
        _say("No changes specified")
        raise Refused
    target = STATES.get(state, "drain")
    if target != "up" and not reason:
        _say("You must specify a reason when DOWNING or DRAINING a node. Request denied")
        raise Refused
    return _mark(server, _nodes(server, text), target, reason, resume=state == OPEN)


def _mark(server: Server, names: list[str], state: str, reason: str, *, resume: bool) -> int:
    known = dict(server.table("nodes", "name state"))
    for name in names:
        if name not in known:
            _say("slurm_update error: Invalid node name specified")
            raise Refused
        if resume and known[name] == "UP":
            _say("slurm_update error: Invalid node state specified")
            raise Refused
        try:
            server.post(f"/v1/nodes/{name}", {"state": state, "reason": reason})
        except Forbidden:
            _say("slurm_update error: Invalid user id")
            raise Refused from None
    return 0


def _nodes(server: Server, text: str) -> list[str]:
    if text.upper() == "ALL":
        return [str(name) for (name,) in server.table("nodes", "name")]
    try:
        return expand(text)
    except Invalid:
        _say("slurm_update error: Invalid node name specified")
        raise Refused from None


def update_partition(server: Server, text: str, pairs: list[tuple[str, str]]) -> int:
    if not pairs:
        _say("No changes specified")
        raise Refused
    values = dict(_partition_value(name, value) for name, value in pairs)
    if text not in [name for (name,) in server.table("partitions", "name")]:
        _say("slurm_update error: Invalid partition name specified")
        raise Refused
    try:
        server.post("/v1/admin/policy", {"kind": "partition", "name": text, "values": values})
    except Forbidden:
        _say("slurm_update error: Invalid user id")
        raise Refused from None
    except NotFound:
        _say("slurm_update error: Invalid partition name specified")
        raise Refused from None
    except LaunchyardError as error:
        raise Refused(f"error: {error}") from None
    return 0


def _partition_value(name: str, value: str) -> tuple[str, str]:
    key = PARTITION.get(name.lower())
    if key is None:
        _unsupported(name, value)
        raise Refused
    if key == "state":
        if value.upper() not in PARTITION_STATES:
            _say(f"scontrol: error: Invalid input: {name}={value}")
            _say("scontrol: error: Acceptable State values are UP, DOWN, DRAIN and INACTIVE")
            _say("slurm_update error: No error")
            raise Refused
        return key, value.lower()
    if key in ("accounts", "denied_accounts", "qos", "denied_qos", "groups", "nodes"):
        return key, "" if value.upper() in ("ALL", "(NULL)") else value
    if key == "default":
        return key, "true" if value.upper() == "YES" else "false"
    if key == "nodes_max" and value.upper() in ("INFINITE", "UNLIMITED"):
        return key, ""
    return key, _limit(name, value) if key.startswith("time") else value


def _limit(name: str, value: str) -> str:
    try:
        parse_walltime(value)
    except Invalid:
        _say(f"scontrol: error: Invalid input {name}={value}", "slurm_update error: No error")
        raise Refused from None
    return "UNLIMITED" if value.upper() == "INFINITE" else value if not value.isdecimal() else f"{value}m"


def _unsupported(name: str, value: str) -> None:
    _say(f"Update of this parameter is not supported: {name}={value}", "Request aborted")
    raise Refused


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)
