"""sattach: see what the tasks of a running step write, beside the srun that started it."""

import os
import select
from collections.abc import Mapping

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steps.inputs import Source
from launchyard.cli.slurm.steps.outputs import Look, Stream
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any
from launchyard.runner.connection import BACKLOG_MAX, Connection, connect
from launchyard.runner.frames import ERRORS, EXITED, INPUT, OBSERVE, OUTPUT, Frame
from launchyard.slurm.stepends import exit_code

OPTIONS = options(
    value="error-filter input-filter output-filter",
    nothing="help label layout pty quiet usage verbose version",
    letters="h:help l:label Q:quiet u:usage v:verbose V:version",
)
USAGE = """Usage: sattach [OPTIONS...] JOB.STEP

Shows what the tasks of a running step write, and gives them what is typed.

  -l, --label             the task before each line
      --layout            only say which task is on which node
      --input-filter=N  --output-filter=N  --error-filter=N   only that task
"""


class Watched:
    """The step as it is seen from here; `ended` are its tasks' wait statuses."""

    def __init__(self, given: Given, tasks: int) -> None:
        label = bool(given.count("label"))
        self._look = Look(label, label or tasks > 1, len(str(max(0, tasks - 1))))
        self._only = {OUTPUT: _rank(given, "output-filter"), ERRORS: _rank(given, "error-filter")}
        self._streams: dict[tuple[int, int], Stream] = {}
        self.ended: dict[int, int] = {}

    def hear(self, one: Frame) -> None:
        """Raises `Gone`."""
        if one.kind == EXITED:
            self.ended[one.task] = int(one.object()["status"])
        only = self._only.get(one.kind, -1)
        if one.kind not in self._only or only not in (None, one.task):
            return
        key = one.task, one.kind
        if key not in self._streams:
            self._streams[key] = Stream(1 if one.kind == OUTPUT else 2, one.task, self._look)
        self._streams[key].write(one.data)

    def end(self) -> None:
        for stream in self._streams.values():
            stream.write(b"")


def run(arguments: list[str]) -> int:
    given = parse(arguments, OPTIONS)
    if given.count("help") or given.count("usage"):
        print(USAGE, end="")
        return 0
    if given.count("version"):
        return print_version()
    if len(given.rest) != 1:
        raise Refused("error: name one step, for example 12.0")
    job, dot, step = given.rest[0].partition(".")
    if not (job.isdigit() and dot and step.isdigit()):
        raise Refused("error: Failed to parse stepid from command line options", "write for example 12.0")
    row = _step(job, int(step))
    if given.count("layout"):
        print(layout(row["nodes"], row["ranks"]), end="")
        return 0
    try:
        connection = connect(str(row["connect"]))
    except OSError as error:
        raise Refused(f"error: Unable to attach to step {job}.{step}: {error.strerror}") from None
    return _watch(connection, given, row)


def _step(job: str, number: int) -> dict[str, Any]:
    """The facts of the step; it must run."""
    columns = "step state nodes ranks tasks connect"
    try:
        rows = Server().table("steps", columns, job=job)
    except LaunchyardError as error:
        raise Refused(f"error: Could not get job step info: {error}") from None
    for found in rows:
        row = dict(zip(columns.split(), found, strict=True))
        if row["step"] == number and row["state"] == "RUNNING" and row["connect"]:
            return row
    raise Refused("error: Could not get job step info: Invalid job id specified")


def layout(nodes: list[str], ranks: list[list[int]]) -> str:
    """Which task is on which node."""
    lines = [
        "Job step layout:",
        f"\t{sum(map(len, ranks))} tasks, {len(nodes)} nodes ({','.join(nodes)})",
        "",
    ]
    for position, (node, here) in enumerate(zip(nodes, ranks, strict=True)):
        lines.append(f"\tNode {position} ({node}), {len(here)} task(s): {' '.join(map(str, here))}")
    return "\n".join([*lines, ""])


def _watch(connection: Connection, given: Given, row: Mapping[str, Any]) -> int:
    """Until the step has ended."""
    connection.tell(OBSERVE, {"input": True})
    watched = Watched(given, int(row["tasks"]))
    into = _rank(given, "input-filter")
    # A terminal in the background is left alone, and the end of our input is not that of the tasks'.
    source = Source(0, -1 if into is None else into) if _may_read() else None
    while not connection.lost:
        readers: list[Any] = [connection]
        if source is not None and connection.waiting < BACKLOG_MAX:
            readers.append(source.fd)
        ready, _, _ = select.select(readers, [connection] if connection.waiting else [], [])
        connection.flush()
        for one in connection.receive() if connection in ready else ():
            watched.hear(one)
        if source is not None and source.fd in ready:
            data = source.read()
            if data == b"":
                source = None
            elif data:
                connection.send(INPUT, data, source.rank)
    watched.end()
    return exit_code(watched.ended.values())


def _may_read() -> bool:
    return not os.isatty(0) or os.tcgetpgrp(0) == os.getpgrp()


def _rank(given: Given, name: str) -> int | None:
    """The only task that counts; None: all."""
    value = given.last(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 6:
        raise WrongUse(f'error: Invalid numeric value "{value}" for --{name}.')
    return int(value)
