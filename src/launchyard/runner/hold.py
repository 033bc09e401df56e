"""A holder: the process of a job that is only an allocation; whoever asked for it says when it is over."""

import os
import select
import signal
from typing import NoReturn

from launchyard.runner.connection import Connection
from launchyard.runner.frames import END


def hold(connection: Connection) -> int:
    """Wait; the wait status to end with. Nobody there any more: the allocation is given back."""
    while not connection.lost:
        select.select([connection], [connection] if connection.waiting else [], [])
        connection.flush()
        for one in connection.receive():
            if one.kind == END:
                told = one.object()
                return int(told["signal"]) if told.get("signal") else (int(told["exit_code"]) & 255) << 8
    return 0


def hold_on() -> NoReturn:
    """Without anybody who could say when: until the job is ended."""
    while True:
        signal.pause()


def told_of(environ: dict[str, str]) -> dict[str, str]:
    """What the person's shell is to know of the allocation."""
    names = ("SLURM", "LAUNCHYARD_", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "TMPDIR")
    return {name: value for name, value in environ.items() if name.startswith(names)}


def environment() -> dict[str, str]:
    return told_of(dict(os.environ))
