"""How a launch ended, asked where it may be known: the runner's records, Slurm's memory, its accounting."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from launchyard.engine.channel import UserHelpers
from launchyard.engine.slurm.commands import Commands
from launchyard.engine.slurm.journal import Given
from launchyard.engine.slurm.told import APART, SACCT_FIELDS, Accounted, accounted, exit_of, records
from launchyard.model.errors import LaunchyardError, NotFound

RECORD_MAX = 64 * 1024
BEFORE_S = 120.0
"""How much earlier than ours Slurm's clock may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the runner of a launch wrote down; None: nothing, or it cannot be read."""

    start: Mapping[str, Any] | None
    end: Mapping[str, Any] | None


async def records_of(helpers: UserHelpers, launch_id: str, given: Given) -> Records:
    """Read as the user whose they are. What cannot be read now is as if it were not there."""
    end = await _read(helpers, given, f"{launch_id}.end")
    start = end or await _read(helpers, given, f"{launch_id}.start")
    return Records(start=start, end=end)


async def _read(helpers: UserHelpers, given: Given, name: str) -> Mapping[str, Any] | None:
    if not given.directory:
        return None
    try:
        part = await helpers.read(given.uid, f"{given.directory}/{name}", 0, RECORD_MAX)
        found = json.loads(part.data)
    except (NotFound, ValueError, LaunchyardError, OSError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("at"), int | float) else None


async def remembered(commands: Commands, slurm_id: int) -> tuple[int, int] | None:
    """Exit code and signal as slurmctld remembers them; None: it does not."""
    ran = await commands.look("scontrol", "-o", "show", "job", str(slurm_id))
    found = records(ran.out) if ran.ok else []
    return exit_of(found[0]) if found and "ExitCode" in found[0] else None


async def output_of(commands: Commands, slurm_id: int) -> str:
    """Where Slurm lets a job print, its patterns expanded; empty: it does not say, or to nowhere."""
    ran = await commands.look("scontrol", "-o", "show", "job", str(slurm_id))
    found = records(ran.out) if ran.ok else []
    path = found[0].get("StdOut", "") if found else ""
    return path if path.startswith("/") and "%" not in path and path != "/dev/null" else ""


async def in_accounting(commands: Commands, launch_id: str, given: Given, now: float) -> Accounted | None:
    """The job as sacct has it, by its number, else by the mark in its comment where comments are kept.

    A number that Slurm has given twice is that of the job that was submitted when ours was.
    """
    arguments = ["-X", "-n", "-P", f"--delimiter={APART}", f"--format={','.join(SACCT_FIELDS)}"]
    if given.slurm_id is not None:
        arguments += ["-D", "-j", str(given.slurm_id)]
    else:
        arguments += ["-u", str(given.uid), "-S", f"now-{int(now - given.at + BEFORE_S)}seconds"]
    ran = await commands.look("sacct", *arguments)
    if not ran.ok:
        return None
    for one in reversed(accounted(ran.out)):
        if one.uid != given.uid:
            continue
        same_time = one.submitted_at is not None and abs(one.submitted_at - given.at) < BEFORE_S
        if one.launch == launch_id or (one.slurm_id == given.slurm_id and one.launch is None and same_time):
            return one
    return None
