"""`scontrol show partition [NAME]`: partitions in full."""

import sys

from launchyard.cli.slurm import clustertable
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.slurm import clusterjson, clusterrecords


def show(words: list[str], flags: Flags) -> int:
    server = Server()
    found = clustertable.every(server, "partitions", flags.cluster)
    shown = [row for row in found if not words or row["name"] == words[0]]
    if words and not shown:
        print(f"Partition {words[0]} not found")
        raise Refused
    if flags.json:
        site = settings(server)
        partitions = [clusterjson.partition(row, str(site["cluster"])) for row in shown]
        clustertable.print_json(site, {"partitions": partitions, **clustertable.updated()})
        return 0
    for row in shown:
        sys.stdout.write(clusterrecords.laid_out(clusterrecords.partition(row), flags.oneliner))
    return 0
