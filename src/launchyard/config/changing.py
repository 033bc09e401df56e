"""One thing of the rules changed, as an administrator types it: `account physics gpus=64 shares=3`."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from launchyard.config.keys import KEYS, LIMIT_SETS
from launchyard.config.text import rules_tables, tables_text
from launchyard.model.errors import Conflict, Invalid, NotFound
from launchyard.model.number import shown
from launchyard.model.rules import Rules
from launchyard.wire.decode import did_you_mean

KINDS = {"account": "accounts", "user": "users", "qos": "qos", "partition": "partitions", "role": "roles"}
"""What is named, and its table; `scheduler` beside them has no name."""

SCHEDULER = "scheduler"
LISTS = frozenset(
    {"accounts", "denied_accounts", "denied_qos", "groups", "preempts", "coordinators", "users"}
)
"""Keys whose value is a list; so is `qos` but for a table of its own."""

_NAMING = {
    "account": ("parent", "account", "accounts", "denied_accounts"),
    "qos": ("qos", "default_qos", "denied_qos", "preempts"),
}
"""Keys whose values name an account or a QOS."""


def changed(rules: Rules, kind: str, name: str, values: Mapping[str, str]) -> str:
    """The text of the rules with these values of one thing, which is new when it is not there.

    An empty value takes the key away, so that its default holds. Raises `Invalid` for what has no place;
    the values themselves are checked when the text is read.
    """
    tables = rules_tables(rules)
    target = tables[SCHEDULER] if kind == SCHEDULER else _found(tables, kind, name, values)
    if target is None:
        target = {"name": name}
        tables[_table(kind)].append(target)
    for key, text in values.items():
        _put(target, _table(kind), key, text)
    return tables_text(tables)


def without(rules: Rules, kind: str, name: str, values: Mapping[str, str]) -> str:
    """The text of the rules without this thing. Raises `NotFound`."""
    tables = rules_tables(rules)
    if kind == SCHEDULER:
        raise Invalid("the scheduler cannot be removed; set its keys, or run: ly admin reload --forget")
    target = _found(tables, kind, name, values)
    if target is None:
        there = ", ".join(sorted({str(one["name"]) for one in tables[_table(kind)]})) or "none"
        raise NotFound(f"there is no {kind} {name}; there are: {there}")
    tables[_table(kind)].remove(target)
    _refuse_needed(tables, kind, name)
    return tables_text(tables)


def _refuse_needed(tables: Mapping[str, Any], kind: str, name: str) -> None:
    """What others name cannot go before they do."""
    keys = _NAMING.get(kind, ())
    needing = [
        f"{other} {one['name']}"
        for other, table in KINDS.items()
        for one in tables[table]
        if any(name == one.get(key) or name in _list_of(one.get(key)) for key in keys)
    ]
    if needing:
        shown_first = ", ".join(dict.fromkeys(needing[:5]))
        raise Conflict(f"{kind} {name} is named by {shown_first}; change or remove these first")


def _list_of(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _table(kind: str) -> str:
    if kind == SCHEDULER:
        return SCHEDULER
    if kind not in KINDS:
        known = [*KINDS, SCHEDULER]
        raise Invalid(f"there is nothing called {shown(kind)}{did_you_mean(kind, known)}: {', '.join(known)}")
    return KINDS[kind]


def _found(
    tables: Mapping[str, Any], kind: str, name: str, values: Mapping[str, str]
) -> dict[str, Any] | None:
    """A user is in several tables when it is in several accounts."""
    if not name:
        raise Invalid(f"which {kind}? Write for example: ly admin set {kind} NAME KEY=VALUE")
    same = [one for one in tables[_table(kind)] if one["name"] == name]
    if kind == "user" and (account := values.get("account")):
        same = [one for one in same if one.get("account") == account]
    if len(same) > 1:
        accounts = ", ".join(str(one.get("account")) for one in same)
        raise Invalid(f"user {name} is in several accounts ({accounts}); add account=NAME")
    return same[0] if same else None


def _put(target: dict[str, Any], table: str, key: str, text: str) -> None:
    """`gpus` is short for `limits.gpus`; `per_user.jobs` is a key in the table `per_user`."""
    known = KEYS[table]
    outer, dot, inner = key.partition(".")
    if not dot and key not in known and key in KEYS["limits"] and "limits" in known:
        outer, inner, dot = "limits", key, "."
    if not dot:
        if key not in known:
            near = did_you_mean(key, [*known, *KEYS["limits"]])
            raise Invalid(f"a {kind_of(table)} has no key {shown(key)}{near}")
        _assign(target, key, _value(key, text, table))
        return
    if outer not in known or (outer not in LIMIT_SETS and table != SCHEDULER):
        raise Invalid(f"{kind_of(table)} has no table {shown(outer)}{did_you_mean(outer, known)}")
    part = dict(target.get(outer) or {})
    _assign(part, inner, _value(inner, text, table))
    _assign(target, outer, part or None)


def kind_of(table: str) -> str:
    return next((kind for kind, name in KINDS.items() if name == table), table)


def _assign(target: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        target.pop(key, None)
    else:
        target[key] = value


def _value(key: str, text: str, table: str) -> Any:
    """A number, true, false or a list as in the file; everything else is text and needs no quotes."""
    if not text:
        return None
    if key in LISTS or (key == "qos" and table != "qos"):
        return [word.strip() for word in text.split(",") if word.strip()]
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, bool | int | float | str) else text
