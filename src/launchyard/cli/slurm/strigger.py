"""strigger: have a program run when something happens to a job or to nodes; show and clear such triggers."""

import os
import shlex
import sys

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.arguments import Given, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.people import uid_of
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any
from launchyard.slurm.triggers import EVENTS, NOT_HERE, resource, table

OPTIONS = options(
    value="flags id jobid offset program user clusters cluster",
    maybe="node",
    nothing=f"set get clear quiet noheader verbose version help usage {' '.join([*EVENTS, *NOT_HERE])}",
    letters="a:primary_slurmctld_failure A:primary_slurmctld_resumed_operation "
    "b:primary_slurmctld_resumed_control B:backup_slurmctld_failure c:backup_slurmctld_resumed_operation "
    "C:backup_slurmctld_assumed_control d:down D:drained e:primary_slurmctld_acct_buffer_full F:fail f:fini "
    "g:primary_slurmdbd_failure G:primary_slurmdbd_resumed_operation h:primary_database_failure "
    "H:primary_database_resumed_operation i:id I:idle j:jobid M:clusters n:node N:noheader o:offset "
    "p:program Q:quiet r:reconfig t:time u:up v:verbose V:version",
)
OFFSET_MAX = 32_000
USAGE = """\
Usage: strigger --set EVENT... --program=PATH [--jobid=ID | --node[=NODES]] [--offset=SECONDS] [--flags=PERM]
       strigger --get [--id=N] [--jobid=ID] [--node] [--user=NAME] [EVENT...]
       strigger --clear --id=N | --jobid=ID | --user=NAME
  of a job     -f, --fini (it has ended)   -t, --time (its time limit)
  of nodes     -d, --down   -u, --up   -D, --drained   -I, --idle (for --offset seconds)
  of the site  -r, --reconfig   -A, --primary_slurmctld_resumed_operation
  -i, --id=N   -j, --jobid=ID   -n, --node[=NODES]   -o, --offset=SECONDS   -p, --program=PATH   --user=NAME
  -N, --noheader   -Q, --quiet   -v, --verbose   -V, --version   --help
"""


def run(arguments: list[str]) -> int:
    given = parse(arguments, OPTIONS)
    if given.count("help") or given.count("usage"):
        print(USAGE, end="")
        return 0
    if given.count("version"):
        return print_version()
    if sum(bool(given.count(one)) for one in ("set", "get", "clear")) != 1:
        raise Refused("error: You must use exactly one of the following options: --set, --get or --clear")
    if given.rest:
        raise Refused(f"error: unrecognized argument: {given.rest[0]}")
    if (given.count("fini") or given.count("time")) and given.last("jobid") is None:
        raise Refused("error: You must specify a --jobid value")
    if given.count("set"):
        return _set(given)
    return _get(given) if given.count("get") else _clear(given)


def _set(given: Given) -> int:
    for name, why in NOT_HERE.items():
        if given.count(name):
            raise Refused(f"error: --{name} is not possible: {why}")
    events = [event for option, event in EVENTS.items() if given.count(option)]
    if not events:
        known = ", ".join(f"--{one}" for one in EVENTS)
        raise Refused(f"error: You must specify a trigger ({known})")
    body: dict[str, Any] = {"happenings": events, "command": _program(given), "offset_s": _offset(given)}
    server = Server()
    if given.last("jobid") is not None:
        body["job_id"] = _job_id(server, given)
    elif given.last("node"):
        body["nodes"] = given.last("node")
    body["permanent"] = _permanent(given)
    try:
        server.post("/v1/slurm/triggers", body)
    except LaunchyardError as error:
        sentence = _SENTENCES.get(error.code) or ("error: " + str(error))
        print(f"slurm_set_trigger: {sentence}", file=sys.stderr)
        return 1
    if given.count("verbose"):
        print("strigger: trigger set", file=sys.stderr)
    return 0


_SENTENCES = {
    "no-node": "Invalid node name specified",
    "no-job": "Invalid job id specified",
    "duplicate-trigger": "Duplicate event trigger",
}


def _program(given: Given) -> list[str]:
    text = given.last("program")
    if not text:
        raise Refused("error: You must specify a --program value")
    if not text.startswith("/"):
        raise Refused('error: The --program value must start with "/"')
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    if not words or not os.path.isfile(words[0]):
        raise Refused("error: Invalid --program value, file not found")
    return words


def _offset(given: Given) -> int:
    text = given.last("offset")
    if text is None:
        return 0
    try:
        offset = int(text[:12])
    except ValueError:
        raise Refused(f"error: Invalid --offset value {text}") from None
    if abs(offset) > OFFSET_MAX:
        raise Refused(f"error: The --offset parameter must be between +/-{OFFSET_MAX}")
    return offset


def _permanent(given: Given) -> bool:
    flags = [flag for flag in (given.last("flags") or "").split(",") if flag]
    if any(flag.lower() != "perm" for flag in flags):
        raise Refused(f"error: Invalid flags {given.last('flags')}")
    return bool(flags)


def _job_id(server: Server, given: Given) -> int:
    text = given.last("jobid") or ""
    array, under, index = text.partition("_")
    if under and array.isdecimal() and index.isdecimal():
        rows = server.table("jobs", "id task_array", ids=text)
        if len(rows) == 1:
            return int(rows[0][0])
    if not text.isdecimal() or not text.isascii() or not 0 < len(text) < 16:
        raise Refused(f"error: Invalid jobid {text}")
    return int(text)


def _uid(given: Given) -> int | None:
    name = given.last("user")
    if name is None:
        return None
    uid = int(name) if name.isdecimal() and len(name) < 10 else uid_of(name)
    if uid is None:
        raise Refused(f"error: Invalid user {name}")
    return uid


def _number(given: Given) -> int | None:
    """The id; None for what is none, as the original has it."""
    text = given.last("id") or ""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else None


def _get(given: Given) -> int:
    uid, server = _uid(given), Server()
    job_id = None if given.last("jobid") is None else _job_id(server, given)
    number = _number(given)
    events = {event for option, event in EVENTS.items() if given.count(option)}
    found: list[dict[str, Any]] = server.get("/v1/slurm/triggers")["triggers"]
    if given.count("verbose"):
        print(f"strigger: Read {len(found)} trigger records", file=sys.stderr)
    for line in table(
        (
            one
            for one in found
            if (number is None or one["id"] == number)
            and (job_id is None or one["job_id"] == job_id)
            and (uid is None or one["uid"] == uid)
            and (not events or events & set(one["happenings"]))
            and (not given.count("node") or resource(one)[0] == "node")
        ),
        header=not given.count("noheader"),
    ):
        print(line)
    return 0


def _clear(given: Given) -> int:
    uid, number, server = _uid(given), _number(given), Server()
    job_id = None if given.last("jobid") is None else _job_id(server, given)
    if uid is None and not number and job_id is None:
        raise Refused("error: You must specify a --id, --jobid, or --user to clear")
    query = {"id": number, "job": job_id, "uid": uid}
    try:
        server.transport.json("DELETE", "/v1/slurm/triggers", query=query)
    except LaunchyardError as error:
        if given.count("quiet") and error.status == 404:
            return 0
        why = "No such process" if error.status == 404 else f"error: {error}"
        print(f"slurm_clear_trigger: {why}", file=sys.stderr)
        return 1
    if given.count("verbose"):
        about = (("triggers for job", job_id), ("triggers for user", uid), ("trigger", number))
        kind, which = next(one for one in about if one[1] is not None)
        print(f"strigger: {kind} {which} cleared", file=sys.stderr)
    return 0
