"""What a job brings along, as options or `#LY` lines say it: without click, for the drop-in commands."""

import json
import re
from collections.abc import Mapping
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.sdk.environments import prepared, read_table, requirement_lines
from launchyard.sdk.transport import Transport


def runtime_env_of(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The runtime environment that the options ask for; None when they ask for none."""
    made: dict[str, Any] = {}
    if values.get("runtime_env"):
        made = _table(values["runtime_env"])
    if values.get("work"):
        made["working_dir"] = values["work"]
    if packages := values.get("pip"):
        made["pip"] = _requirements(packages)
    if variables := values.get("variables"):
        made["env_vars"] = {**(made.get("env_vars") or {}), **dict(map(_variable, variables))}
    return made or None


def runtime_env_sent(transport: Transport, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The runtime environment of a script's own `#LY` lines, once all of it is on the server."""
    return prepared(transport, runtime_env_of(asked) or {})


def _table(given: str) -> dict[str, Any]:
    if not given.lstrip().startswith("{"):
        return read_table(given, "runtime environment's")
    try:
        made = json.loads(given)
    except ValueError as error:
        raise Invalid(f"--runtime-env is no JSON: {error}") from None
    return dict(made)


def _requirements(given: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for text in given:
        if text.endswith(".txt"):
            lines += requirement_lines(text)
        else:
            # A comma also stands between versions (`>=1,<2`) and within brackets (`a[b,c]`).
            lines += [part.strip() for part in re.split(r",(?=\s*[A-Za-z])(?![^\[]*\])", text)]
    return [line for line in lines if line]


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise Invalid(f"--env {shown(text)} is not understood; write --env NAME=VALUE")
    return name, value
