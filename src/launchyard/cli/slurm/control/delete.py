"""scontrol delete ReservationName=...; nodes and partitions come from the configuration."""

import sys

from launchyard.cli.slurm.control.create import NOT_HERE
from launchyard.cli.slurm.control.reservations import delete
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server


def run(words: list[str], flags: Flags) -> int:
    """`delete reservation=NAME`, `delete reservation NAME`."""
    entity, equals, text = (words[0] if words else "").partition("=")
    name = entity.lower()
    if name in ("node", "nodename", "partition", "partitionname"):
        raise Refused(f"error: delete {entity}: {NOT_HERE[name.removesuffix('name')]}")
    if not equals and len(words) > 1:
        text = words[1]
    if name not in ("reservation", "reservationname") or not text:
        print("Invalid entity in delete command", file=sys.stderr)
        raise Refused
    return delete(Server(), text)
