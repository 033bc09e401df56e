"""How sessions and apps are printed."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from launchyard.cli.output.screen import ACCENT, BAD, MUTED, can_show, err, out
from launchyard.cli.output.table import Cell, print_table
from launchyard.cli.output.text import clean, cut
from launchyard.cli.output.units import at, short_time
from launchyard.model.memory import humane_memory
from launchyard.model.walltime import humane

SessionJson = Mapping[str, Any]
NAME_COLUMNS = 24

_LOOKS = {
    "queued": ("○", MUTED),
    "starting": ("◔", ACCENT),
    "running": ("●", ACCENT),
    "stopping": ("●", ACCENT),
    "ended": ("✓", MUTED),
    "failed": ("✕", BAD),
}


def print_sessions(sessions: Sequence[SessionJson]) -> None:
    """One row a session: `ID APP NAME STATE LEFT ASKED WHY / RESULT`."""
    now = time.time()
    rows: list[list[Cell]] = [
        [
            str(one["id"]),
            clean(str(one["app"])),
            cut(clean(str(one["name"])), NAME_COLUMNS),
            state_cell(str(one["state"])),
            left(one, now),
            asked(one),
            why(one),
        ]
        for one in sessions
    ]
    print_table(["ID", "APP", "NAME", "STATE", "LEFT", "ASKED", "WHY / RESULT"], rows)


def state_cell(state: str) -> tuple[str, str]:
    """The text and the colour of a session's state."""
    glyph, colour = _LOOKS.get(state, ("", ""))
    return (f"{glyph} {state}" if glyph and can_show(glyph) else state), colour


def left(one: SessionJson, now: float) -> str:
    """The time until its limit."""
    until = at(one.get("ends_at"))
    return "-" if until is None else short_time(max(0.0, until - now))


def asked(one: SessionJson) -> str:
    """`2c 4G`."""
    resources = one["job"]["resources"]
    gpus = f" {resources['gpus']} GPU" if resources["gpus"] else ""
    memory = humane_memory(resources["memory_mib"]).replace(" GiB", "G").replace(" MiB", "M")
    return f"{resources['cpus']:g}c {memory}{gpus}"


def why(one: SessionJson) -> str:
    """One sentence: why it waits, how to open it, or why it ended."""
    state = one["state"]
    if state == "running":
        until = at(one.get("idle_stop_at"))
        if until is not None:
            return f"nobody uses it: it is stopped in {humane(max(0.0, until - time.time()))}"
        return clean(str(one.get("notice") or f"ly session open {one['id']}"))
    return clean(str(one.get("cause") or one.get("phase") or one.get("reason") or ""))


def started(one: SessionJson) -> str:
    """What is said once it was asked for."""
    resources, limit_s = one["job"]["resources"], one["job"]["time_limit_s"]
    cpus = f"{resources['cpus']:g} CPU{'' if resources['cpus'] == 1 else 's'}"
    size = f"{cpus}, {humane_memory(resources['memory_mib'])}, {humane(limit_s)}"
    return f"Session {one['id']}: {clean(str(one['title']))}, {size}."


def progress(one: SessionJson) -> str:
    """One line while it comes up."""
    return f"session {one['id']} is {one['state']}{f': {w}' if (w := why(one)) else ''}"


def print_failure(one: SessionJson) -> None:
    """Why it came to nothing, with the last lines of its log."""
    err(f"Session {one['id']} failed: {clean(str(one.get('cause') or 'nobody knows why'))}")
    for line in one.get("last_lines") or ():
        err(f"  {clean(str(line))}")


def print_apps(apps: Sequence[SessionJson]) -> None:
    """One row an app, and of those that cannot be started why not."""
    rows: list[list[Cell]] = [
        [
            clean(str(one["name"])),
            clean(str(one["title"])),
            (clean(str(one["unavailable"])), MUTED) if one["unavailable"] else clean(str(one["summary"])),
        ]
        for one in apps
    ]
    print_table(["APP", "TITLE", "WHAT IT IS"], rows)


def print_form(app: SessionJson) -> None:
    """The fields of an app, for `--set`."""
    out(f"{clean(str(app['title']))}: {clean(str(app['summary']))}")
    if app["unavailable"]:
        out(f"  {clean(str(app['unavailable']))}")
    if not app["fields"]:
        return
    rows: list[list[Cell]] = [
        [
            f"{one['name']}={_default(one['default'])}",
            " | ".join(option["value"] for option in one["options"]) or one["type"],
            clean(f"{one['label']}. {one['help']}" if one["help"] else one["label"]),
        ]
        for one in app["fields"]
    ]
    print_table(["--set", "VALUES", "WHAT IT IS"], rows, indent="  ")


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else clean(str(value))
