"""`scontrol update JobId=... Name=Value`: Slurm's names into the body of our own update of a job.

`read(pairs, now)` gives what is to be sent and what is to be done beside it. Pure: the clock is an argument.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from launchyard.model.errors import Invalid
from launchyard.model.light import Any, NamedTuple
from launchyard.model.memory import parse_memory
from launchyard.model.walltime import parse_walltime
from launchyard.model.when import parse_begin, rfc3339

UNLIMITED_S = 365 * 86_400
"""What `UNLIMITED` asks of a job that has a limit."""

PRIORITY_MAX = 4_294_967_293
"""The largest that scontrol takes."""

LEAST = 3
"""Letters that are enough of a name, as long as they fit one name alone."""


class Wrong(Exception):
    """`lines` as they are printed; `code` of the command."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


class Change(NamedTuple):
    """`body` for our update; `hold`: by a priority of 0; `priority`: another one that was asked for.

    `adds_s` is added to (or taken from) the time limit that the job has; `end`: when it is to end.
    """

    body: dict[str, Any]
    hold: bool = False
    priority: int | None = None
    adds_s: int = 0
    end: float | None = None


Reader = Callable[[str, float], dict[str, Any]]


def read(pairs: Sequence[tuple[str, str]], now: float) -> Change:
    """Raises `Wrong`."""
    change = Change({})
    for name, value in pairs:
        key = name.lower()
        if key in ("timelimit", "time_limit") and value[:1] in "+-" and value[1:]:
            sign = -1 if value[0] == "-" else 1
            change = change._replace(adds_s=sign * (_seconds(value[1:], "TimeLimit") or UNLIMITED_S))
        elif key == "priority":
            number = _priority(value)
            change = change._replace(hold=number == 0, priority=number or None)
        elif key == "endtime":
            change = change._replace(end=moment(value, now))
        else:
            _put(change.body, _read(key, name, value, now))
    if not (change.body or change.adds_s or change.hold or change.priority or change.end is not None):
        raise Wrong("No changes specified")
    return change


