"""`scontrol show daemons`, `topology`, `aliases` and what else there is little to say of here."""

import sys

from launchyard.cli.slurm import clustertable
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server


def show(words: list[str], flags: Flags) -> int:
    """Federations and burst buffers: there are none, and none are listed."""
    if flags.word == "daemons":
        print("slurmctld slurmd")
    elif flags.word == "topology":
        print("scontrol: error: No topology information available", file=sys.stderr)
    elif flags.word == "aliases":
        print(*(row["name"] for row in clustertable.rows(Server(), "nodes", ["name"])))
    return 0
