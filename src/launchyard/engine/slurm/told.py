"""What Slurm's commands print, read: jobs, nodes, partitions, settings. Pure.

Commands are asked in a form of our own: fields apart by a character that no value has, times in UTC, the
comment last. What does not read as expected is left out rather than guessed at.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.node import Node, NodeState
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.walltime import parse_walltime

APART = "\x1f"
"""Between fields: it is in no name or path that Slurm takes from us."""
SQUEUE_FIELDS = {
    **{"JobID": "%A", "State": "%T", "Reason": "%r", "UserID": "%U", "StartTime": "%S", "SubmitTime": "%V"},
    **{"EndTime": "%e", "NodeList": "%N", "NumCPUs": "%C", "NumNodes": "%D", "Partition": "%P"},
    **{"Account": "%a", "QOS": "%q", "MinMemory": "%m", "tres-per-node": "%b", "TimeLimit": "%l"},
    **{"ArrayJobID": "%F", "ArrayTaskID": "%K", "tres-alloc": ""},
}
"""By their long names, with their letters; what a job has in all has none."""
SQUEUE_TEXTS = {"WorkDir": "%Z", "Name": "%j", "Comment": "%k"}
"""Texts of users."""
LONG_NAMES_SINCE = (20, 11)
"""Of Slurm: long names of fields, each as wide as it is and with what comes after it."""
SACCT_FIELDS = ("JobIDRaw", "State", "ExitCode", "Start", "End", "NodeList", "UID", "Submit", "Comment")

MARK = "launchyard:"
"""In the comment, the last word of it: whose launch a job of Slurm's is."""
PENDING, COMPLETING = "PENDING", "COMPLETING"
BEFORE_START = frozenset({PENDING, "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
ENDED = frozenset(
    (
        *("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL"),
        *("DEADLINE", "OUT_OF_MEMORY", "LAUNCH_FAILED", "REVOKED"),
    )
)


class Row(NamedTuple):
    """A job as squeue tells of it. Times are seconds since 1970; `launch` is the mark in its comment."""

    slurm_id: int
    state: str
    reason: str
    uid: int
    start_at: float | None
    submitted_at: float | None
    end_at: float | None
    nodes: tuple[str, ...]
    cpus: int
    partition: str
    account: str
    qos: str
    memory_mib: int
    """In all, where Slurm tells so; an older one tells of a node or of a CPU, and not of which."""
    gpus: int
    """On each node."""
    time_limit_s: int | None
    array: int | None
    """The id of the array that it is a part of."""
    working_dir: str
    name: str
    launch: str | None


def squeue_words(version: tuple[int, ...]) -> tuple[str, str]:
    """How squeue of this version is asked for the fields, then the texts, in their order."""
    fields = {**SQUEUE_FIELDS, **SQUEUE_TEXTS}
    if version < LONG_NAMES_SINCE:
        return "-o", APART.join(fields.values())
    return "-O", f":{APART},".join(fields) + ":"


class Rows:
    """Reads look after look; a line that is as it was before is the same `Row` again, and costs nothing."""

    def __init__(self) -> None:
        self._known: dict[str, Row] = {}

    def read(self, output: str) -> list[Row]:
        """The jobs in the output of `squeue -h` with `squeue_words`, run with TZ=UTC."""
        before, self._known = self._known, {}
        for line in output.split("\n"):
            row = before.get(line) or _row_of(line)
            if row is not None:
                self._known[line] = row
        return list(self._known.values())


def rows_of(output: str) -> list[Row]:
    """As `Rows.read`, of one look."""
    return Rows().read(output)


def _row_of(line: str) -> Row | None:
    fields = line.split(APART, len(SQUEUE_FIELDS) + len(SQUEUE_TEXTS) - 1)
    whole = len(fields) == len(SQUEUE_FIELDS) + len(SQUEUE_TEXTS) and fields[0].isdigit()
    return _row(fields) if whole else None


def _row(fields: list[str]) -> Row:
    slurm_id, state, reason, uid, start, submit, end, nodes, cpus, node_count, partition = fields[:11]
    account, qos, memory, gres, limit, array, index, tres, directory, name, comment = fields[11:]
    memory_mib, gpus = amounts_in(tres)
    count = max(1, _number(node_count, 1))
    of_array = int(array) if array.isdigit() and index not in ("", "N/A") else None
    return Row(
        slurm_id=int(slurm_id),
        state=state.partition("+")[0],
        reason=reason,
        uid=int(uid) if uid.isdigit() else -1,
        start_at=moment(start),
        submitted_at=moment(submit),
        end_at=moment(end),
        nodes=names_in(nodes),
        cpus=int(cpus) if cpus.isdigit() else 1,
        partition=partition,
        account=account,
        qos=qos,
        memory_mib=_mib(memory) * count if memory_mib is None else memory_mib,
        gpus=gpus_in(gres) if gpus is None else -(-gpus // count),
        time_limit_s=_limit(limit),
        array=of_array,
        working_dir=directory,
        name=name,
        launch=launch_in(comment),
    )


def marked(comment: str, launch_id: str) -> str:
    """A user's comment with the mark of a launch."""
    return f"{comment} {MARK}{launch_id}" if comment else f"{MARK}{launch_id}"


def launch_in(comment: str) -> str | None:
    """The launch whose mark a comment ends with."""
    _, space_and_mark, launch_id = comment.rpartition(MARK)
    return launch_id if space_and_mark and launch_id.isalnum() else None


def moment(text: str) -> float | None:
    """`2026-11-22T02:10:00` in UTC; None for `N/A` and `Unknown`."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


class Accounted(NamedTuple):
    """A job as sacct tells of it."""

    slurm_id: int
    state: str
    exit_code: int
    signal: int
    start_at: float | None
    end_at: float | None
    nodes: tuple[str, ...]
    uid: int
    submitted_at: float | None
    launch: str | None


def accounted(output: str) -> list[Accounted]:
    """The jobs in the output of `sacct -X -n -P -o SACCT_FIELDS --delimiter APART`."""
    found = []
    for line in output.split("\n"):
        fields = line.split(APART, len(SACCT_FIELDS) - 1)
        if len(fields) == len(SACCT_FIELDS) and fields[0].isdigit():
            code, _, number = fields[2].partition(":")
            found.append(
                Accounted(
                    slurm_id=int(fields[0]),
                    state=fields[1].split(" ")[0].partition("+")[0],
                    exit_code=int(code) if code.isdigit() else 0,
                    signal=int(number) if number.isdigit() else 0,
                    start_at=moment(fields[3]),
                    end_at=moment(fields[4]),
                    nodes=names_in(fields[5]),
                    uid=int(fields[6]) if fields[6].isdigit() else -1,
                    submitted_at=moment(fields[7]),
                    launch=launch_in(fields[8]),
                )
            )
    return found


def exit_of(record: Mapping[str, str]) -> tuple[int, int]:
    """Exit code and signal in `scontrol show job`; no code is 0."""
    code, _, number = record.get("ExitCode", "").partition(":")
    return int(code) if code.isdigit() else 0, int(number) if number.isdigit() else 0


def records(output: str) -> list[Mapping[str, str]]:
    """Lines of `scontrol -o show ...`, each a record of `Name=value` words."""
    return [found for line in output.split("\n") if (found := _words(line))]


def _words(line: str) -> Mapping[str, str]:
    """A word without `=` belongs to the value before it."""
    found: dict[str, str] = {}
    name = ""
    for word in line.split(" "):
        key, equals, value = word.partition("=")
        if equals and key and key[0].isupper() and (key.isalnum() or key.replace(":", "").isalnum()):
            name = key
            found[name] = value
        elif name and word:
            found[name] += f" {word}"
    return found


def settings_of(output: str) -> Mapping[str, str]:
    """`scontrol show config`."""
    pairs = (line.partition("=") for line in output.split("\n"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def default_accounts(found: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """By user, of `scontrol -o show assoc_mgr flags=users`: `UserName=ada(1001) DefAccount=physics`."""
    pairs = ((one.get("UserName", ""), one.get("DefAccount", "")) for one in found)
    return {user.partition("(")[0]: name for user, name in pairs if user and name not in ("", "(null)")}


def version_of(text: str) -> tuple[int, ...]:
    """Of `22.05.8`; of what is not known the newest."""
    found = re.match(r"(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2])) if found else (99, 0)


def seconds_in(text: str) -> int | None:
    """`300 sec`, `60`; None for what is no number."""
    number = text.split(" ")[0]
    return int(number) if number.isdigit() else None


def nodes_of(found: Iterable[Mapping[str, str]], cluster: str) -> tuple[Node, ...]:
    """Nodes as `scontrol -o show node` has them."""
    return tuple(_node(one, cluster) for one in found if one.get("NodeName"))


_DOWN = ("DOWN", "NOT_RESPONDING", "POWERED_DOWN", "POWERING_DOWN", "FAIL", "UNKNOWN", "FUTURE", "INVAL")
_DRAINED = ("DRAIN", "MAINT", "RESERVED", "REBOOT_REQUESTED", "REBOOT_ISSUED")


def _node(one: Mapping[str, str], cluster: str) -> Node:
    words = [word.strip("*~#!%$@^-") for word in one.get("State", "UNKNOWN").split("+")]
    state = NodeState.UP
    if any(word in _DOWN for word in words) or "*" in one.get("State", ""):
        state = NodeState.DOWN
    elif any(word in _DRAINED for word in words):
        state = NodeState.DRAIN
    reason = one.get("Reason", "").partition(" [")[0]
    features = one.get("ActiveFeatures") or one.get("AvailableFeatures", "")
    gres = one.get("Gres", "")
    return Node(
        name=one["NodeName"],
        cpus=_number(one.get("CPUTot"), 1),
        memory_mib=_number(one.get("RealMemory"), 0),
        gpus=gpus_in(gres),
        gpu_type=_gpu_type(gres),
        cluster=cluster,
        state=state,
        reason=reason if state is not NodeState.UP else "",
        features=tuple(part for part in features.split(",") if part and part != "(null)"),
        threads_per_core=max(1, _number(one.get("ThreadsPerCore"), 1)),
        pinned=False,
    )


_PARTITION_STATES = {
    "UP": PartitionState.UP,
    "DOWN": PartitionState.DOWN,
    "DRAIN": PartitionState.DRAIN,
    "INACTIVE": PartitionState.INACTIVE,
}


def partitions_of(found: Iterable[Mapping[str, str]], cluster: str) -> tuple[Partition, ...]:
    """Partitions as `scontrol -o show partition` has them."""
    return tuple(_partition(one, cluster) for one in found if one.get("PartitionName"))


def _partition(one: Mapping[str, str], cluster: str) -> Partition:
    limit_s = _limit(one.get("MaxTime", ""))
    default_s = _limit(one.get("DefaultTime", ""))
    most = one.get("MaxNodes", "")
    return Partition(
        name=one["PartitionName"],
        nodes=names_in(one.get("Nodes", "")),
        cluster=cluster,
        default=one.get("Default") == "YES",
        tier=_number(one.get("PriorityTier"), 0),
        priority=_number(one.get("PriorityJobFactor"), 0),
        time_limit_default_s=default_s if default_s is not None else limit_s,
        time_limit_max_s=limit_s,
        nodes_min=max(1, _number(one.get("MinNodes"), 1)),
        nodes_max=int(most) if most.isdigit() and int(most) else None,
        accounts=_allowed(one.get("AllowAccounts", "ALL")),
        denied_accounts=_allowed(one.get("DenyAccounts", "")),
        qos=_allowed(one.get("AllowQos", "ALL")),
        denied_qos=_allowed(one.get("DenyQos", "")),
        groups=_allowed(one.get("AllowGroups", "ALL")),
        state=_PARTITION_STATES.get(one.get("State", "UP"), PartitionState.UP),
    )


def _allowed(text: str) -> tuple[str, ...]:
    return () if text in ("", "ALL", "(null)") else tuple(text.split(","))


def names_in(text: str) -> tuple[str, ...]:
    """`n[1-2]`; a list of reasons in brackets, as squeue has it for what waits, is no name."""
    if not text or text.startswith("(") or text in ("None assigned", "N/A"):
        return ()
    try:
        return tuple(expand(text))
    except Invalid:
        return ()


def _limit(text: str) -> int | None:
    """`1-00:00:00`; bare minutes; None for no limit and for what is not known."""
    if text in ("", "NONE", "N/A", "NOT_SET", "INVALID", "Partition_Limit"):
        return None
    try:
        return parse_walltime(text)
    except Invalid:
        return None


_UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}


def _mib(text: str) -> int:
    """`4000M`, `1.5G`, `0`."""
    number, unit = (text[:-1], text[-1]) if text and text[-1] in _UNITS else (text, "M")
    try:
        return int(float(number) * _UNITS[unit])
    except ValueError:
        return 0


def gpus_in(gres: str) -> int:
    """How many GPUs `gpu:fake:2(S:0),shard:4`, `gres:gpu:2` or `gres/gpu:2` has in all."""
    count = 0
    for part in gres.split(","):
        words = (
            part.partition("(")[0].removeprefix("gres/").removeprefix("gres:").replace("=", ":").split(":")
        )
        if words[0] == "gpu":
            count += int(words[-1]) if words[-1].isdigit() else 1
    return count


def amounts_in(tres: str) -> tuple[int | None, int | None]:
    """Memory in MiB and GPUs of `cpu=2,mem=2000M,node=1,gres/gpu=1`; None for what is not in there: a site
    need not count its GPUs so."""
    found = dict(part.split("=", 1) for part in tres.split(",") if "=" in part)
    gpus = found.get("gres/gpu", "")
    return _mib(found["mem"]) if "mem" in found else None, int(gpus) if gpus.isdigit() else None


def _gpu_type(gres: str) -> str:
    for part in gres.split(","):
        words = part.partition("(")[0].removeprefix("gres/").split(":")
        if words[0] == "gpu" and len(words) == 3:
            return words[1]
    return ""


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdigit() else otherwise
