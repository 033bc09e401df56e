"""The fields of `sinfo -o` (by letter) and `-O` (by name), and the rows: nodes put together that look alike.

A row is a group of nodes of one partition, or of several where no field shown tells them apart. What tells
nodes and partitions apart, the text, the order: each field says it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm import times
from launchyard.slurm.formats import printable
from launchyard.slurm.nodes import (
    STATE,
    Row,
    State,
    counts_of_cpus,
    counts_of_nodes,
    folded,
    gres,
    gres_used,
    natural,
    state_of,
)


class Group(NamedTuple):
    """One line of output. `partition` is the first one in it; a partition may have no nodes."""

    partition: Row
    place: int
    nodes: list[Row]
    states: list[State]


class Around(NamedTuple):
    """`uid` answers a user's number; `stamp` writes times, `n/a` is its word for none."""

    stamp: times.Stamp
    uid: Callable[[str], int | None]
    version: str = ""


class NodeField(NamedTuple):
    """`nodes`, `partition`: the columns needed. `node_key`, `partition_key`: what tells rows apart by it.

    `exact_key` does so with `--exact` only. `order` is for sorting, the text where there is none.
    """

    header: str
    nodes: str
    partition: str
    text: Callable[[Group, Around], str]
    node_key: Callable[[Row], Any] | None = None
    partition_key: Callable[[Row], Any] | None = None
    exact_key: Callable[[Row], Any] | None = None
    order: Callable[[Group], Any] | None = None


def _of_partition(
    header: str, columns: str, text: Callable[[Row], str], order: Callable[[Row], Any] | None = None
) -> NodeField:
    return NodeField(
        header,
        "",
        columns,
        lambda group, around: text(group.partition),
        partition_key=text,
        order=None if order is None else lambda group: order(group.partition),
    )


def _always(header: str, text: str) -> NodeField:
    return NodeField(header, "", "", lambda group, around: text)


def _of_node(header: str, columns: str, text: Callable[[Row], str]) -> NodeField:
    """Nodes that differ in it are on lines of their own."""
    return NodeField(
        header,
        columns,
        "",
        lambda group, around: text(group.nodes[0]) if group.nodes else "n/a",
        node_key=text,
    )


def _size(header: str, column: str) -> NodeField:
    """A number; the least with a `+` where nodes differ."""
    return NodeField(
        header,
        column,
        "",
        lambda group, around: _least(group.nodes, column),
        exact_key=lambda row: row[column],
        order=lambda group: min((row[column] for row in group.nodes), default=0),
    )


def _least(rows: Sequence[Row], column: str) -> str:
    values = {row[column] for row in rows}
    return f"{min(values)}{'+' if len(values) > 1 else ''}" if values else "0"


def _range(header: str, column: str, shape: str) -> NodeField:
    def text(group: Group, around: Around) -> str:
        values = [row[column] for row in group.nodes if row[column] is not None]
        if not values:
            return "N/A"
        least, most = shape % min(values), shape % max(values)
        return least if least == most else f"{least}-{most}"

    return NodeField(
        header,
        column,
        "",
        text,
        exact_key=lambda row: row[column],
        order=lambda group: min((row[column] or 0 for row in group.nodes), default=0),
    )


def _names(group: Group, around: Around) -> str:
    return folded(row["name"] for row in group.nodes)


def _name(row: Row) -> Any:
    """Slurm puts no two nodes together that are reached by different names, where these are shown."""
    return row["name"]


def _name_order(group: Group) -> Any:
    return natural(min((row["name"] for row in group.nodes), key=natural, default=""))


def _state(header: str, text: Callable[[State], str]) -> NodeField:
    return NodeField(
        header,
        STATE,
        "",
        lambda group, around: text(group.states[0]) if group.states else "n/a",
        node_key=lambda row: state_of(row).long,
        order=lambda group: group.states[0].rank if group.states else 0,
    )


def _shape(group: Group, around: Around) -> str:
    return ":".join(_least(group.nodes, column) for column in ("sockets", "cores", "threads"))


def _reason_user(row: Row) -> str:
    """Nobody is the server itself, which Slurm's words call root."""
    return (row["reason_user"] or "root") if row["reason"] else "Unknown"


def _user_text(group: Group, around: Around) -> str:
    user = _reason_user(group.nodes[0]) if group.nodes else "Unknown"
    number = around.uid(user) if user != "Unknown" else None
    return user if number is None else f"{user}({number})"


def _reason_at(group: Group, around: Around) -> str:
    row = group.nodes[0] if group.nodes else None
    return around.stamp(row["reason_at"] if row is not None and row["reason"] else None)


def _job_size(row: Row) -> str:
    least, most = row["nodes_min"], row["nodes_max"]
    if most is None:
        return f"{least}-infinite"
    return str(least) if least == most else f"{least}-{most}"


def _limit(seconds: float | None) -> str:
    return "infinite" if seconds is None else times.clock(seconds)


