"""`scontrol show reservation [NAME]`: nodes that are kept for a time."""

import sys
import time

from launchyard.cli.slurm import clustertable
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import stamp_of
from launchyard.slurm import clusterjson, clusterrecords


def show(words: list[str], flags: Flags) -> int:
    server = Server()
    found = clustertable.every(server, "reservations")
    shown = [row for row in found if not words or row["name"] == words[0]]
    if words and not shown:
        print(f"Reservation {words[0]} not found")
        raise Refused
    nodes = clustertable.rows(server, "nodes", ["name cores"]) if shown else []
    cores = {row["name"]: row["cores"] for row in nodes}
    counts = [sum(cores.get(name, 0) for name in row["nodes"]) for row in shown]
    if flags.json:
        found_json = [clusterjson.reservation(*one) for one in zip(shown, counts, strict=True)]
        clustertable.print_json(settings(server), {"reservations": found_json, **clustertable.updated()})
        return 0
    if not shown:
        print("No reservations in the system")
    now = time.time()
    stamp = stamp_of(now)
    for row, count in zip(shown, counts, strict=True):
        record = clusterrecords.reservation(row, count, stamp, now)
        sys.stdout.write(clusterrecords.laid_out(record, flags.oneliner))
    return 0
