"""The partitions of a slurm.conf as our `[[partitions]]`."""

from collections.abc import Collection, Mapping

from launchyard.model.hostlist import compress
from launchyard.model.light import Any
from launchyard.slurm import confvalues as of
from launchyard.slurm.conf import Conf, Record
from launchyard.slurm.confnames import PARTITION_KEYS, why
from launchyard.slurm.confnodes import with_defaults
from launchyard.slurm.confnotes import Notes

USED = frozenset(
    ("nodes", "default", "maxtime", "defaulttime", "prioritytier", "priorityjobfactor", "priority", "state")
) | {"minnodes", "maxnodes", "allowaccounts", "denyaccounts", "allowgroups", "allowqos", "denyqos", "qos"}
USED |= {"tresbillingweights"}
_SHARING = "CPUs, memory and GPUs are never shared between jobs"
WHY = {
    **dict.fromkeys(("oversubscribe", "shared", "exclusiveuser", "exclusivetopo"), _SHARING),
    **dict.fromkeys(
        ("gracetime", "preemptmode"), "how jobs make room is said of a QOS: `grace`, `preempt_mode`"
    ),
    **dict.fromkeys(("hidden", "rootonly"), "say who may come with `groups`, `accounts` or `qos`"),
    **dict.fromkeys(("maxcpuspernode", "maxcpuspersocket"), "there is no such limit of a partition"),
    "allocnodes": "jobs may be submitted from every node",
    "alternate": "a job goes to the partition that it names",
    "lln": "nodes are chosen as they fill best",
    "reqresv": "name a reservation at submission",
}
STATES = {"up": "up", "down": "down", "drain": "drain", "inactive": "inactive"}


def tables(
    conf: Conf, nodes: Collection[str], accounts: Collection[str], notes: Notes
) -> tuple[list[dict[str, Any]], set[str]]:
    """The partitions, and the QOS that they name."""
    sets = _node_sets(conf)
    found: dict[str, dict[str, Any]] = {}
    named: set[str] = set()
    _note_unused(conf, notes)
    for record in with_defaults(conf.of_kind("PartitionName")):
        if not of.is_name(record.name):
            notes.add(record.place, f"PartitionName={record.name}", "this is no name here; left out")
            continue
        where = _nodes(record, nodes, sets, notes)
        if where is None:
            continue
        table = {"name": record.name, **where, **_times(record, notes), **_sizes(record, notes)}
        who = _who(record, accounts, notes)
        named.update(name for key in ("qos", "denied_qos") for name in who.get(key, ()))
        named.update([who["default_qos"]] if "default_qos" in who else [])
        table.update(who)
        if of.truth(record.values.get("default", "no")):
            for other in found.values():
                other.pop("default", None)
            table["default"] = True
        found[record.name] = table
    return list(found.values()), named


def _note_unused(conf: Conf, notes: Notes) -> None:
    for record in conf.of_kind("PartitionName"):
        for key in record.values:
            if key not in USED:
                unknown = "there is no such word in a line of partitions" if key not in PARTITION_KEYS else ""
                notes.of(record, key, WHY.get(key) or unknown or why(key))


def _node_sets(conf: Conf) -> dict[str, list[str]]:
    """NodeSet lines: by names, or by a feature of nodes."""
    features: dict[str, list[str]] = {}
    for record in with_defaults(conf.of_kind("NodeName")):
        text = record.values.get("features") or record.values.get("feature") or ""
        for word in of.words(text):
            features.setdefault(word, []).extend(of.nodes(record.name) or ())
    found = {}
    for record in conf.of_kind("NodeSet"):
        names = list(of.nodes(record.values.get("nodes", "")) or ())
        found[record.name] = names + features.get(record.values.get("feature", ""), [])
    return found


def _nodes(
    record: Record, known: Collection[str], sets: Mapping[str, list[str]], notes: Notes
) -> dict[str, str] | None:
    """Nothing at all means all nodes with us, so a partition without nodes is left out."""
    text = record.values.get("nodes", "")
    if text.upper() == "ALL" and known:
        return {}
    names: list[str] = []
    for word in _split(text):
        names += known if word.upper() == "ALL" else sets.get(word) or of.nodes(word) or ()
    here = [name for name in dict.fromkeys(names) if name in known]
    if len(here) < len(set(names)):
        notes.of(record, "nodes", "nodes that are not there are left out")
    if not here:
        notes.add(record.place, f"PartitionName={record.name}", "it has no nodes; left out")
        return None
    return {"nodes": compress(here)}


