"""`--working-dir`, `--runtime-env`, `--pip` and `--env`: what a job brings along, sent before it."""

import importlib
import sys
import threading
from collections.abc import Mapping
from typing import Any

import click

from launchyard.cli.output.screen import Line, is_terminal
from launchyard.cli.output.units import plural
from launchyard.model.memory import humane_memory
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

NAMES = tuple(option.name for option in ENVIRONMENT if option.name)


def add_environment(server: Client, body: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the runtime environment that the options ask for, once all of it is on the server.

    `brought` in it: what a script's own lines ask for, which the command line goes before; `runtime_env`:
    that of a job that is run again, of which the keys that are named change.
    """
    brought = body.pop("brought", {})
    given = {name: values[name] for name in NAMES if values.get(name)}
    if not brought and not given:
        return body
    # Read only here: most jobs bring nothing.
    asked = importlib.import_module("launchyard.cli.brought").runtime_env_of({**brought, **given})
    line = Meter()
    try:
        made = server.prepare(asked, line.show if is_terminal(sys.stderr) else None)
        return {**body, "runtime_env": {**body.get("runtime_env", {}), **made}}
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
