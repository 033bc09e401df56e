"""Used of asked, as lines of one job, as a table of tasks, and as a table of jobs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launchyard.cli.output.screen import out
from launchyard.cli.output.sentences import asked
from launchyard.cli.output.states import state_cell
from launchyard.cli.output.table import print_table
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import number, plural, short_memory, short_time
from launchyard.model.memory import humane_memory
from launchyard.model.walltime import humane
from launchyard.sdk.jobs import is_live, key_of

Told = Mapping[str, Any]
PARTS = (("CPU", "cpu"), ("Memory", "memory"), ("GPU", "gpu"), ("Time", "time"))
UNKNOWN = "-"


def print_efficiency(told: Told) -> None:
    """One job, or an array."""
    key, tasks = key_of(told), told.get("tasks")
    if tasks is not None:
        _print_tasks(key, tasks, told)
    elif told.get("elapsed_s") is None:
        out(f"Job {key} has not run yet.")
    else:
        _print_job(key, told)
    if advice := told.get("advice"):
        out(f"Next    {clean(advice['sentence'])}")


def print_efficiencies(listed: Sequence[Told], total: Told | None = None) -> None:
    """A table of jobs; with a total, a line that sums them up."""
    gpus = any((one.get("gpu") or {}).get("asked") for one in listed)
    head = ["ID", "NAME", "STATE", "CPU", "MEMORY", *(["GPU"] if gpus else []), "TIME"]
    print_table(head, [_row(one, gpus) for one in listed])
    if total is not None:
        parts = [_hours("CPU", total.get("cpu"), "CPU h", 3600), _memory_hours(total.get("memory"))]
        parts.append(_hours("time", total.get("time"), "h", 3600))
        sums = ", ".join(part for part in parts if part) or "nothing was measured"
        out(f"{plural(total['jobs'], 'job')}: {sums}.")


def _print_job(key: str, told: Told) -> None:
    ran = humane(told["elapsed_s"])
    verb = "has run for" if is_live(told) else "ran for"
    out(f"Job {key} {verb} {ran}; asked for {asked(told)}.")
    for title, name in PARTS:
        if text := _line(name, told):
            out(f"{title:7} {_percent(told.get(name) or {}):>5}  {text}")
    if is_live(told):
        out("What it uses is known when it has ended.")


def _line(name: str, told: Told) -> str:
    part = told.get(name) or {}
    used, most = part.get("used"), part.get("asked")
    if most is None and (used is None or name != "time"):
        return ""
    if name == "cpu":
        return _cpus(told)
    if name == "memory":
        return f"{_or_unknown(humane_memory, used)} of {humane_memory(most or 0)}"
    if name == "gpu":
        return f"{plural((told.get('resources') or {}).get('gpus') or 0, 'GPU')}; use is not measured"
    return f"{_or_unknown(humane, used)} of {humane(most)}"


def _cpus(told: Told) -> str:
    """`1.1 of 4 CPUs (13 min of 48 min)`: on the average, and in time of processors."""
    part, elapsed_s = told["cpu"], told["elapsed_s"]
    held = plural((told.get("resources") or {}).get("cpus") or 0, "CPU")
    if part.get("used") is None:
        return f"not known, of {held}"
    busy = f"{part['used'] / elapsed_s:.1f}" if elapsed_s else UNKNOWN
    return f"{busy} of {held} ({humane(part['used'])} of {humane(part['asked'])})"


def _print_tasks(key: str, tasks: Told, told: Told) -> None:
    count = tasks["count"]
    if not count:
        out(f"No task of array {key} has ended yet.")
        return
    last = "" if tasks["complete"] else "the last "
    out(f"Array {key}: {last}{plural(count, 'task')} that ran, each with {asked(told)}.")
    rows = []
    for title, name in PARTS:
        if (found := tasks.get(name)) is not None:
            lowest, highest = (
                f"{_whole(found[end])}  {key}_{found[f'{end}_task']}" for end in ("lowest", "highest")
            )
            rows.append([title, _whole(found["median"]), lowest, highest])
    print_table(["", "MEDIAN", "LOWEST", "HIGHEST"], rows)


def _row(told: Told, gpus: bool) -> list[Any]:
    cells = [_cpu_cell(told), _cell(told.get("memory") or {}, short_memory)]
    if gpus:
        count = (told.get("resources") or {}).get("gpus") or 0
        cells.append(f"of {number(count)}" if count else "")
    time = told.get("time") or {}
    cells.append(_cell(time, short_time) if time.get("asked") else short_time(told.get("elapsed_s")))
    return [key_of(told), clean(told.get("name") or ""), state_cell(str(told.get("state"))), *cells]


def _cpu_cell(told: Told) -> str:
    part, elapsed_s = told.get("cpu") or {}, told.get("elapsed_s")
    cpus = number((told.get("resources") or {}).get("cpus") or 0)
    busy = UNKNOWN if part.get("used") is None or not elapsed_s else f"{part['used'] / elapsed_s:.1f}"
    return f"{_percent(part):>4}  {busy} of {cpus}"


def _cell(part: Told, shown: Callable[[float | None], str]) -> str:
    if part.get("asked") is None:
        return shown(part.get("used"))
    return f"{_percent(part):>4}  {shown(part.get('used'))} of {shown(part['asked'])}"


def _hours(what: str, part: Told | None, unit: str, per: float) -> str:
    """`CPU 28% (1.1 of 4 CPU h)`; empty when nothing is known."""
    if part is None or part.get("percent") is None:
        return ""
    used, most = part["used"] / per, part["asked"] / per
    return f"{what} {_percent(part)} ({_figure(used)} of {_figure(most)} {unit})"


def _memory_hours(part: Told | None) -> str:
    return _hours("memory", part, "GiB h", 1024 * 3600)


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def _percent(part: Told) -> str:
    return _whole(part.get("percent"))


def _whole(percent: float | None) -> str:
    if percent is None:
        return UNKNOWN
    return "<1%" if percent < 0.5 else f"{percent:.0f}%"


def _or_unknown(shown: Callable[[float], str], value: float | None) -> str:
    return "not known" if value is None else shown(value)
