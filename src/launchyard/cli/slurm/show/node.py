"""`scontrol show node [NODES]`: nodes in full."""

import sys
import time

from launchyard.cli.slurm import clustertable
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import stamp_of
from launchyard.slurm import clusterjson, clusterrecords
from launchyard.slurm.nodes import unfolded


def show(words: list[str], flags: Flags) -> int:
    server = Server()
    site = settings(server)
    version, found = str(site["version"]), clustertable.every(server, "nodes", flags.cluster)
    known = {row["name"]: row for row in found}
    asked = unfolded(",".join(words)) if words else list(known)
    missing = next((name for name in asked if name not in known), None)
    shown = [known[name] for name in asked if name in known]
    if flags.json and missing is None:
        nodes = [clusterjson.node(row, version, str(site["cluster"])) for row in shown]
        clustertable.print_json(site, {"nodes": nodes, **clustertable.updated()})
        return 0
    stamp = stamp_of(time.time(), "None")
    for row in shown:
        record = clusterrecords.node(row, stamp, version, flags.details)
        sys.stdout.write(clusterrecords.laid_out(record, flags.oneliner))
    if missing is not None:
        print(f"Node {missing} not found")
        raise Refused
    return 0
