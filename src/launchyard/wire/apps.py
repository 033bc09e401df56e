"""`app.toml`, the file that makes a directory an app: read strictly, every surprise one sentence."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from launchyard.model.app import (
    FACTS,
    MANAGED,
    App,
    Defaults,
    Field,
    FieldType,
    Opening,
    Option,
    Origin,
    Program,
    Rule,
    When,
)
from launchyard.model.errors import Invalid
from launchyard.model.memory import parse_memory
from launchyard.model.number import shown
from launchyard.model.runtimeenv import check as check_runtime_env
from launchyard.model.session import Speaks
from launchyard.model.walltime import parse_walltime
from launchyard.wire.decode import decode

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
START_MAX_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTable:
    """One choice of a field."""

    value: str
    label: str = ""
    when: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTable:
    """One question of the form."""

    name: str
    label: str
    type: Literal["text", "number", "integer", "switch", "choice", "path", "python"] = "text"
    default: str | int | float | bool | None = None
    help: str = ""
    placeholder: str = ""
    required: bool = False
    folded: bool = False
    min: float | None = None
    max: float | None = None
    step: float | None = None
    pattern: str = ""
    options: list[OptionTable] = field(default_factory=list)
    when: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTable:
    """Other bounds of one field while others have certain values."""

    when: dict[str, Any]
    field: str
    min: float | None = None
    max: float | None = None
    required: bool | None = None
    options: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTable:
    """`name` may name several, of which one is enough: `rserver|/usr/lib/rstudio-server/bin/rserver`."""

    name: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTable:
    """How the app is reached."""

    path: str = "/"
    ready: str = "/"
    speaks: Literal["http", "rfb", "terminal"] = "http"
    listens: Literal["socket", "port"] = "socket"
    strip_prefix: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    quiet: list[str] = field(default_factory=list)
    starts_within: str = "2m"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesTable:
    """What a session gets unless asked otherwise."""

    cpus: float = 1
    memory: str = "2G"
    gpus: float = 0
    time: str = "4h"
    idle_stop: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTable:
    """The whole file. `environment` is a runtime environment, as jobs have it."""

    title: str
    summary: str = ""
    icon: str = ""
    order: int = 1000
    open: OpenTable = field(default_factory=OpenTable)
    resources: ResourcesTable = field(default_factory=ResourcesTable)
    needs: list[ProgramTable] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)
    packages_field: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    fields: list[FieldTable] = field(default_factory=list)
    rules: list[RuleTable] = field(default_factory=list)


def read_app(name: str, folder: str, origin: Origin, text: str) -> App:
    """The app of a directory, by the text of its `app.toml`. Raises `Invalid`, one sentence."""
    if NAME.fullmatch(name) is None:
        raise Invalid(f"an app is named by small letters, digits, '.', '_' and '-'; rename {shown(name)}")
    try:
        return _app(name, folder, origin, decode(AppTable, tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{folder}/app.toml cannot be read: {error}") from None
    except Invalid as error:
        raise Invalid(f"{folder}/app.toml: {error}") from None


def _app(name: str, folder: str, origin: Origin, table: AppTable) -> App:
    check_runtime_env(table.environment)
    fields = tuple(_field(one) for one in table.fields)
    if origin is Origin.OWN and any(one.pattern for one in fields):
        # The server would match it, for as long as that takes.
        raise Invalid("patterns are for apps of the site; check the value in start.sh")
    names = [one.name for one in fields]
    if twice := [one for one in names if names.count(one) > 1]:
        raise Invalid(f"the field {twice[0]} is there twice; give one another name")
    rules = tuple(_rule(one, names) for one in table.rules)
    for one in fields:
        for when in (one.when, *(option.when for option in one.options)):
            _refuse_unknown(when, names, f"fields.{one.name}.when")
    if table.packages_field and table.packages_field not in names:
        raise Invalid(f"packages_field is {shown(table.packages_field)}, and there is no such field")
    return App(
        name=name,
        folder=folder,
        origin=origin,
        title=table.title,
        summary=table.summary,
        icon=table.icon,
        order=table.order,
        opening=_opening(table.open),
        defaults=_defaults(table.resources),
        programs=tuple(
            Program(names=tuple(filter(None, one.name.split("|"))), hint=one.hint) for one in table.needs
        ),
        runtime_env=table.environment,
        packages_field=table.packages_field,
        metadata=table.metadata,
        fields=fields,
        rules=rules,
    )


def _opening(table: OpenTable) -> Opening:
    for what, path in (("path", table.path), ("ready", table.ready)):
        if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
            raise Invalid(f"open.{what} {shown(path)} is no path of an address; begin with /")
    for header, value in table.headers.items():
        if not header.isascii() or not header.isprintable() or not value.isprintable() or ":" in header:
            raise Invalid(f"open.headers has {shown(header)}, which is no header")
    within_s = parse_walltime(table.starts_within)
    if within_s is None or within_s > START_MAX_S:
        raise Invalid(f"open.starts_within is {shown(table.starts_within)}; 1h is the most")
    return Opening(
        path=table.path,
        ready=table.ready,
        speaks=Speaks(table.speaks),
        tcp=table.listens == "port",
        strip_prefix=table.strip_prefix,
        headers=table.headers,
        quiet=tuple(table.quiet),
        start_s=within_s,
    )


def _defaults(table: ResourcesTable) -> Defaults:
    return Defaults(
        cpus=table.cpus,
        memory_mib=parse_memory(table.memory),
        gpus=table.gpus,
        time_limit_s=parse_walltime(table.time) or 4 * 3600,
        idle_stop_s=None if table.idle_stop is None else parse_walltime(table.idle_stop),
    )


def _field(table: FieldTable) -> Field:
    if FIELD_NAME.fullmatch(table.name) is None:
        raise Invalid(f"a field is named by small letters, digits and '_'; rename {shown(table.name)}")
    kind = FieldType(table.type)
    if kind is FieldType.CHOICE and not table.options:
        raise Invalid(f"the field {table.name} is a choice without options; give it some")
    default = table.default if table.default is not None else _default(kind, table)
    try:
        re.compile(table.pattern)
    except re.error as error:
        raise Invalid(f"the pattern of {table.name} cannot be read: {error}") from None
    return Field(
        name=table.name,
        label=table.label,
        type=kind,
        default=default,
        help=table.help,
        placeholder=table.placeholder,
        required=table.required,
        folded=table.folded,
        min=table.min,
        max=table.max,
        step=table.step,
        pattern=table.pattern,
        options=tuple(
            Option(value=one.value, label=one.label or one.value, when=_when(one.when))
            for one in table.options
        ),
        when=_when(table.when),
    )


def _default(kind: FieldType, table: FieldTable) -> str | bool | None:
    if kind is FieldType.CHOICE:
        return table.options[0].value
    known: dict[FieldType, str | bool] = {
        FieldType.SWITCH: False,
        FieldType.TEXT: "",
        FieldType.PATH: "",
        FieldType.PYTHON: MANAGED,
    }
    return known.get(kind)


def _rule(table: RuleTable, names: list[str]) -> Rule:
    _refuse_unknown({table.field: ()}, names, "rules.field")
    when = _when(table.when)
    _refuse_unknown(when, names, "rules.when")
    return Rule(
        when=when,
        field=table.field,
        min=table.min,
        max=table.max,
        required=table.required,
        options=tuple(table.options),
    )


def _when(table: Mapping[str, Any]) -> When:
    """Each value may be one or a list of them."""
    found = {name: tuple(value) if isinstance(value, list) else (value,) for name, value in table.items()}
    for name, values in found.items():
        if any(isinstance(one, dict | list) for one in values):
            raise Invalid(f"when.{name} is a table; write a value, or a list of values")
    return found


def _refuse_unknown(when: Mapping[str, Any], names: list[str], where: str) -> None:
    for name in when:
        if name not in names and name not in FACTS:
            raise Invalid(f"{where} names {shown(name)}, and there is no such field")
