"""`scontrol completing`: jobs whose processes are still being killed, and where."""

import time

from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import stamp_of
from launchyard.slurm.nodes import folded


def run(words: list[str], flags: Flags) -> int:
    stamp = stamp_of(time.time())
    for id, state, ended_at, nodes in Server().table("jobs", "id state ended_at nodes"):
        if state == "COMPLETING":
            print(f"JobId={id} EndTime={stamp(ended_at)} Nodes(COMPLETING)={folded(nodes)}")
    return 0
