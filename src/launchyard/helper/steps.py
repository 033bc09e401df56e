"""A command beside a job's own, on a terminal of this user's: where the engine's own way has brought us."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping

from launchyard.helper.terminals import on_terminal
from launchyard.launcher.messages import Message

OF_SLURM = ("SLURM", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
"""How the names of variables begin that the engine which brought us here knows better."""


def step(order: Message) -> Message:
    """Run it to its end; the answer says how that was."""
    directory = order["directory"]
    process = subprocess.Popen(
        on_terminal(order["terminal"], order["argv"]),
        cwd=directory if os.path.isdir(directory) and os.access(directory, os.X_OK) else "/",
        env=variables(order["environment"], os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            # What it left on the terminal is told that the terminal goes.
            os.killpg(process.pid, signal.SIGHUP)
    end = {"exit_code": code} if code >= 0 else {"signal": -code}
    return {"t": "stepped", "id": order["id"], **end}


def variables(asked: Mapping[str, str], here: Mapping[str, str]) -> dict[str, str]:
    """What was asked for; what tells of the allocation is as it is here."""
    found = {name: value for name, value in asked.items() if not name.startswith(OF_SLURM)}
    return {**found, **{name: value for name, value in here.items() if name.startswith(OF_SLURM)}}
