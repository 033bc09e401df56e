"""The two pipes between the launcher and a child that is being set up.

On one the child reports, a JSON object a line, until its exec or its death closes it. On the other it is
given leave to exec, one byte, or hears by the end that the launcher died.
"""

import contextlib
import json
import os
import signal
from select import PIPE_BUF
from typing import NamedTuple, NoReturn

from launchyard.launcher.journal import Record

UNBORN = int(signal.SIGRTMAX)
"""By which signal a child ends itself that does not come to its exec. An exit code, or a signal that programs
die of, would pass for the program's own where nobody is left to hear what the child reported."""
_SAID_MAX = 3000
FAILED = b"OSError:"
"""What a child that was started the quick way reports when it did not come to its exec."""


class Pipes(NamedTuple):
    """The four ends of a child's two pipes: `report` from it, `leave` to it."""

    report_read: int
    report_write: int
    leave_read: int
    leave_write: int


def make_pipes() -> Pipes:
    """For one child; raises OSError without leaving one behind."""
    report = os.pipe()
    try:
        return Pipes(*report, *os.pipe())
    except OSError:
        os.close(report[0])
        os.close(report[1])
        raise


def report(write: int, **said: str) -> None:
    """In a child: say why it cannot go on, cut so that it arrives in one piece."""
    longest = _SAID_MAX
    while len(line := json.dumps({name: text[:longest] for name, text in said.items()}).encode()) >= PIPE_BUF:
        longest = longest * 3 // 4
    with contextlib.suppress(OSError):
        os.write(write, line + b"\n")


def end_unborn() -> NoReturn:
    """In a child that does not come to its exec."""
    os.kill(os.getpid(), UNBORN)
    os.kill(os.getpid(), signal.SIGKILL)
    os._exit(127)


def give_leave(pipes: Pipes) -> int:
    """Let the child exec; gives the end on which it reports, not blocking, to be read until its end."""
    os.write(pipes.leave_write, b"g")
    return keep_waiting(pipes)


def keep_waiting(pipes: Pipes) -> int:
    """Close all but the reading end, which is given: without leave the child ends itself."""
    # The child's ends too: while they were open here, a write could not meet a broken pipe.
    for fd in (pipes.leave_write, pipes.leave_read, pipes.report_write):
        os.close(fd)
    os.set_blocking(pipes.report_read, False)
    return pipes.report_read


def hear(report: int) -> tuple[list[Record], bool]:
    """What a child has reported so far, and whether it was all (it executed its program, or it is dead)."""
    try:
        said = os.read(report, 65536)
    except BlockingIOError:
        return [], False
    if said.startswith(FAILED):
        return [{"again": True}], False
    reports: list[Record] = []
    for line in said.splitlines():
        # What the interpreter says after FAILED comes in pieces, of which a number alone would pass for JSON.
        if line.startswith(b"{"):
            with contextlib.suppress(ValueError):
                reports.append(json.loads(line))
    return reports, not said
