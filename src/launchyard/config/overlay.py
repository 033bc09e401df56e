"""What administrators changed of the rules while the server runs, kept apart from the configuration file.

A value that was changed goes before the file's; everything else is the file's, each time it is read. What the
file says likewise is the file's again.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from launchyard.config.changing import SCHEDULER, kind_of
from launchyard.config.rules import read_rules
from launchyard.config.text import rules_tables, tables_text
from launchyard.model.errors import Invalid
from launchyard.model.rules import Rules

WHERE = "the configuration file with the changes of ly admin"
Values = dict[str, Any]
Identity = tuple[str, str | None]
"""A name; of a user the account as well."""


class Change(NamedTuple):
    """What was changed of one thing; `keys` as `ly admin set` has them, none of what was removed."""

    kind: str
    name: str
    account: str | None
    keys: tuple[str, ...]
    removed: bool


def difference(file: Rules, rules: Rules) -> str:
    """What is to be kept so that the file's rules become these; empty: nothing."""
    old, new = _tables(file), _tables(rules)
    kept = []
    for table, things in new.items():
        for identity in {**old[table], **things}:
            before, after = old[table].get(identity), things.get(identity)
            if before != after:
                name, account = identity
                head = {"table": table, "name": name, "account": account}
                kept.append(head | ({"removed": True} if after is None else {"values": _new(before, after)}))
    return json.dumps({"changes": kept}) if kept else ""


def over(file: Rules, kept: str, nodes: Collection[str] = ()) -> Rules:
    """The file's rules with what was changed. Raises `Invalid` where the two do not go together."""
    if not kept:
        return file
    if not kept.startswith("{"):
        # Of an earlier version, which kept all rules as they were in force.
        return read_rules(kept, "the rules put in force by ly admin", nodes)
    tables = _tables(file)
    for change in json.loads(kept)["changes"]:
        things, identity = tables[change["table"]], (change["name"], change["account"])
        if change.get("removed"):
            things.pop(identity, None)
            continue
        account = {} if change["account"] is None else {"account": change["account"]}
        named = {} if change["table"] == SCHEDULER else {"name": change["name"]}
        _put(things.setdefault(identity, {**named, **account}), change["values"])
    text = tables_text(
        {
            name: things["", None] if name == SCHEDULER else list(things.values())
            for name, things in tables.items()
        }
    )
    try:
        return read_rules(text, WHERE, nodes)
    except Invalid as error:
        raise Invalid(
            f"{error}; ly admin show says what was changed, ly admin reload --forget takes it all back"
        ) from None


def changes(kept: str) -> list[Change]:
    """What of it people are told."""
    return [
        Change(
            kind=kind_of(one["table"]),
            name=one["name"],
            account=one["account"],
            keys=tuple(_keys(one.get("values", {}))),
            removed=bool(one.get("removed")),
        )
        for one in (json.loads(kept)["changes"] if kept else ())
    ]


def _keys(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield from (f"{key}.{inner}" for inner in value) if isinstance(value, dict) else (key,)


def _tables(rules: Rules) -> dict[str, dict[Identity, Values]]:
    """Things by table and identity, as plain values."""
    plain = json.loads(json.dumps(rules_tables(rules)))
    return {
        table: {
            (one.get("name", ""), one.get("account") if table == "users" else None): one
            for one in (things if isinstance(things, list) else [things])
        }
        for table, things in plain.items()
    }


def _new(before: Values | None, after: Values) -> Values:
    """Values that are others now, of tables in it their own; None: it is not there any more."""
    was = before or {}
    found: Values = {}
    for key in {**was, **after}:
        old, new = was.get(key), after.get(key)
        if old != new and key != "name":
            inner = isinstance(old, dict) or isinstance(new, dict)
            found[key] = _new(old or {}, new or {}) if inner else new
    return found


def _put(target: Values, values: Values) -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            part = dict(target.get(key) or {})
            _put(part, value)
            value = part or None
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