def _default_time(row: Row) -> str:
    """Without one it is the longest time there is."""
    return "n/a" if row["time_limit_s"] == row["time_limit_max_s"] else _limit(row["time_limit_s"])


def _title(row: Row) -> str:
    return f"{row['name']}*" if row["default"] else str(row["name"])


AVAILABLE = {"up": "up", "down": "down", "drain": "drain", "inactive": "inact"}

_N, _P = NodeField, _of_partition
_REASON = "reason reason_user reason_at"

FIELDS: Mapping[str, NodeField] = {
    "available": _P("AVAIL", "state", lambda row: AVAILABLE[row["state"]]),
    "features_act": _of_node(
        "ACTIVE_FEATURES", "features", lambda row: ",".join(row["features"]) or "(null)"
    ),
    "cpus": _size("CPUS", "cpus"),
    "disk": _always("TMP_DISK", "0"),
    "freemem": _range("FREE_MEM", "memory_free_mib", "%d"),
    "features": _of_node("AVAIL_FEATURES", "features", lambda row: ",".join(row["features"]) or "(null)"),
    "groups": _P("GROUPS", "groups", lambda row: ",".join(row["groups"]) or "all"),
    "oversubscribe": _always("OVERSUBSCRIBE", "NO"),
    "reservation": _of_node("RESERVATION", "reservation", lambda row: row["reservation"] or ""),
    "priorityjobfactor": _P("PRIO_JOB_FACTOR", "priority", lambda row: str(row["priority"])),
    "time": _P(
        "TIMELIMIT",
        "time_limit_max_s",
        lambda row: _limit(row["time_limit_max_s"]),
        lambda row: row["time_limit_max_s"] or float("inf"),
    ),
    "defaulttime": _P("DEFAULTTIME", "time_limit_s time_limit_max_s", _default_time),
    "memory": _size("MEMORY", "memory_mib"),
    "preemptmode": _P("PREEMPT_MODE", "preempt_mode", lambda row: row["preempt_mode"].upper()),
    "nodehost": _N("HOSTNAMES", "name", "", _names, node_key=_name, order=_name_order),
    "nodelist": _N("NODELIST", "name", "", _names, order=_name_order),
    "nodeaddr": _N("NODE_ADDR", "name", "", _names, node_key=_name, order=_name_order),
    "cpusload": _range("CPU_LOAD", "load", "%.2f"),
    "prioritytier": _P("PRIO_TIER", "tier", lambda row: str(row["tier"]), lambda row: row["tier"]),
    "partition": _P("PARTITION", "name default", _title),
    "partitionname": _P("PARTITION", "name", lambda row: row["name"]),
    "root": _always("ROOT", "no"),
    "size": _P("JOB_SIZE", "nodes_min nodes_max", _job_size, lambda row: row["nodes_max"] or float("inf")),
    "allocnodes": _always("ALLOCNODES", "all"),
    "statecompact": _state("STATE", lambda state: state.compact),
    "statelong": _state("STATE", lambda state: state.long),
    "statecomplete": _state("STATECOMPLETE", lambda state: state.full.lower()),
    "user": _N(
        "USER",
        _REASON,
        "",
        lambda group, around: _reason_user(group.nodes[0]) if group.nodes else "Unknown",
        node_key=_reason_user,
    ),
    "userlong": _N("USER", _REASON, "", _user_text, node_key=_reason_user),
    "reason": _of_node("REASON", "reason", lambda row: printable(row["reason"] or "none")),
    "timestamp": _N(
        "TIMESTAMP",
        _REASON,
        "",
        _reason_at,
        node_key=lambda row: int(row["reason_at"] or 0) if row["reason"] else 0,
        order=lambda group: group.nodes[0]["reason_at"] or 0 if group.nodes else 0,
    ),
    "version": _N("VERSION", "", "", lambda group, around: around.version),
    "cluster": _always("CLUSTER", "N/A"),
    "weight": _always("WEIGHT", "1"),
    "sockets": _size("SOCKETS", "sockets"),
    "cores": _size("CORES", "cores"),
    "threads": _size("THREADS", "threads"),
    "socketcorethread": _N(
        "S:C:T",
        "sockets cores threads",
        "",
        _shape,
        exact_key=lambda row: (row["sockets"], row["cores"], row["threads"]),
    ),
    "nodeai": _N(
        "NODES(A/I)",
        STATE,
        "",
        lambda group, around: "{}/{}".format(*counts_of_nodes(group.states)),
        order=lambda group: counts_of_nodes(group.states).allocated,
    ),
    "maxcpuspernode": _always("MAX_CPUS_PER_NODE", "UNLIMITED"),
    "cpusstate": _N(
        "CPUS(A/I/O/T)",
        "cpus cpus_used_milli state",
        "",
        lambda group, around: counts_of_cpus(group.nodes).text,
        order=lambda group: counts_of_cpus(group.nodes).allocated,
    ),
    "nodes": _N(
        "NODES",
        "name",
        "",
        lambda group, around: str(len(group.nodes)),
        order=lambda group: len(group.nodes),
    ),
    "nodeaiot": _N(
        "NODES(A/I/O/T)",
        STATE,
        "",
        lambda group, around: counts_of_nodes(group.states).text,
        order=lambda group: counts_of_nodes(group.states).allocated,
    ),
    "gres": _of_node("GRES", "gpus gpu_type", lambda row: gres(row) or "(null)"),
    "gresused": _of_node(
        "GRES_USED",
        "gpus gpu_type gpus_used gpu_ids_used",
        gres_used,
    ),
    "allocmem": _of_node("ALLOCMEM", "memory_used_mib", lambda row: str(row["memory_used_mib"])),
    "comment": _always("COMMENT", "(null)"),
    "extra": _always("EXTRA", "(null)"),
    "port": _always("PORT", "6818"),
}
"""By the name of `-O` in small letters."""

