"""What is said about the server: that it is ready, how it is, that it stopped."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launchyard.cli.output.screen import BAD, out, paint
from launchyard.cli.output.table import print_pairs
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import at, full_clock, plural
from launchyard.model.memory import humane_memory
from launchyard.model.walltime import humane

Facts = Mapping[str, Any]
_ENFORCED = (("memory", "memory"), ("cpus", "CPUs"), ("processes", "processes"))
_USERS = {"switched": "each job runs as its user", "single": "every job runs as one user"}


def ready_lines(facts: Facts) -> list[str]:
    """`Launchyard 0.1.0 ready: 8 CPUs, 31 GiB, 1 GPU. State ~/.local/state/launchyard`."""
    if waits := facts.get("standby"):
        stop = f"  Stop  kill {facts['pid']}"
        return [
            f"Launchyard {facts['version']} stands by. State {home(facts['state'])}",
            f"  {clean(waits)}",
            stop,
        ]
    nodes = facts.get("nodes") or 1
    where = f" on {nodes} nodes" if nodes > 1 else ""
    lines = [f"Launchyard {facts['version']} ready: {size(facts)}{where}. State {home(facts['state'])}"]
    if facts.get("open"):
        lines.append(f"  Open  {clean(facts['open'])}   (once, 10 min; again: ly open)")
    lines.append("  Try   ly run -- python train.py")
    if resumed := facts.get("resumed"):
        lines.append(f"  {plural(resumed, 'job')} ran on meanwhile: ly jobs")
    return lines


def size(facts: Facts) -> str:
    parts = [plural(facts.get("cpus") or 0, "CPU"), humane_memory(facts.get("memory_mib") or 0)]
    if facts.get("gpus"):
        parts.append(plural(facts["gpus"], "GPU"))
    return ", ".join(parts)


def stopped_line(running: int) -> str:
    if not running:
        return "Server stopped; no job runs."
    runs, are = ("runs", "is") if running == 1 else ("run", "are")
    return f"Server stopped; {plural(running, 'job')} {runs} on and {are} picked up by the next `ly up`."


def home(path: str) -> str:
    """The path as a person of this home writes it."""
    own = str(Path.home())
    return clean("~" + path.removeprefix(own) if path == own or path.startswith(own + "/") else path)


def print_status(facts: Facts) -> None:
    degraded = facts.get("degraded")
    started = at(facts.get("started_at"))
    health = paint(f"degraded: {clean(degraded)}", BAD) if degraded else "ok"
    for_s = f", up {humane(time.time() - started)}" if started is not None else ""
    out(f"Launchyard {clean(facts.get('version') or '?')}: {health}{for_s} (pid {facts.get('pid')})")
    enforcement = facts.get("enforcement") or {}
    holds = [f"{name} by {clean(enforcement[key])}" for key, name in _ENFORCED if enforcement.get(key)]
    users = _USERS.get(str(enforcement.get("users")), "")
    print_pairs(
        [
            ("Machine", f"{size(facts)}, {plural(facts.get('nodes', 1), 'node')}"),
            *((f"Cluster {clean(one['name'])}", _cluster(one)) for one in _clusters(facts)),
            ("Queue", queue(facts.get("jobs") or {})),
            ("Limits", "; ".join(part for part in (", ".join(holds), users) if part)),
            ("Address", clean(facts.get("url") or "")),
            ("State", home(facts.get("state") or "")),
            ("You", clean(facts.get("user") or "") + (" (administrator)" if facts.get("admin") else "")),
        ],
        indent="  ",
    )


def _clusters(facts: Facts) -> list[Facts]:
    """Where there is this machine alone, all is said already."""
    clusters: list[Facts] = list(facts.get("clusters") or [])
    return clusters if any(one.get("engine") != "local" for one in clusters) else []


def _cluster(one: Facts) -> str:
    """`ray, 3 nodes, 12 CPUs, 48 GiB; every job runs as one user; cannot: steps`."""
    parts = [f"{clean(one['engine'])}, {plural(one.get('nodes') or 0, 'node')}, {size(one)}"]
    if one.get("answers") is False and not one.get("stale_since"):
        parts.append(paint("has not answered yet", BAD))
    if one.get("stale_since"):
        parts.append(paint(f"does not answer since {full_clock(one['stale_since'])}", BAD))
    if one.get("single_identity"):
        parts.append(_USERS["single"])
    if one.get("cannot"):
        parts.append(f"cannot: {', '.join(map(clean, one['cannot']))}")
    return "; ".join(parts)


def queue(states: Mapping[str, int]) -> str:
    """`2 running, 1 waiting`."""
    waiting = states.get("PENDING", 0)
    running = sum(count for state, count in states.items() if state != "PENDING")
    return f"{running} running, {waiting} waiting" if running or waiting else "empty"
