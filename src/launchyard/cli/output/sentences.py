"""What is said about one job: what it asked for, why it waits, how it ended."""

import re
import time
from collections.abc import Mapping
from typing import Any

from launchyard.cli.output.text import capitalised, clean, sentence
from launchyard.cli.output.units import at, clock, number, plural, short_memory
from launchyard.model.errors import Invalid
from launchyard.model.growth import next_memory_mib, next_time_limit_s, part_of
from launchyard.model.growth import short_memory as memory_option
from launchyard.model.hostlist import compress
from launchyard.model.memory import humane_memory
from launchyard.model.signals import signal_name
from launchyard.model.walltime import format_walltime, humane
from launchyard.model.when import parse_rfc3339
from launchyard.sdk.jobs import key_of

JobJson = Mapping[str, Any]
_TIME = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
FAR_S = 12 * 3600

_ENDS = {
    "FAILED": "failed",
    "TIMEOUT": "was stopped at its time limit",
    "OUT_OF_MEMORY": "ran out of memory",
    "CANCELLED": "was cancelled",
    "NODE_FAIL": "lost its node",
    "PREEMPTED": "was preempted",
    "DEADLINE": "missed its deadline",
    "LOST": "was lost",
    "COMPLETED": "completed",
}


def asked(job: JobJson) -> str:
    """What a job asks for, as a sentence says it: `4 CPUs, 8 GiB, 1 GPU, 2 h`."""
    resources = job.get("resources") or {}
    parts = [plural(resources.get("cpus") or 0, "CPU")]
    if memory := resources.get("memory_mib"):
        parts.append(humane_memory(memory))
    if gpus := resources.get("gpus"):
        kind = f"{clean(resources['gpu_type'])} " if resources.get("gpu_type") else ""
        parts.append(f"{number(gpus)} {kind}GPU{'' if gpus <= 1 else 's'}")
    parts += _where(resources)
    parts.append(humane(job.get("time_limit_s")))
    return ", ".join(parts)


def _where(resources: Mapping[str, Any]) -> list[str]:
    """Where, and beside whom: `2 to 4 nodes`, `alone on its node`, `8 tasks`, `with ib&!old`, `on n1`."""
    nodes, most = resources.get("nodes") or 1, resources.get("nodes_max") or 0
    parts = [f"{nodes} to {most} nodes"] if most > nodes else [plural(nodes, "node")] if nodes > 1 else []
    if resources.get("exclusive"):
        parts.append(f"alone on its node{'s' if max(nodes, most) > 1 else ''}")
    if tasks := resources.get("tasks"):
        parts.append(plural(tasks, "task"))
    if constraint := resources.get("constraint"):
        parts.append(f"with {clean(constraint)}")
    for key, word in (("nodelist", "on"), ("exclude", "not on")):
        if names := resources.get(key):
            parts.append(f"{word} {clean(compress(list(names)))}")
    parts += [f"{count} {clean(name)}" for name, count in (resources.get("licences") or {}).items()]
    if reservation := resources.get("reservation"):
        parts.append(f"in {clean(reservation)}")
    return parts


def asked_short(job: JobJson) -> str:
    """The same for a table: `1c 2G`, `1 GPU 16G`, `200 × 1c 2G`."""
    resources = job.get("resources") or {}
    cpus, gpus = resources.get("cpus") or 0, resources.get("gpus") or 0
    parts = [f"{number(gpus)} GPU{'s' if gpus > 1 else ''}"] if gpus else []
    if cpus != 1 or not gpus:
        parts.append(f"{number(cpus)}c")
    if memory := resources.get("memory_mib"):
        parts.append(short_memory(memory))
    size = array_size(job)
    return (f"{size} × " if size else "") + " ".join(parts)


def array_size(job: JobJson) -> int | None:
    """How many tasks an array record has; None for a job that is not one."""
    array = job.get("array") or {}
    return array.get("size") if array.get("index") is None else None


def array_counts(job: JobJson) -> str:
    """`48 done, 8 run, 143 wait, 1 failed`."""
    array = job.get("array") or {}
    counts = dict(array.get("counts") or {})
    done = counts.pop("COMPLETED", 0)
    run = sum(counts.pop(state, 0) for state in ("STARTING", "RUNNING", "SUSPENDED", "COMPLETING"))
    wait = counts.pop("PENDING", 0) or array.get("waiting") or 0
    cancelled = counts.pop("CANCELLED", 0)
    failed = sum(counts.values())
    named = (("done", done), ("run", run), ("wait", wait), ("failed", failed), ("cancelled", cancelled))
    return ", ".join(f"{count} {word}" for word, count in named if count)


def reason(job: JobJson) -> str:
    """Why it waits, as what follows `Job 12`: `waits for 2 more CPUs`. Empty when nothing is known."""
    value = job.get("reason")
    if isinstance(value, Mapping):
        value = value.get("sentence")
    return _TIME.sub(_by_the_clock, clean(value).rstrip(".")) if value else ""


def _by_the_clock(found: re.Match[str]) -> str:
    """A time in a sentence of the server's, as this machine's clock shows it."""
    try:
        return clock(parse_rfc3339(found[0]))
    except Invalid:
        return found[0]


