"""The nodes of a slurm.conf as our `[[nodes]]`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from launchyard.model.hostlist import compress
from launchyard.model.light import Any
from launchyard.slurm import confvalues as of
from launchyard.slurm.conf import Conf, Record
from launchyard.slurm.confnames import NODE_KEYS
from launchyard.slurm.confnotes import Notes

_WEIGHT = "nodes are chosen by what is free on them; there is no weight"
_PLACE = "nodes are known by their names; addresses belong to the engine"
_KEPT = "nothing of a node is kept back; write fewer CPUs or less memory"
WHY = {
    **dict.fromkeys(("weight",), _WEIGHT),
    **dict.fromkeys(("nodeaddr", "nodehostname", "port", "bcastaddr"), _PLACE),
    **dict.fromkeys(("corespeccount", "cpuspeclist", "memspeclimit", "restrictedcorespergpu"), _KEPT),
    "tmpdisk": "local disk is not counted",
    "cpubind": "whole CPUs are always pinned",
    "tresweights": "billing is one for all nodes: `[scheduler.billing]`",
    "reason": "say it with: ly nodes drain NODE --reason TEXT",
}
USED = frozenset(
    (
        "cpus",
        "procs",
        "sockets",
        "socketsperboard",
        "boards",
        "corespersocket",
        "threadspercore",
        "realmemory",
    )
) | {"gres", "feature", "features", "state"}
ABSENT = ("future", "cloud")
CLOSED = ("drain", "draining", "drained", "down", "fail", "failing")
MEMORY_A_CPU_MIB = 1024


@dataclass(frozen=True, slots=True)
class Gpus:
    """From a gres.conf: GPUs of nodes that it names, or of all nodes."""

    nodes: frozenset[str] | None
    kind: str
    count: int | None


def with_defaults(records: Sequence[Record]) -> list[Record]:
    """A line `NodeName=DEFAULT` holds for those that follow, until another one says otherwise."""
    defaults: dict[str, str] = {}
    found = []
    for record in records:
        if record.name.upper() == "DEFAULT":
            defaults.update(record.values)
        else:
            found.append(replace(record, values={**defaults, **record.values}))
    return found


def tables(conf: Conf, gpus: Sequence[Gpus], notes: Notes) -> list[dict[str, Any]]:
    """One table a line; names that were there before are left out."""
    _note_unused(conf, notes)
    seen: set[str] = set()
    found = []
    for record in with_defaults(conf.of_kind("NodeName")):
        names = of.nodes(record.name)
        if names is None:
            notes.add(record.place, f"NodeName={record.name}", "the names are not understood")
            continue
        state = record.values.get("state", "").lower()
        if state in ABSENT:
            notes.of(record, "state", f"nodes that are {state} are not there; add them when they are")
            continue
        if state in CLOSED:
            notes.of(record, "state", f"close them when the server runs: ly nodes drain {record.name}")
        fresh = [name for name in dict.fromkeys(names) if name not in seen]
        if len(fresh) < len(names):
            notes.add(record.place, f"NodeName={record.name}", "nodes that were named before are left out")
        if fresh:
            seen.update(fresh)
            found.append(_table(record, fresh, gpus, notes))
    return found


def _note_unused(conf: Conf, notes: Notes) -> None:
    for record in conf.of_kind("NodeName"):
        for key in record.values:
            if key not in USED:
                unknown = "there is no such word in a line of nodes" if key not in NODE_KEYS else ""
                notes.of(record, key, WHY.get(key) or unknown or "there is nothing like it here")


def _table(record: Record, names: list[str], gpus: Sequence[Gpus], notes: Notes) -> dict[str, Any]:
    values = record.values
    cpus = _cpus(record, notes)
    table: dict[str, Any] = {"name": compress(names), "cpus": cpus, "memory": _memory(record, cpus, notes)}
    kind, count = _gpus(record, frozenset(names), gpus, notes)
    if count:
        table["gpus"] = f"{kind}:{count}" if kind else count
    features = of.words(values.get("features") or values.get("feature") or "")
    printable = [word for word in features if word.isprintable()]
    return {**table, "features": printable} if printable else table


def _cpus(record: Record, notes: Notes) -> int:
    values = record.values

    def count(name: str, default: int = 1) -> int:
        text = values.get(name)
        found = default if text is None else of.whole(text, 1, 1_000_000)
        if found is None:
            notes.of(record, name, "this is no number of them; taken as 1")
        return found or 1

    if "cpus" in values or "procs" in values:
        return count("cpus" if "cpus" in values else "procs")
    sockets = count("sockets") if "sockets" in values else count("boards") * count("socketsperboard")
    return min(sockets * count("corespersocket") * count("threadspercore"), 1_000_000)


def _memory(record: Record, cpus: int, notes: Notes) -> str:
    text = record.values.get("realmemory")
    found = None if text is None else of.memory(text)
    if found is None:
        what = "is not said" if text is None else "is not understood"
        notes.of(record, "realmemory", f"the memory {what}; written as 1 GiB a CPU: correct it")
        found = of.memory(str(cpus * MEMORY_A_CPU_MIB))
    return found or "1GiB"


def _gpus(record: Record, names: frozenset[str], known: Sequence[Gpus], notes: Notes) -> tuple[str, int]:
    """Type and number; of several types the first, for all of them."""
    kinds: dict[str, int] = {}
    for word in of.words(_without_brackets(record.values.get("gres", ""))):
        name, *parts = word.split(":")
        if name.lower() != "gpu":
            if name.lower() != "(null)":
                notes.of(
                    record, "gres", f"{name} is not counted; only GPUs are (licences are for the cluster)"
                )
            continue
        count = of.whole(parts[-1], 0, 1_024) if parts and parts[-1].isdigit() else 1
        kind = ":".join(parts[:-1] if parts and parts[-1].isdigit() else parts[:1])
        kinds[kind] = kinds.get(kind, 0) + (count or 0)
    total = min(sum(kinds.values()), 1_024)
    if len(kinds) > 1:
        first = next(iter(kinds))
        notes.of(record, "gres", f"a node has GPUs of one type; all are written as {first or 'untyped'}")
    kind = next(iter(kinds), "")
    if total and not kind:
        fitting = (one.kind for one in known if one.kind and (one.nodes is None or names <= one.nodes))
        kind = next(fitting, "")
    if kind and not of.is_name(kind):
        notes.of(record, "gres", f"the type {kind!r} is no name; left out")
        kind = ""
    return kind, total


def _without_brackets(text: str) -> str:
    """`gpu:4(S:0-1),nic:1` without what stands in brackets."""
    return re.sub(r"\([^)]*\)?", "", text)


def read_gres(text: str) -> list[Gpus]:
    """The lines about GPUs of a gres.conf; others say nothing."""
    found = []
    for raw in text.splitlines():
        values = of.tres(raw.partition("#")[0].replace(",", "\0").replace(" ", ",").replace("\t", ","))
        values = {name: value.replace("\0", ",") for name, value in values.items()}
        if values.get("name", "").lower() != "gpu":
            continue
        names = of.nodes(values["nodename"]) if "nodename" in values else None
        count = of.whole(values.get("count", ""))
        found.append(Gpus(None if names is None else frozenset(names), values.get("type", ""), count))
    return found
