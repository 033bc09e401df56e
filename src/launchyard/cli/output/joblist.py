"""The table of jobs, and one job in full."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from launchyard.cli.output.screen import flush
from launchyard.cli.output.sentences import (
    array_counts,
    array_size,
    asked,
    asked_short,
    elapsed_s,
    estimate,
    exit_text,
    reason,
    result,
)
from launchyard.cli.output.states import state_cell
from launchyard.cli.output.table import Cell, Table, print_pairs, print_table
from launchyard.cli.output.text import clean, cut, sentence
from launchyard.cli.output.units import at, full_clock, short_memory, short_time
from launchyard.model.memory import humane_memory
from launchyard.model.walltime import humane
from launchyard.sdk.jobs import is_live, key_of

JobJson = Mapping[str, Any]
T = TypeVar("T")
PART = 1_000
"""So many jobs are shown as soon as they are known."""
NAME_COLUMNS = 24
LEAST_MIB = 0.1


def print_jobs(jobs: Iterable[JobJson], *, users: bool = False) -> bool:
    """One row a job: `ID NAME STATE TIME LEFT ASKED WHY / RESULT`; its cluster, where they are on several.

    Many are shown in parts, as they come. False: there were none.
    """
    now, table, clusters = time.time(), Table(), set()
    for part in parts(jobs):
        clusters |= {job.get("cluster") for job in part}
        also = [*(["user"] if users else []), *(["cluster"] if len(clusters) > 1 else [])]
        head = ["ID", "NAME", *map(str.upper, also), "STATE", "TIME", "LEFT", "ASKED", "WHY / RESULT"]
        table.show(head, [_row(job, now, also) for job in part])
        flush()
    return bool(clusters)


def parts(things: Iterable[T]) -> Iterator[list[T]]:
    """Lists of at most `PART` of them, in order."""
    left = iter(things)
    while part := list(islice(left, PART)):
        yield part


def _row(job: JobJson, now: float, also: Sequence[str]) -> list[Cell]:
    left = left_s(job, now)
    return [
        key_of(job),
        cut(clean(job.get("name") or ""), NAME_COLUMNS),
        *(clean(job.get(name) or "") for name in also),
        state_cell(str(job.get("state"))),
        short_time(spent_s(job, now)),
        short_time(left) if left is not None else "-",
        asked_short(job),
        result(job),
    ]


def spent_s(job: JobJson, now: float) -> float | None:
    """How long it ran or runs; of a waiting job, how long it waits."""
    ran_s = elapsed_s(job, now)
    if ran_s is not None or not is_live(job):
        return ran_s
    submitted = at(job.get("submitted_at"))
    return None if submitted is None else now - submitted


def left_s(job: JobJson, now: float) -> float | None:
    limit_s, ran_s = job.get("time_limit_s"), elapsed_s(job, now)
    if not is_live(job) or limit_s is None or ran_s is None or array_size(job) is not None:
        return None
    return float(limit_s) - ran_s


def print_results(jobs: Sequence[JobJson]) -> None:
    """What became of jobs: `ID NAME STATE EXIT ELAPSED CPU MEMORY CAUSE`."""
    head = ["ID", "NAME", "STATE", "EXIT", "ELAPSED", "CPU", "MEMORY", "CAUSE"]
    print_table(head, [_result_row(job) for job in jobs])


def _result_row(job: JobJson) -> list[Cell]:
    usage = job.get("usage") or {}
    cpu_s = usage.get("cpu_s")
    return [
        key_of(job),
        cut(clean(job.get("name") or ""), NAME_COLUMNS),
        state_cell(str(job.get("state"))),
        _exit_short(job),
        _seconds(elapsed_s(job)),
        _seconds(cpu_s),
        short_memory(usage.get("memory_peak_mib")),
        array_counts(job) if array_size(job) else sentence(job.get("cause")),
    ]


def _exit_short(job: JobJson) -> str:
    if job.get("exit_code") is not None:
        return str(job["exit_code"])
    return exit_text(job).removeprefix("signal ") or "-"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}s" if value < 60 else short_time(value)


def print_job(job: JobJson) -> None:
    """Everything known of one job, names and values."""
    usage = job.get("usage") or {}
    now = time.time()
    text, _ = state_cell(str(job.get("state")))
    why = reason(job) if is_live(job) else sentence(job.get("cause"))
    size = array_size(job)
    ran_s = elapsed_s(job, now)
    left = left_s(job, now)
    print_pairs(
        [
            ("Job", f"{key_of(job)} {clean(job.get('name') or '')}"),
            ("State", f"{text}{', ' + why if why else ''}"),
            ("Tasks", f"{size}: {array_counts(job)}" if size else ""),
            ("Start", estimate(job) if is_live(job) and ran_s is None else ""),
            ("User", clean(job.get("user") or "") + _suffix(" account ", job.get("account"))),
            ("Asked", asked(job)),
            ("Partition", clean(job.get("partition") or "") + _suffix(", QOS ", job.get("qos"))),
            ("Cluster", _cluster(job)),
            ("Group", clean(job.get("group") or "")),
            ("After", clean(job.get("after") or "")),
            ("Deadline", _since(job, "deadline_at")),
            ("Retries", _retries(job)),
            ("Nodes", ", ".join(map(clean, job.get("nodes") or []))),
            ("Directory", clean(job.get("working_dir") or "")),
            ("Runs", _runs(job)),
            ("Log", clean(job.get("log_path") or "")),
            ("Submitted", full_clock(job.get("submitted_at"))),
            ("Started", _since(job, "started_at")),
            ("Ended", _since(job, "ended_at")),
            ("Elapsed", humane(ran_s) if ran_s is not None else ""),
            ("Left", humane(left) if left is not None else ""),
            ("Exit", exit_text(job)),
            ("Earlier", "; ".join(_past(one) for one in job.get("past_attempts") or [])),
            ("Used", _used(usage)),
            ("Stale", _since(job, "stale_since", "the engine has not answered since ")),
        ]
    )


def _cluster(job: JobJson) -> str:
    """Of a job on this machine alone there is nothing to say."""
    if job.get("cluster") in (None, "local"):
        return ""
    return clean(job["cluster"]) + _suffix(", known there as ", job.get("engine_id"))


def _retries(job: JobJson) -> str:
    retries = job.get("retries")
    return f"{retries['used']} of {retries['count']} used" if retries else ""


def _past(past: JobJson) -> str:
    """How an earlier attempt ended: `attempt 1 failed after 12 s: ended with exit code 3`."""
    ran_s = elapsed_s(past)
    text = f"attempt {past.get('attempt')} {str(past.get('state')).lower()}"
    text += f" after {humane(ran_s)}" if ran_s is not None else ""
    cause = sentence(past.get("cause"))
    return f"{text}: {cause}" if cause else text


def _since(job: JobJson, key: str, label: str = "") -> str:
    return label + full_clock(job[key]) if job.get(key) else ""


def _suffix(label: str, value: object) -> str:
    return f"{label}{clean(value)}" if value else ""


def _runs(job: JobJson) -> str:
    command = job.get("command") or []
    words = " ".join(map(clean, command)) if isinstance(command, list | tuple) else clean(command)
    if job.get("kind") == "batch":
        return f"its script: ly show --script {key_of(job)}" + (f" (arguments: {words})" if words else "")
    return words


def _used(usage: JobJson) -> str:
    parts = []
    if usage.get("cpu_s") is not None:
        parts.append(f"{usage['cpu_s']:.1f} s of CPU")
    if usage.get("memory_peak_mib") is not None:
        parts.append(f"{humane_memory(usage['memory_peak_mib'])} of memory at most")
    if (usage.get("read_mib") or 0) >= LEAST_MIB:
        parts.append(f"read {humane_memory(usage['read_mib'])}")
    if (usage.get("written_mib") or 0) >= LEAST_MIB:
        parts.append(f"wrote {humane_memory(usage['written_mib'])}")
    return ", ".join(parts)
