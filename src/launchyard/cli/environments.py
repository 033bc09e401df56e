"""`--working-dir`, `--runtime-env`, `--pip` and `--env`: what a job brings along, sent before it."""

import importlib
import re
import sys
import threading
from collections.abc import Mapping
from typing import Any

import click

from launchyard.cli.output.screen import Line, is_terminal
from launchyard.cli.output.units import plural
from launchyard.model.errors import Invalid
from launchyard.model.memory import humane_memory
from launchyard.model.number import shown
from launchyard.sdk.client import Client

MIB = 1024 * 1024
ENVIRONMENT: tuple[click.Option, ...] = (
    click.Option(["work", "--working-dir"], metavar="DIR", help="Send this directory along, and run in it."),
    click.Option(["--runtime-env"], metavar="FILE|JSON", help="Runtime environment (.json, .toml, .yaml)."),
    click.Option(
        ["--pip"], metavar="PACKAGES", multiple=True, help="Install these (requests,numpy<2; a .txt)."
    ),
    click.Option(["variables", "--env"], metavar="NAME=VALUE", multiple=True, help="Set a variable."),
)


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


def add_environment(server: Client, body: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the runtime environment that the options ask for, once all of it is on the server."""
    asked = runtime_env_of(values)
    if asked is None:
        return body
    line = Meter()
    try:
        return {**body, "runtime_env": server.prepare(asked, line.show if is_terminal(sys.stderr) else None)}
    finally:
        line.clear()


class Meter:
    """How far the packages are, on one line; they are sent by several threads."""

    def __init__(self) -> None:
        self._line, self._lock = Line(), threading.Lock()
        self._sent: dict[str, tuple[int, int, int]] = {}

    def show(self, progress: Any) -> None:
        """Told of each part of each package (`sdk.uploads.Progress`)."""
        with self._lock:
            self._sent[progress.path] = (progress.files, progress.sent, progress.size)
            files, sent, size = map(sum, zip(*self._sent.values(), strict=True))
            part = f"{100 * sent // size} %" if size else "0 %"
            self._line.show(f"sends {plural(files, 'file')}, {humane_memory(size / MIB)}: {part}")

    def clear(self) -> None:
        self._line.clear()


def _table(given: str) -> dict[str, Any]:
    if not given.lstrip().startswith("{"):
        found: dict[str, Any] = importlib.import_module("launchyard.sdk.environments").read_table(
            given, "runtime environment's"
        )
        return found
    try:
        made = importlib.import_module("json").loads(given)
    except ValueError as error:
        raise Invalid(f"--runtime-env is no JSON: {error}") from None
    return dict(made)


def _requirements(given: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for text in given:
        if text.endswith(".txt"):
            lines += importlib.import_module("launchyard.sdk.environments").requirement_lines(text)
        else:
            # A comma also stands between versions (`>=1,<2`) and within brackets (`a[b,c]`).
            lines += [part.strip() for part in re.split(r",(?=\s*[A-Za-z])(?![^\[]*\])", text)]
    return [line for line in lines if line]


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise Invalid(f"--env {shown(text)} is not understood; write --env NAME=VALUE")
    return name, value
