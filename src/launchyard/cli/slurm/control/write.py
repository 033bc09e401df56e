"""`scontrol write batch_script ID [FILE]`: the script of a job as it was submitted; `-` is the terminal."""

import sys
from pathlib import Path

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError

FAILED = "job script retrieval failed"


def run(words: list[str], flags: Flags) -> int:
    what = words[0] if words else ""
    if what.lower() != "batch_script":
        print(f"invalid write argument:{what}", file=sys.stderr)
        raise Refused
    if len(words) < 2:
        print("too few arguments for keyword:write", file=sys.stderr)
        raise Refused
    # The parts of a job have one script.
    id = words[1].partition("+")[0]
    path = words[2] if len(words) > 2 else f"slurm-{id}.sh"
    try:
        script = Server().transport.content("GET", f"/v1/jobs/{id}/script")
    except LaunchyardError as error:
        why = "Invalid job id specified" if error.status in (400, 404) else str(error)
        print(f"{FAILED}: {why}", file=sys.stderr)
        raise Refused from None
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(script)
        return 0
    try:
        Path(path).write_bytes(script)
    except OSError as error:
        raise Refused(f"error: {path} cannot be written: {error.strerror}") from None
    if not flags.quiet:
        print(f"batch script for job {id} written to {path}")
    return 0