def _split(text: str) -> list[str]:
    """At the commas that are not inside brackets."""
    parts, inside = [""], False
    for character in text:
        inside = character == "[" or (inside and character != "]")
        if character == "," and not inside:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _times(record: Record, notes: Notes) -> dict[str, str]:
    """With Slurm a job that says nothing gets the longest time there is, or DefaultTime."""
    most, asked = of.UNLIMITED, None
    for key in ("maxtime", "defaulttime"):
        text = record.values.get(key)
        if text is None or text.upper() == "NONE":
            continue
        found = of.time(text)
        if found is None:
            notes.of(record, key, f"the time {text!r} is not understood; left out")
        elif key == "maxtime":
            most = found
        else:
            asked = found
    limit, wanted = of.seconds(most), None if asked is None else of.seconds(asked)
    if asked is not None and limit is not None and (wanted is None or wanted > limit):
        notes.of(record, "defaulttime", "it is above MaxTime; taken as MaxTime")
        asked = most
    return {"time_limit": asked or most, "time_limit_max": most}


def _sizes(record: Record, notes: Notes) -> dict[str, Any]:
    values = record.values
    found: dict[str, Any] = {}
    tier = values.get("prioritytier", values.get("priority", "1"))
    factor = values.get("priorityjobfactor", values.get("priority", "1"))
    for key, text, most in (("tier", tier, 1_000), ("priority", factor, of.COUNT_MAX)):
        count = of.whole(text, 0, most)
        if count is None or str(count) != text.lstrip("0").rjust(1, "0"):
            notes.of(record, f"priority{'tier' if key == 'tier' else 'jobfactor'}", f"taken as {count or 1}")
        found[key] = 1 if count is None else count
    least = max(1, of.whole(values.get("minnodes", "1")) or 1)
    most_text = values.get("maxnodes", of.UNLIMITED)
    if least > 1:
        found["nodes_min"] = least
    if most_text.upper() not in (of.UNLIMITED, "INFINITE"):
        most_nodes = of.whole(most_text)
        if most_nodes is None or most_nodes < least:
            notes.of(record, "maxnodes", f"{most_text} is not understood or below MinNodes; left out")
        else:
            found["nodes_max"] = most_nodes
    state = STATES.get(values.get("state", "up").lower())
    if state is None:
        notes.of(record, "state", "this is no state of a partition; taken as UP")
    elif state != "up":
        found["state"] = state
    return found


def _who(record: Record, accounts: Collection[str], notes: Notes) -> dict[str, Any]:
    values = record.values
    found: dict[str, Any] = {}
    for key, ours in (("allowaccounts", "accounts"), ("denyaccounts", "denied_accounts")):
        asked = [] if of.is_all(values.get(key, "")) else of.words(values[key])
        there = [name for name in asked if name in accounts]
        if len(there) < len(asked):
            known = "accounts that are not in the dump are left out"
            notes.of(
                record, key, known if accounts else "accounts are not known; give a dump with --accounts"
            )
        if there:
            found[ours] = there
    if not of.is_all(groups := values.get("allowgroups", "")):
        found["groups"] = [word for word in of.words(groups) if word.isprintable()]
    for key, ours in (("allowqos", "qos"), ("denyqos", "denied_qos")):
        if not of.is_all(text := values.get(key, "")):
            found[ours] = [name for name in of.words(text) if of.is_name(name)]
    assigned = values.get("qos", "")
    allowed = set(found.get("qos", ())) - set(found.get("denied_qos", ()))
    if of.is_name(assigned) and assigned.upper() != "N/A":
        if ("qos" in found and assigned not in allowed) or assigned in found.get("denied_qos", ()):
            notes.of(record, "qos", "the partition's own QOS is not among those allowed; left out")
        else:
            found["default_qos"] = assigned
            notes.of(
                record, "qos", "its limits hold for jobs that name no other QOS (it is their default_qos)"
            )
    return {key: value for key, value in found.items() if value}
