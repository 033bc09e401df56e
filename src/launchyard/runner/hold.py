"""A holder: the process of a job that is only an allocation; whoever asked for it says when it is over.

When the job is to end (TERM), what runs in it has the time that it is given: the holder ends after it.
"""

import os
import select
import signal
import time

from launchyard.runner.connection import Connection
from launchyard.runner.frames import END, SIGNALLED
from launchyard.runner.signals import Signals

MARK = "LAUNCHYARD_LAUNCH_ID"
OF_THE_JOB = ("SLURM",)
"""What the person's shell is to know of the allocation."""
OF_THE_PLACE = ("LAUNCHYARD_", "TMPDIR")
"""What tasks have of the place where they run, whatever srun was started with."""
_PAUSE_S = 0.05


def hold(connection: Connection | None) -> int:
    """Wait; the wait status to end with. Nobody there any more: the allocation is given back."""
    signals = Signals()
    while connection is None or not connection.lost:
        readers = [signals.fileno()] if connection is None else [signals.fileno(), connection.fileno()]
        waiting = connection is not None and connection.waiting
        select.select(readers, readers[1:] if waiting else [], [])
        if signal.SIGTERM in signals.read():
            return _end_last(connection)
        if connection is not None and (status := _told(connection)) is not None:
            return status
    return 0


def _told(connection: Connection) -> int | None:
    """The end that is ordered, if one is."""
    connection.flush()
    for one in connection.receive():
        if one.kind == END:
            said = one.object()
            return int(said["signal"]) if said.get("signal") else (int(said["exit_code"]) & 255) << 8
    return None


def _end_last(connection: Connection | None) -> int:
    """Say that it is over, and wait for the others of the job; KILL comes when they take too long."""
    if connection is not None:
        connection.tell(SIGNALLED, {"signal": int(signal.SIGTERM)})
    while _others(os.environ.get(MARK, "")):
        time.sleep(_PAUSE_S)
    return int(signal.SIGTERM)


def _others(launch: str) -> bool:
    """Whether other processes carry the mark of the job."""
    mark = f"{MARK}={launch}\0".encode()
    for name in os.listdir("/proc") if launch else ():
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read() + b"\0":
                        return True
            except OSError:
                continue
    return False


def environment(names: tuple[str, ...]) -> dict[str, str]:
    """Our own variables that begin so."""
    return {name: value for name, value in os.environ.items() if name.startswith(names)}
