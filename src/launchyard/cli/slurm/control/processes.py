"""scontrol listpids, listjobs, liststeps, pidinfo, notify: what runs on this node, and words to it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError

HEADS = {
    "listjobs": "JOBID",
    "liststeps": "STEPID",
    "listpids": f"{'PID':<8} {'JOBID':<8} {'STEPID':<8} {'LOCALID':<7} GLOBALID",
}


def run(words: list[str], flags: Flags) -> int:
    what = flags.word.lower()
    if what == "notify":
        return _notify(words)
    if what == "pidinfo":
        return _pidinfo(words)
    if "+" in (words[0] if words else ""):
        print(f'"{words[0]}" does not look like a jobid', file=sys.stderr)
        raise Refused
    found = sorted((int(job), pid, rank) for pid, job, rank in _of_jobs())
    wanted = (words[0] if words else "").partition(".")[0]
    print(HEADS[what])
    if what == "listpids":
        for job, pid, rank in found:
            if not wanted or wanted == str(job):
                print(f"{pid:<8} {job:<8} {'batch' if rank is None else '0':<8} {rank or 0:<7} {rank or 0}")
        return 0
    for job in sorted({job for job, _, _ in found}):
        print(job if what == "listjobs" else f"{job}.batch")
    return 0


def _of_jobs() -> Iterator[tuple[int, str, str | None]]:
    """Processes of jobs that we may see: their environment names the job."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and (found := _job_of(int(entry.name))) is not None:
            yield int(entry.name), *found


def _job_of(pid: int) -> tuple[str, str | None] | None:
    try:
        lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    named = {name: value.decode() for line in lines for name, _, value in [line.partition(b"=")] if value}
    if named.get(b"LAUNCHYARD_STATE") != os.environ.get("LAUNCHYARD_STATE"):
        return None
    job = named.get(b"SLURM_JOB_ID") or named.get(b"LAUNCHYARD_JOB_ID")
    rank = named.get(b"SLURM_PROCID")
    return None if not job or not job.isdecimal() else (job, rank)


def _pidinfo(words: list[str]) -> int:
    if not words or not words[0].isdecimal() or (found := _job_of(int(words[0]))) is None:
        print("slurm_get_end_time error: Invalid job id specified", file=sys.stderr)
        raise Refused
    print(f"Slurm job id {found[0]}")
    return 0


def _notify(words: list[str]) -> int:
    """There is nobody who listens, but the job is looked for; its output is its own."""
    if len(words) < 2:
        print("too few arguments for keyword:notify", file=sys.stderr)
        raise Refused
    try:
        Server().get(f"/v1/jobs/{words[0]}")
    except LaunchyardError:
        print("job notify failure: Invalid job id specified", file=sys.stderr)
        raise Refused from None
    raise Refused("error: messages into the output of a job are not passed on; write to its files instead")
