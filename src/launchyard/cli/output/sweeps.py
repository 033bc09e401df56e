"""The tasks of a sweep: parameters, state and result, one row a task."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from launchyard.cli.output.screen import MUTED, out, paint
from launchyard.cli.output.sentences import array_size, elapsed_s
from launchyard.cli.output.sentences import result as told
from launchyard.cli.output.states import state_cell
from launchyard.cli.output.table import Cell, print_table
from launchyard.cli.output.text import clean, cut
from launchyard.cli.output.units import short_time
from launchyard.model.array import Indexes, parse_indexes
from launchyard.model.errors import LaunchyardError
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job

ROWS_MAX = 200
"""Of a larger sweep only so many tasks are shown, those that went wrong first."""
TAIL_BYTES = 4096
VALUE_COLUMNS = 24
_ORDER = {
    "RUNNING": 1,
    "STARTING": 1,
    "SUSPENDED": 1,
    "COMPLETING": 1,
    "COMPLETED": 2,
    "CANCELLED": 3,
    "PENDING": 4,
}


class Row(NamedTuple):
    """One task. `result` is the last line of its log, or how it ended."""

    number: int
    parameters: Mapping[str, str]
    state: str
    job: Job | None
    result: str = ""


def sweep_rows(server: Client, job: Job) -> list[Row]:
    """The tasks of a job that is a sweep, in their order; none for any other."""
    if array_size(job) is None or "launchyard.sweep" not in (job.metadata or {}):
        return []
    # Read only here: few jobs are sweeps.
    sweep = importlib.import_module("launchyard.model.sweep").kept_sweep(job.metadata)
    if sweep is None:
        return []
    tasks = {task.array["index"]: task for task in server.jobs(array=job.id)}
    waiting, never = (_indexes(job.array.get(key)) for key in ("pending", "never_started"))
    indexes = range(sweep.count) if array_size(job) == sweep.count else sorted({*tasks, *waiting, *never})
    rows = [
        Row(index, sweep.combination(index), _state(tasks.get(index), index in waiting), tasks.get(index))
        for index in indexes
        if index < sweep.count
    ]
    return [row._replace(result=_result(server, row)) for row in rows] if len(rows) <= ROWS_MAX else rows


def _indexes(text: str | None) -> Indexes:
    return parse_indexes(text)[0] if text else Indexes()


def rows_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Without results where there are too many tasks to read the log of each."""
    return [
        {
            "index": row.number,
            "parameters": row.parameters,
            "state": row.state,
            "exit_code": None if row.job is None else row.job.exit_code,
            "result": row.result or None,
        }
        for row in rows
    ]


def print_sweep(job: Job, rows: Sequence[Row]) -> None:
    """Parameters x state x result."""
    shown = rows
    if len(rows) > ROWS_MAX:
        chosen = sorted(rows, key=lambda row: _ORDER.get(row.state, 0))[:ROWS_MAX]
        shown = sorted(chosen, key=lambda row: row.number)
    out()
    names = list(rows[0].parameters)
    head = ["TASK", *(cut(clean(name), VALUE_COLUMNS) for name in names), "STATE", "TIME", "RESULT"]
    print_table(head, [_cells(job, row) for row in shown])
    if left := len(rows) - len(shown):
        out(paint(f"and {left} more: ly show {job.id} --json", MUTED))


def _cells(job: Job, row: Row) -> list[Cell]:
    ran_s = None if row.job is None else elapsed_s(row.job)
    return [
        f"{job.id}_{row.number}",
        *(cut(clean(value), VALUE_COLUMNS) for value in row.parameters.values()),
        state_cell(row.state),
        short_time(ran_s),
        row.result or (told(row.job) if row.job is not None else ""),
    ]


def _state(task: Job | None, waits: bool) -> str:
    """A task without a record of its own waits, or was cancelled while it did."""
    if task is not None:
        return str(task.state)
    return "PENDING" if waits else "CANCELLED"


def _result(server: Client, row: Row) -> str:
    """Of a task that failed why it did, unless that is only its exit code; else its last line."""
    if row.job is None or row.state in ("PENDING", "STARTING"):
        return ""
    ending = told(row.job) if row.state not in ("RUNNING", "COMPLETED") else ""
    plain = ending.startswith("ended with exit code ")
    if ending and not plain:
        return ending
    try:
        tail = b"".join(server.logs(row.job.id, offset=-TAIL_BYTES, limit=TAIL_BYTES))
    except LaunchyardError:
        return ending
    lines = [clean(line) for line in tail.decode(errors="replace").splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return f"{ending.removeprefix('ended with ')}: {last}" if ending and last else last or ending
