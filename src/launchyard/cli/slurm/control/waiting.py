"""scontrol wait_job ID: until the job has its nodes, or has ended."""

import sys
import time

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError

READY = ("RUNNING", "SUSPENDED", "COMPLETING")
PAUSE_S = 0.1
PAUSE_MAX_S = 2.0


def run(words: list[str], flags: Flags) -> int:
    if not words:
        print("too few arguments for keyword:wait_job", file=sys.stderr)
        raise Refused
    server, pause_s = Server(), PAUSE_S
    while True:
        state = _state(server, words[0])
        if state in READY:
            print(f"scontrol: Nodes are ready for job {words[0]}", file=sys.stderr)
            return 0
        if state not in ("PENDING", "STARTING"):
            raise Refused(f"Problem running job {words[0]}")
        time.sleep(pause_s)
        pause_s = min(PAUSE_MAX_S, pause_s * 1.5)


def _state(server: Server, id: str) -> str:
    try:
        return str(server.get(f"/v1/jobs/{id}")["state"])
    except LaunchyardError:
        return ""