def estimate(job: JobJson, now: float | None = None) -> str:
    """When it may start: `about 20 min (10 to 45)`, or by the clock when that is far."""
    told = job.get("estimate") or {}
    start = at(told.get("start"))
    if start is None:
        return ""
    now = time.time() if now is None else now
    low, high = at(told.get("low")) or start, at(told.get("high")) or start
    if start - now > FAR_S:
        return f"about {clock(start, now)}"
    spread = _spread(low - now, high - now)
    return f"about {_round(start - now)}" + (f" ({spread})" if spread else "")


def _round(seconds: float) -> str:
    """A guess is not said to the second."""
    if seconds < 90:
        return humane(max(0, seconds))
    return humane(round(seconds / 60) * 60)


def _spread(low_s: float, high_s: float) -> str:
    low, high = _round(max(0, low_s)), _round(max(0, high_s))
    if low == high:
        return ""
    (low_count, _, low_unit), (high_count, _, high_unit) = low.partition(" "), high.partition(" ")
    return f"{low_count} to {high_count}" if low_unit == high_unit else f"{low} to {high}"


def waits(job: JobJson) -> str:
    """Why and how long it waits: `waits for CPUs, about 20 min (10 to 45)`."""
    return ", ".join(part for part in (reason(job) or "waits", estimate(job)) if part)


def waits_shortly(job: JobJson) -> str:
    """The same for one line of a terminal: without who holds what."""
    short = reason(job).partition(": ")[0].partition("; ")[0]
    return ", ".join(part for part in (short or "waits", estimate(job)) if part)


def submitted(job: JobJson) -> str:
    """What is said right after a submission."""
    key = key_of(job)
    size = array_size(job)
    tasks = f"{plural(size, 'task')}, each " if size else ""
    state = job.get("state")
    if state == "PENDING" and (reason(job) or estimate(job)):
        now = f"{capitalised(waits(job))}."
    else:
        now = {"PENDING": "Queued.", "STARTING": "Starts now.", "RUNNING": "Runs."}.get(str(state), "")
    return f"Job {key}: {tasks}{asked(job)}. {now}   ly why {key} | ly logs -f {key}"


def _more(job: JobJson) -> str:
    """Of a job that needed more than it asked for: how much, and the command for the next time.

    A task is rerun with its index, which `ly why` says.
    """
    state, asked_mib = job.get("state"), (job.get("resources") or {}).get("memory_mib")
    peak_mib, limit_s = (job.get("usage") or {}).get("memory_peak_mib"), job.get("time_limit_s")
    key = key_of(job)
    alone = key == str(job.get("id"))
    if state == "OUT_OF_MEMORY" and asked_mib and peak_mib:
        option = f"--mem {memory_option(next_memory_mib(asked_mib, peak_mib))}"
        return f"peak {part_of(peak_mib, asked_mib)}: ly {f'rerun {key} {option}' if alone else f'why {key}'}"
    if state == "TIMEOUT" and limit_s:
        option = f"-t {format_walltime(next_time_limit_s(limit_s))}"
        return f"limit {humane(limit_s)}: ly {f'rerun {key} {option}' if alone else f'why {key}'}"
    return ""


def elapsed_s(job: JobJson, now: float | None = None) -> float | None:
    """How long it ran, or has run by now; None when it never started."""
    started = at(job.get("started_at"))
    if started is None:
        return None
    ended = at(job.get("ended_at"))
    return max(0.0, (ended if ended is not None else (time.time() if now is None else now)) - started)


def exit_text(job: JobJson) -> str:
    """`exit code 1`, `signal SIGKILL`, or nothing when its program never ended by itself."""
    if job.get("signal"):
        return f"signal {signal_name(int(job['signal'])).removeprefix('signal ')}"
    code = job.get("exit_code")
    return "" if code is None else f"exit code {code}"


def ended(job: JobJson, told: JobJson | None = None) -> str:
    """How a job ended, one line: `job 18 failed after 12 s, exit code 1: No module named 'torch'`.

    `told` is what the server answers to `why`, which knows more than the job's own record.
    """
    state = str(job.get("state"))
    text = f"job {key_of(job)} {_ENDS.get(state, state.lower())}"
    ran_s = elapsed_s(job)
    if ran_s is not None:
        text += f" after {humane(ran_s)}"
    shown_exit = exit_text(job) if state in ("FAILED", "COMPLETED") else ""
    if shown_exit:
        text += f", {shown_exit}"
    cause = sentence((told or {}).get("reason") or job.get("cause")).rstrip(".")
    # "ended with exit code 3" and "was ended by signal 2" say nothing that is not said already.
    said = bool(shown_exit) and (
        cause.endswith(shown_exit) or cause == f"was ended by signal {job['signal']}"
    )
    return f"{text}: {cause}" if cause and not said else text


def result(job: JobJson) -> str:
    """The last column of a table: why it waits, or what came of it."""
    if array_size(job) is not None and array_counts(job):
        return array_counts(job)
    state = job.get("state")
    if state == "PENDING":
        return ", ".join(part for part in (reason(job), estimate(job)) if part)
    if state in _ENDS:
        return _more(job) or sentence(job.get("cause")) or (exit_text(job) if state != "COMPLETED" else "")
    nodes = job.get("nodes") or []
    return "on " + ", ".join(map(clean, nodes)) if nodes else ""


def sooner(told: Mapping[str, Any]) -> list[str]:
    """The changes with which a waiting job starts sooner, a line each."""
    lines: list[str] = []
    now = time.time()
    for one in told.get("sooner") or []:
        begins = clock(at(one["start"]) or now, now)
        lines.append(f"{'' if lines else 'Sooner':7} {begins} -> {clean(one['command'])}")
    return lines
