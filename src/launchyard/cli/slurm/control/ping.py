"""`scontrol ping`: does the server answer?"""

import os
import time

from launchyard.cli.slurm import clustertable
from launchyard.cli.slurm.about import UNTOLD, settings
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError


def run(words: list[str], flags: Flags) -> int:
    host, began, site = os.uname().nodename.split(".")[0], time.perf_counter(), UNTOLD
    try:
        site = settings(Server())
        up = True
    except LaunchyardError:
        up = False
    if flags.json:
        took = round(1e6 * (time.perf_counter() - began))
        ping = {"hostname": host, "pinged": "UP" if up else "DOWN", "latency": took, "mode": "primary"}
        clustertable.print_json(site, {"pings": [ping]})
    else:
        print(f"Slurmctld(primary) at {host} is {'UP' if up else 'DOWN'}")
    return 0 if up else 1
