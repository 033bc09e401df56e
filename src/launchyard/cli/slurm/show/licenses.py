"""`scontrol show licenses [NAME]`: what there is, and how much of it is held."""

import sys

from launchyard.cli.slurm import clustertable
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.slurm import clusterjson, clusterrecords


def show(words: list[str], flags: Flags) -> int:
    server = Server()
    found = clustertable.every(server, "licences")
    shown = [row for row in found if not words or row["name"] == words[0]]
    if flags.json:
        licences = [clusterjson.licence(row) for row in shown]
        clustertable.print_json(settings(server), {"licenses": licences, **clustertable.updated()})
        return 0
    if not found:
        print("No licenses configured in Slurm.")
    for row in shown:
        sys.stdout.write(clusterrecords.licence(row, flags.oneliner))
    return 0
