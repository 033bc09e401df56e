"""Accounts and users from what `sacctmgr dump` wrote, as our `[[accounts]]` and `[[users]]`."""

from collections.abc import Iterator, Mapping

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm import confvalues as of
from launchyard.slurm.conf import Place
from launchyard.slurm.confnotes import Notes

ROOT = "root"
TRES = {"cpu": "cpus", "mem": "memory", "gres/gpu": "gpus", "node": "nodes"}
MINUTES = {"cpu": "cpu_minutes", "gres/gpu": "gpu_minutes"}
SILENT = frozenset(
    ("description", "organization", "adminlevel", "defaultaccount", "defaultwckey", "coordinator")
)
SAID = frozenset(("fairshare", "qos", "defaultqos", "grpjobs", "grpsubmitjobs", "maxjobs", "maxsubmitjobs"))
SAID |= {"grptres", "grptresmins", "maxtresperjob", "maxwalldurationperjob"}


class Dumped(NamedTuple):
    """Tables, and the QOS that they name."""

    accounts: list[dict[str, Any]]
    users: list[dict[str, Any]]
    qos: set[str]


class _Line(NamedTuple):
    kind: str
    name: str
    values: Mapping[str, str]
    place: Place


def tables(text: str, file: str, notes: Notes) -> Dumped:
    """Lines that are not understood are noted and left out."""
    found = Dumped([], [], set())
    parent, known, users = ROOT, {ROOT}, set[tuple[str, str]]()
    for line in _lines(text, file, notes):
        if line.kind == "parent":
            parent = line.name
        elif line.kind == "account" and line.name not in known:
            if not of.is_name(line.name) or parent not in known:
                notes.add(
                    line.place, f"Account {line.name}", "its name or its parent has no place here; left out"
                )
                continue
            known.add(line.name)
            found.accounts.append(_account(line, parent, found.qos, notes))
        elif line.kind == "user" and parent != ROOT and (line.name, parent) not in users:
            if not of.is_name(line.name) or parent not in known:
                notes.add(
                    line.place, f"User {line.name}", "the name or the account has no place here; left out"
                )
                continue
            users.add((line.name, parent))
            found.users.append(_user(line, parent, found.users, found.qos, notes))
    return found


def _lines(text: str, file: str, notes: Notes) -> Iterator[_Line]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        place = Place(file, number)
        head, *parts = _parts(line)
        kind, dash, name = head.partition("-")
        if not dash or kind.strip().lower() not in ("cluster", "parent", "account", "user"):
            notes.add(place, line[:40], "this line is not understood; left out")
            continue
        pairs = (part.partition("=") for part in parts)
        values = {key.strip().lower(): value.strip().strip("'") for key, _, value in pairs}
        yield _Line(kind.strip().lower(), name.strip().strip("'"), values, place)


def _parts(line: str) -> list[str]:
    """At the colons outside of quotes."""
    parts, quoted = [""], False
    for character in line:
        quoted ^= character == "'"
        if character == ":" and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _account(line: _Line, parent: str, qos: set[str], notes: Notes) -> dict[str, Any]:
    group = _group_limits(line)
    each = _limits(line, {"maxjobs": "jobs", "maxsubmitjobs": "waiting"})
    table: dict[str, Any] = {"name": line.name}
    if parent != ROOT:
        table["parent"] = parent
    shares = line.values.get("fairshare", "1")
    table["shares"] = "parent" if shares.lower() == "parent" else of.whole(shares) or 0
    table.update(_some(limits=group, per_user=each, per_job=_job_limits(line)))
    return {**table, **_qos(line, qos, notes)}


def _user(
    line: _Line, account: str, before: list[dict[str, Any]], qos: set[str], notes: Notes
) -> dict[str, Any]:
    table: dict[str, Any] = {"name": line.name, "account": account}
    again = any(one["name"] == line.name and one.get("default") for one in before)
    if line.values.get("defaultaccount") == account and not again:
        table["default"] = True
    shares = line.values.get("fairshare", "1")
    if shares.lower() == "parent":
        notes.add(line.place, f"User {line.name} Fairshare", "a user has shares of its own; taken as 1")
    table["shares"] = 1 if shares.lower() == "parent" else of.whole(shares) or 0
    limits = {**_group_limits(line), **_limits(line, {"maxjobs": "jobs", "maxsubmitjobs": "waiting"})}
    table.update(_some(limits=limits, per_job=_job_limits(line)))
    return {**table, **_qos(line, qos, notes)}


def _qos(line: _Line, seen: set[str], notes: Notes) -> dict[str, Any]:
    for key in line.values:
        if key not in SAID and key not in SILENT:
            notes.add(line.place, f"{line.kind} {line.name} {key}", "there is no such limit here")
    names = [name.lstrip("+") for name in of.words(line.values.get("qos", "")) if not name.startswith("-")]
    names = [name for name in dict.fromkeys(names) if of.is_name(name)]
    default = line.values.get("defaultqos", "")
    seen.update(names)
    found: dict[str, Any] = {"qos": names} if names else {}
    if of.is_name(default) and (not names or default in names):
        seen.add(default)
        found["default_qos"] = default
    return found


def _group_limits(line: _Line) -> dict[str, Any]:
    found = _limits(line, {"grpjobs": "jobs", "grpsubmitjobs": "waiting"})
    found.update(_tres(line.values.get("grptres", ""), TRES))
    found.update(_tres(line.values.get("grptresmins", ""), MINUTES))
    return found


def _job_limits(line: _Line) -> dict[str, Any]:
    found = _tres(line.values.get("maxtresperjob", ""), TRES)
    wall = line.values.get("maxwalldurationperjob")
    limit = None if wall is None else of.time(wall)
    if limit is not None and limit != of.UNLIMITED:
        found["time_limit"] = limit
    return found


def _limits(line: _Line, keys: Mapping[str, str]) -> dict[str, Any]:
    counts = {ours: of.whole(line.values[key]) for key, ours in keys.items() if key in line.values}
    return {key: count for key, count in counts.items() if count is not None}


def _tres(text: str, keys: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in of.tres(text).items():
        if name not in keys:
            continue
        amount: Any = of.memory(value) if name == "mem" else of.whole(value)
        if amount is not None:
            found[keys[name]] = amount
    return found


def _some(**tables: dict[str, Any]) -> dict[str, Any]:
    return {name: table for name, table in tables.items() if table}
