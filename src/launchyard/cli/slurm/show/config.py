"""`scontrol show config`: what programs want to know of the site."""

import os
import sys
import time

from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import stamp_of
from launchyard.slurm import siteconfig


def show(words: list[str], flags: Flags) -> int:
    """Words after it say nothing, as with Slurm."""
    site = Server().get("/v1/slurm/config")
    now, host = time.time(), os.uname().nodename.split(".")[0]
    stamp = stamp_of(now)
    lines = [
        f"Configuration data as of {stamp(now)}",
        *siteconfig.lines(site, stamp, host),
        "",
        f"Slurmctld(primary) at {host} is UP",
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0
