"""An interactive app: what a person is asked, what may be answered, and how it is started and reached.

Pure. An app comes from a plain directory (`wire/apps.py` reads its `app.toml`); what a person filled in is
checked here, on the server, by the same rules that the page follows.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.model.session import Speaks

TEXT_MAX = 1_000
MANAGED = "managed"
"""The Python that comes with the app, rather than one of the user's own."""
FACTS = ("cpus", "memory_mib", "gpus", "time_limit_s", "partition")
"""What a rule may look at beside the fields of the form."""

When = Mapping[str, tuple[Any, ...]]
"""By field the values of which one must be chosen; all fields named must fit."""


class FieldType(StrEnum):
    """`CHOICE` one of the options; `PYTHON` an interpreter: `managed`, or the path of one of the user's."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    SWITCH = "switch"
    CHOICE = "choice"
    PATH = "path"
    PYTHON = "python"


class Origin(StrEnum):
    """Who an app comes from: it came with the product, from the site, or is the user's own."""

    SHIPPED = "shipped"
    SITE = "site"
    OWN = "own"


class BadValue(Invalid):
    """A value of a form that is not possible. `code` names the field: `form:NAME`."""

    def __init__(self, name: str, label: str, sentence: str) -> None:
        super().__init__(f"{label}: {sentence}", code=f"form:{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice; `when` it is there at all."""

    value: str
    label: str
    when: When = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question. A hidden one (its `when` does not fit) keeps its default, whatever was sent."""

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    default: Any = None
    help: str = ""
    placeholder: str = ""
    required: bool = False
    folded: bool = False
    min: float | None = None
    max: float | None = None
    step: float | None = None
    pattern: str = ""
    options: tuple[Option, ...] = ()
    when: When = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """While `when` fits, other bounds hold for one field or for one of `FACTS`."""

    when: When
    field: str
    min: float | None = None
    max: float | None = None
    required: bool | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Something that must be installed on the node: any one of `names`, and how to get it."""

    names: tuple[str, ...]
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a running app is reached; see `model.session.Session`."""

    path: str = "/"
    ready: str = "/"
    speaks: Speaks = Speaks.HTTP
    tcp: bool = False
    strip_prefix: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    quiet: tuple[str, ...] = ()
    start_s: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a session of this app gets when nothing else was asked for."""

    cpus: float = 1
    memory_mib: int = 2048
    gpus: float = 0
    time_limit_s: int = 4 * 3600
    idle_stop_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """`name` is that of its directory, `folder` where that is. `runtime_env` is what it brings along."""

    name: str
    folder: str
    origin: Origin
    title: str
    summary: str = ""
    icon: str = ""
    order: int = 1000
    opening: Opening = Opening()
    defaults: Defaults = Defaults()
    programs: tuple[Program, ...] = ()
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    packages_field: str = ""
    """The field with further packages for the environment, separated by blanks."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    rules: tuple[Rule, ...] = ()


def checked(app: App, given: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all fields. `facts`: what is asked of the node, by `FACTS`. Raises `BadValue`."""
    known = {one.name: one for one in app.fields}
    for name in given:
        if name not in known:
            near = get_close_matches(name[:80], list(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known) or 'none'}"
            raise BadValue(name[:80], app.title, f"there is no field {shown(name)}; {hint}")
    values: dict[str, Any] = {one.name: one.default for one in app.fields}
    for name, value in given.items():
        values[name] = values[name] if value is None else _typed(known[name], value)
    seen = {**facts, **values}
    for one in app.fields:
        if not fits(one.when, seen):
            values[one.name] = seen[one.name] = one.default
            continue
        _check(_under(one, app.rules, seen), values[one.name], seen)
    for rule in app.rules:
        if rule.field in FACTS and fits(rule.when, seen):
            _within(rule.field, _FACT_LABELS[rule.field], facts.get(rule.field), rule.min, rule.max)
    return values


def fits(when: When, seen: Mapping[str, Any]) -> bool:
    """Whether all that it names has one of the values named; nothing named: yes."""
    return all(seen.get(name) in wanted for name, wanted in when.items())


def packages(app: App, values: Mapping[str, Any]) -> list[str]:
    """The further packages that were asked for."""
    return str(values.get(app.packages_field) or "").replace(",", " ").split() if app.packages_field else []


def environment_of(app: App, values: Mapping[str, Any]) -> dict[str, Any]:
    """The runtime environment of a session with these values, empty where none is needed."""
    asked = dict(app.runtime_env)
    more = packages(app, values)
    if more:
        asked["uv"] = [*asked.get("uv", ()), *more]
    return asked


_FACT_LABELS = {
    "cpus": "CPUs",
    "memory_mib": "Memory in MiB",
    "gpus": "GPUs",
    "time_limit_s": "Time in seconds",
    "partition": "Partition",
}


def _under(one: Field, rules: Iterable[Rule], seen: Mapping[str, Any]) -> Field:
    """The field with what the rules that fit say of it."""
    for rule in rules:
        if rule.field != one.name or not fits(rule.when, seen):
            continue
        options = tuple(option for option in one.options if option.value in rule.options)
        one = Field(
            **{
                **{name: getattr(one, name) for name in Field.__slots__},
                "min": one.min if rule.min is None else rule.min,
                "max": one.max if rule.max is None else rule.max,
                "required": one.required if rule.required is None else rule.required,
                "options": options if rule.options else one.options,
            }
        )
    return one


def _typed(one: Field, value: Any) -> Any:
    """The value in the type of its field; numbers may be sent as text, as a page's inputs have them."""
    match one.type:
        case FieldType.SWITCH:
            if not isinstance(value, bool):
                raise BadValue(one.name, one.label, f"give on or off, not {_said(value)}")
            return value
        case FieldType.NUMBER | FieldType.INTEGER:
            return _number(one, value)
    if not isinstance(value, str):
        raise BadValue(one.name, one.label, f"give a text, not {_said(value)}")
    if len(value) > TEXT_MAX:
        raise BadValue(one.name, one.label, f"is {len(value)} characters long; {TEXT_MAX} are possible")
    if not value.isprintable():
        raise BadValue(one.name, one.label, "holds control characters; remove them")
    return value.strip()


def _number(one: Field, value: Any) -> Any:
    whole = one.type is FieldType.INTEGER
    try:
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except ValueError:
        number = None
    if number is None or number - number != 0 or abs(number) > 1e15 or (whole and number != int(number)):
        raise BadValue(one.name, one.label, f"give a {'whole ' if whole else ''}number, not {_said(value)}")
    return int(number) if whole else number


def _check(one: Field, value: Any, seen: Mapping[str, Any]) -> None:
    empty = value is None or value == ""
    if empty:
        if one.required:
            raise BadValue(one.name, one.label, "is empty; fill it in")
        return
    match one.type:
        case FieldType.NUMBER | FieldType.INTEGER:
            _within(one.name, one.label, value, one.min, one.max)
        case FieldType.CHOICE:
            possible = [option for option in one.options if fits(option.when, seen)]
            if value not in [option.value for option in possible]:
                words = ", ".join(option.value for option in possible[:20]) or "nothing at present"
                raise BadValue(one.name, one.label, f"{_said(value)} is not possible; choose of: {words}")
        case FieldType.PATH | FieldType.PYTHON:
            if not (value == MANAGED and one.type is FieldType.PYTHON) and not value.startswith(("/", "~/")):
                raise BadValue(one.name, one.label, f"{_said(value)} is no full path; begin with / or ~/")
        case FieldType.TEXT:
            if one.pattern and re.fullmatch(one.pattern, value) is None:
                hint = one.help or f"it must fit {one.pattern}"
                raise BadValue(one.name, one.label, f"{_said(value)} is not possible; {hint}")


def _within(name: str, label: str, value: Any, least: float | None, most: float | None) -> None:
    if not isinstance(value, int | float):
        return
    if least is not None and value < least:
        raise BadValue(name, label, f"{value:g} is too little; {least:g} is the least here")
    if most is not None and value > most:
        raise BadValue(name, label, f"{value:g} is too much; {most:g} is the most here")


def _said(value: Any) -> str:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, int | float) else "a list or table"
