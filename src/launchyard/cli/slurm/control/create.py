"""scontrol create reservation ...; nodes and partitions come from the configuration."""

import sys

from launchyard.cli.slurm.control.reservations import create
from launchyard.cli.slurm.control.update import pairs_of
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server

NOT_HERE = {
    "node": "nodes are named in the configuration file of the server",
    "partition": "partitions are made by `ly admin set partition NAME nodes=...`",
}


def run(words: list[str], flags: Flags) -> int:
    first = words[0].partition("=") if words else ("", "", "")
    entity = first[0].lower()
    if entity in ("node", "nodename", "partition", "partitionname"):
        raise Refused(f"error: create {first[0]}: {NOT_HERE[entity.removesuffix('name')]}")
    if entity in ("reservation", "reservationname") and not first[1]:
        words = words[1:]
    pairs = pairs_of(words)
    named = [value for name, value in pairs if name.lower() in ("reservation", "reservationname")]
    rest = [pair for pair in pairs if pair[0].lower() not in ("reservation", "reservationname")]
    if not named and entity not in ("reservation", "reservationname"):
        print("No valid entity in create command", file=sys.stderr)
        print('Input line must include "NodeName", "PartitionName" or "Reservation"', file=sys.stderr)
        raise Refused
    return create(Server(), named[-1] if named else "", rest)