def _put(body: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        body[key] = {**body[key], **value} if key == "metadata" and key in body else value


def _read(key: str, name: str, value: str, now: float) -> dict[str, Any]:
    reader = _READERS.get(key)
    if reader is None and len(key) >= LEAST:
        found = {one for one in _READERS if one.startswith(key)}
        reader = _READERS[found.pop()] if len(found) == 1 else None
    if reader is None:
        raise Wrong(f"Update of this parameter is not supported: {name}={value}", "Request aborted")
    return reader(value, now)


def _priority(value: str) -> int:
    if not value.isdecimal() or len(value) > len(str(PRIORITY_MAX)) or int(value) > PRIORITY_MAX:
        raise Wrong(f"scontrol: error: Invalid Priority value: {value}")
    return int(value)


def _text(key: str) -> Reader:
    return lambda value, now: {key: value}


def _kept(key: str) -> Reader:
    return lambda value, now: {"metadata": {f"slurm.{key}": value}}


def _number(key: str, shown: str) -> Reader:
    def read_one(value: str, now: float) -> dict[str, Any]:
        if not value.lstrip("-").isdecimal() or len(value) > 10:
            raise Wrong(f"scontrol: error: Invalid {shown} value: {value}")
        return {key: int(value)}

    return read_one


def _span(value: str, now: float) -> dict[str, Any]:
    """`2`, `2-4`; of CPUs and nodes."""
    least, dash, most = value.partition("-")
    if not least.isdecimal() or (dash and not most.isdecimal()) or len(value) > 21:
        raise Wrong(f"scontrol: error: Invalid node count: {value}")
    return {"nodes": int(least), **({"nodes_max": int(most)} if dash else {})}


def _cpus(value: str, now: float) -> dict[str, Any]:
    least = value.partition("-")[0]
    return _number("cpus", "NumCPUs")(least, now)


def _memory(value: str, now: float) -> dict[str, Any]:
    try:
        return {"memory_mib": parse_memory(value)}
    except Invalid:
        raise Wrong(f"scontrol: error: Invalid memory size: {value}") from None


def _limit(key: str, shown: str) -> Reader:
    def read_one(value: str, now: float) -> dict[str, Any]:
        return {key: _seconds(value, shown) or UNLIMITED_S}

    return read_one


def _seconds(value: str, shown: str) -> int | None:
    try:
        if value.upper() in ("UNLIMITED", "INFINITE", "-1"):
            return None
        return parse_walltime(value)
    except Invalid:
        raise Wrong(f"scontrol: error: Invalid {shown} value") from None


def moment(value: str, now: float) -> float:
    """Seconds since 1970 of a time as Slurm reads it, in the caller's zone. Raises `Wrong`."""
    zone = datetime.fromtimestamp(now).astimezone().tzinfo
    try:
        return parse_begin(value, now, zone) if zone is not None else parse_begin(value, now)
    except Invalid:
        raise Wrong(f"Invalid time specification (pos=0): {value}", "No changes specified") from None


def _time(key: str, none: str | None = None) -> Reader:
    def read_one(value: str, now: float) -> dict[str, Any]:
        return {key: "" if not value or value == none else rfc3339(moment(value, now))}

    return read_one


def _flag(value: str, now: float) -> dict[str, Any]:
    if value not in ("0", "1"):
        raise Wrong(f"scontrol: error: Invalid Requeue value: {value}")
    return {"requeue": value == "1"}


def _none_is_empty(key: str) -> Reader:
    return lambda value, now: {key: "" if value.lower() in ("(null)", "none") else value}


def _licences(value: str, now: float) -> dict[str, Any]:
    wanted: dict[str, int] = {}
    for part in filter(None, value.replace(";", ",").split(",")):
        name, _, many = part.replace("=", ":").partition(":")
        if many and not many.isdecimal():
            raise Wrong(f"scontrol: error: Invalid Licenses value: {value}")
        wanted[name.partition("@")[0]] = int(many or 1)
    return {"licences": wanted}


def _gres(value: str, now: float) -> dict[str, Any]:
    """`gpu:2`, `gpu:a100:2`, `gres/gpu:2`."""
    parts = value.removeprefix("gres/").replace("=", ":").split(":")
    if parts[0] not in ("gpu", "gpus") or not parts[-1].isdecimal() or len(parts) > 3:
        raise Wrong(f"scontrol: error: Invalid Gres value: {value}")
    return {"gpus": int(parts[-1]), **({"gpu_type": parts[1]} if len(parts) == 3 else {})}


_READERS: Mapping[str, Reader] = {
    "account": _text("account"),
    "admincomment": _kept("admin-comment"),
    "arraytaskthrottle": _number("array_throttle", "ArrayTaskThrottle"),
    "burstbuffer": _kept("bb"),
    "clusterfeatures": _kept("cluster-constraint"),
    "comment": _kept("comment"),
    "contiguous": _kept("contiguous"),
    "corespec": _kept("core-spec"),
    "cpuspertask": _kept("cpus-per-task"),
    "deadline": _time("deadline_at"),
    "delayboot": _kept("delay-boot"),
    "dependency": _text("after"),
    "eligibletime": _time("begin_at"),
    "excnodelist": _none_is_empty("exclude"),
    "extra": _kept("extra"),
    "features": _none_is_empty("constraint"),
    "gres": _gres,
    "jobname": _text("name"),
    "licenses": _licences,
    "mailtype": _kept("mail-type"),
    "mailuser": _kept("mail-user"),
    "mincpusnode": _kept("mincpus"),
    "minmemorycpu": _memory,
    "minmemorynode": _memory,
    "mintmpdisknode": _kept("tmp"),
    "name": _text("name"),
    "network": _kept("network"),
    "nice": _number("nice", "Nice"),
    "nodelist": _none_is_empty("nodelist"),
    "numcpus": _cpus,
    "numnodes": _span,
    "numtasks": _number("tasks", "NumTasks"),
    "oversubscribe": _kept("oversubscribe"),
    "partition": _text("partition"),
    "prefer": _kept("prefer"),
    "qos": _text("qos"),
    "reboot": _kept("reboot"),
    "reqcores": _kept("cores-per-socket"),
    "reqnodelist": _none_is_empty("nodelist"),
    "reqnodes": _span,
    "reqprocs": _cpus,
    "reqsockets": _kept("sockets-per-node"),
    "reqthreads": _kept("threads-per-core"),
    "requeue": _flag,
    "reservationname": _none_is_empty("reservation"),
    "shared": _kept("oversubscribe"),
    "sitefactor": _kept("site-factor"),
    "starttime": _time("begin_at"),
    "stderr": _text("stderr"),
    "stdin": _kept("input"),
    "stdout": _text("stdout"),
    "switches": _kept("switches"),
    "systemcomment": _kept("system-comment"),
    "taskspernode": _number("tasks_per_node", "TasksPerNode"),
    "timelimit": _limit("time_limit_s", "TimeLimit"),
    "timemin": _limit("time_min_s", "TimeMin"),
    "wckey": _kept("wckey"),
    "workdir": _text("working_dir"),
}