LETTERS: Mapping[str, str] = {
    **{"a": "available", "A": "nodeai", "b": "features_act", "B": "maxcpuspernode", "c": "cpus"},
    **{"C": "cpusstate", "d": "disk", "D": "nodes", "e": "freemem", "E": "reason", "f": "features"},
    **{"F": "nodeaiot", "g": "groups", "G": "gres", "h": "oversubscribe", "H": "timestamp"},
    **{"i": "reservation", "I": "priorityjobfactor", "l": "time", "L": "defaulttime", "m": "memory"},
    **{"M": "preemptmode", "n": "nodehost", "N": "nodelist", "o": "nodeaddr", "O": "cpusload"},
    **{"p": "prioritytier", "P": "partition", "r": "root", "R": "partitionname", "s": "size"},
    **{"S": "allocnodes", "t": "statecompact", "T": "statelong", "u": "user", "U": "userlong"},
    **{"v": "version", "V": "cluster", "w": "weight", "X": "sockets", "Y": "cores", "Z": "threads"},
    "z": "socketcorethread",
}
NAMES: Mapping[str, str] = {
    **{name: name for name in FIELDS},
    "priority": "prioritytier",
    "state": "statelong",
}
HEADERS = {name: field.header for name, field in FIELDS.items()}


def node_columns(names: Iterable[str], *more: str) -> list[str]:
    """The columns of nodes that these fields need, and those needed to put nodes together."""
    return _columns((FIELDS[name].nodes for name in names), STATE, "name", *more)


def partition_columns(names: Iterable[str], *more: str) -> list[str]:
    return _columns((FIELDS[name].partition for name in names), "name", "nodes", *more)


def _columns(texts: Iterable[str], *more: str) -> list[str]:
    return list(dict.fromkeys(word for text in (*texts, *more) for word in text.split()))


def groups(
    names: Sequence[str],
    partitions: Sequence[Row],
    nodes: Mapping[str, Row],
    *,
    apart: bool = False,
    exact: bool = False,
    empty: bool = False,
) -> list[Group]:
    """The rows. `apart`: each node of each partition has its own; `empty`: partitions without nodes too.

    `nodes` are those that may be shown, by name, in their order.
    """
    chosen = [FIELDS[name] for name in names]
    node_keys = [one for field in chosen for one in _keys_of(field, exact)]
    partition_keys = [field.partition_key for field in chosen if field.partition_key is not None]
    by_node = {name: (state_of(row), tuple(key(row) for key in node_keys)) for name, row in nodes.items()}
    found: dict[Any, Group] = {}
    seen: set[Any] = set()
    for place, partition in enumerate(partitions):
        kind = tuple(key(partition) for key in partition_keys)
        here = [name for name in partition["nodes"] if name in nodes]
        if not here and empty:
            found.setdefault((kind, None), Group(partition, place, [], []))
        for name in here:
            state, likeness = by_node[name]
            key = (place, name) if apart else (kind, likeness)
            if (key, name) in seen:
                continue
            seen.add((key, name))
            group = found.get(key)
            if group is None:
                group = found[key] = Group(partition, place, [], [])
            group.nodes.append(nodes[name])
            group.states.append(state)
    return list(found.values())


def _keys_of(field: NodeField, exact: bool) -> list[Callable[[Row], Any]]:
    keys = (field.node_key, field.exact_key if exact else None)
    return [key for key in keys if key is not None]


def in_order(rows: list[Group], keys: str, around: Around) -> list[Group]:
    """Sorted as `-S` says: `#P,-t`; `#` means as configured. Letters that there are not say nothing."""
    for key in reversed(keys.split(",")):
        word = key.strip()
        falling = word.startswith("-")
        word = word.lstrip("+-")
        if word.startswith("#") and word[1:2] == "P":
            rows = sorted(rows, key=lambda group: group.place, reverse=falling)
        elif (name := LETTERS.get(word[:1])) is not None:
            rows = sorted(rows, key=_order(FIELDS[name], around), reverse=falling)
    return rows


def _order(field: NodeField, around: Around) -> Callable[[Group], Any]:
    return field.order or (lambda group: field.text(group, around))
