"""Workload traces in the Standard Workload Format (SWF), plain or gzip.

Format: https://www.cs.huji.ac.il/labs/parallel/workload/swf.html: 18 numbers a line, -1 is unknown, `;`
begins a comment. Jobs that no machine could have run are dropped, as the papers do: larger than the machine,
without run time or requested time, or submitted before the log began.
"""

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from launchyard.model.errors import Invalid

FIELDS = 18
BIGGEST = 10**15
_HEADER = re.compile(rb";\s*Max(Procs|Nodes):\s*(\d{1,9})\b")
_USER = re.compile(rb";\s*User:\s*(\d{1,9})\s+(\S+)")
_SCALE = re.compile(rb";\s*ProcsPerCpu:\s*(\d{1,9})\b")


class TraceJob:
    """One job of a trace. Times in seconds from the beginning of the log; `number` is its place in the
    log."""

    __slots__ = (
        "id",
        "number",
        "predicted_s",
        "processors",
        "requested_s",
        "run_s",
        "start",
        "submit",
        "user",
    )

    def __init__(
        self, number: int, id_: int, submit: int, run_s: int, processors: int, requested_s: int, user: int
    ) -> None:
        self.number = number
        self.id = id_
        self.submit = submit
        self.run_s = run_s
        self.processors = processors
        self.requested_s = requested_s
        self.predicted_s = requested_s
        self.user = user
        self.start = -1


class Trace:
    """The jobs in the order of the log, and how many processors the machine has. `dropped`: how many lines
    no machine could have run. From our own accounting also the names of users, and of how many processors of
    the trace a CPU is made (`scale`)."""

    def __init__(self, jobs: list[TraceJob], processors: int, dropped: int) -> None:
        self.jobs = jobs
        self.processors = processors
        self.dropped = dropped
        self.users: dict[int, str] = {}
        self.scale = 1


def read_trace(path: Path, processors: int | None = None) -> Trace:
    """The trace in a file; `processors` instead of what its header says. Raises `Invalid`."""
    try:
        data = path.read_bytes()
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).splitlines()
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid(f"cannot read the trace {path}: {getattr(error, 'strerror', None) or error}") from None
    found = parse_trace(lines, str(path), processors)
    if not found.jobs:
        raise Invalid(f"the trace {path} has no jobs; is it in the Standard Workload Format?")
    return found


def parse_trace(lines: Iterable[bytes], name: str, processors: int | None = None) -> Trace:
    """The trace in these lines. Raises `Invalid` with the number of the line that is wrong."""
    header: dict[bytes, int] = {}
    users: dict[int, str] = {}
    rows: list[tuple[int, int, int, int, int, int]] = []
    for number, line in enumerate(lines, start=1):
        if line[:1] == b";":
            if match := _HEADER.match(line):
                header[match[1]] = int(match[2])
            elif match := _SCALE.match(line):
                header[b"Scale"] = int(match[1])
            elif match := _USER.match(line):
                users[int(match[1])] = match[2].decode(errors="replace")
            continue
        words = line.split()
        if words:
            rows.append(_row(words, name, number))
    total = (
        processors or header.get(b"Procs") or header.get(b"Nodes") or max((row[3] for row in rows), default=0)
    )
    jobs: list[TraceJob] = []
    for id_, submit, run, size, requested, user in rows:
        if 0 < size <= total and run > 0 and requested > 0 and submit >= 0:
            jobs.append(TraceJob(len(jobs), id_, submit, min(run, requested), size, requested, user))
    found = Trace(jobs, total, len(rows) - len(jobs))
    found.users, found.scale = users, header.get(b"Scale") or 1
    return found


def _row(words: list[bytes], name: str, number: int) -> tuple[int, int, int, int, int, int]:
    """Id, submission, run time, processors, requested time, user of one line."""
    if len(words) < FIELDS:
        raise Invalid(
            f"{name}, line {number}: {len(words)} fields; the Standard Workload Format has {FIELDS}"
        )
    try:
        size = int(words[7])
        row = (
            int(words[0]),
            int(words[1]),
            int(float(words[3])),
            size if size > 0 else int(words[4]),
            int(float(words[8])),
            int(words[11]),
        )
    except (ValueError, OverflowError):
        raise Invalid(f"{name}, line {number}: a field is not a number") from None
    if max(row) > BIGGEST:
        raise Invalid(f"{name}, line {number}: {max(row)} is more than any log can mean")
    return row
