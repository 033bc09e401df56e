"""scontrol update: which thing is meant is said by the first name that names one."""

import sys

from launchyard.cli.slurm.control import jobs, reservations, resources
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server

ENTITIES = {
    "jobid": jobs.update,
    "job": jobs.update,
    "jobname": jobs.update,
    "nodename": resources.update_node,
    "partitionname": resources.update_partition,
    "partition": resources.update_partition,
    "reservationname": reservations.update,
    "reservation": reservations.update,
}


def run(words: list[str], flags: Flags) -> int:
    if not words:
        print("too few arguments for update keyword", file=sys.stderr)
        raise Refused
    pairs = pairs_of(words)
    found = next((at for at, (name, _) in enumerate(pairs) if name.lower() in ENTITIES), None)
    if found is None:
        print("No valid entity in update command", file=sys.stderr)
        entities = '"NodeName", "PartitionName", "Reservation", "JobId", or "SlurmctldDebug"'
        print(f"Input line must include {entities}", file=sys.stderr)
        raise Refused
    if pairs[found][0].lower() in ("partition", "reservationname") and (
        job := next((at for at, (name, _) in enumerate(pairs) if name.lower() in ("jobid", "job")), None)
    ):
        found = job
    entity, text = pairs.pop(found)
    return ENTITIES[entity.lower()](Server(), text, pairs)


def pairs_of(words: list[str]) -> list[tuple[str, str]]:
    """`Name=Value`; `Name+=Value` and `Name-=Value` keep their sign with the value."""
    pairs = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            print(f"Invalid input: {word}\nRequest aborted", file=sys.stderr)
            raise Refused
        sign = name[-1:] if name[-1:] in "+-" else ""
        pairs.append((name.removesuffix(sign) if sign else name, sign + value))
    return pairs
