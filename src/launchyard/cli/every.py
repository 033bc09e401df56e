"""One thing done to every job of the caller: a few requests, however many jobs, and one answer."""

import getpass
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from launchyard.cli.output.screen import Line, is_terminal, out, out_json, problem
from launchyard.cli.output.text import clean
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import LIVE_STATES
from launchyard.sdk.records import Record

Row = Mapping[str, Any]
COLUMNS = ("id", "state", "held", "array")
ROWS = 20_000
"""So many jobs are read at once, a few columns of each."""
NEWS_EVERY = 1_000
REFUSALS_SHOWN = 3


def waits(row: Row) -> bool:
    """It waits, or some tasks of it do, and nobody holds it."""
    return not row["held"] and (row["array"][1] > 0 if row["array"] else row["state"] == "PENDING")


def is_held(row: Row) -> bool:
    return bool(row["held"])


def to_every(
    server: Client,
    act: str,
    wanted: Callable[[Row], bool],
    said: Callable[[str, int], str],
    as_json: bool,
    quiet: bool,
) -> int:
    """Do it to all live jobs of the caller that are `wanted`, those that wait first; 1 when any refused.

    `said` puts into words what became of so many of them, from their state.
    """
    rows = sorted(filter(wanted, _rows(server)), key=lambda row: row["state"] != "PENDING")
    line, done, refused = Line(), list[Record](), list[Record]()
    for result in server.act_on(act, [row["id"] for row in rows]):
        (done if result.status == 200 else refused).append(result)
        if (count := len(done) + len(refused)) % NEWS_EVERY == 0 and is_terminal(sys.stderr):
            line.show(f"{count:,} of {len(rows):,} jobs")
    line.clear()
    for one in refused[:REFUSALS_SHOWN]:
        problem(clean(one.detail))
    if len(refused) > REFUSALS_SHOWN:
        problem(f"{len(refused) - REFUSALS_SHOWN:,} more jobs were refused")
    if as_json:
        out_json([one.to_json() for one in (*done, *refused)])
    elif quiet:
        for one in done:
            out(one.job)
    else:
        for state, count in Counter(one.state for one in done).items():
            out(f"{count:,} {'job' if count == 1 else 'jobs'} {said(state, count)}.")
        if not rows:
            out("There is no such job of yours.")
    return 1 if refused else 0


def _rows(server: Client) -> Iterator[Row]:
    """The live jobs and arrays of the caller."""
    cursor = None
    query: dict[str, str | int] = {
        "state": ",".join(sorted(LIVE_STATES)),
        "user": getpass.getuser(),
        "limit": ROWS,
    }
    while True:
        page = server.transport.json("GET", "/v1/tables/list", query={**query, "cursor": cursor})
        columns = [_values(page["columns"][name]) for name in COLUMNS]
        yield from (dict(zip(COLUMNS, values, strict=True)) for values in zip(*columns, strict=True))
        cursor = page["next"]
        if cursor is None:
            return


def _values(column: Any) -> list[Any]:
    """A column as it is told: the values, or those that there are and which comes where."""
    return [column["of"][place] for place in column["at"]] if isinstance(column, dict) else column
