"""When waiting jobs are expected to start, for `squeue --start`: the server plans ahead for each of a few."""

from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.when import parse_rfc3339
from launchyard.slurm.facts import Facts

NEEDS = ["id", "state", "reason_code", "priority", "estimate_start", "part_of"]
JOBS_MAX = 10
"""Only of so many, the first in the queue: planning ahead takes a while."""
WAIT_FOR_A_PLACE = ("resources", "priority", "licences")


def foretell(facts: Facts, server: Server) -> None:
    """Fill in the expected starts; what nobody can foretell stays unknown."""
    waiting = [row for row, code in enumerate(facts["reason_code"]) if code in WAIT_FOR_A_PLACE]
    waiting.sort(key=lambda row: (-(facts["priority"][row] or 0), facts["id"][row]))
    starts: list[float | None] = [None] * facts.count
    for row in waiting[:JOBS_MAX]:
        part_of = facts["part_of"][row]
        job = facts["id"][row] if part_of is None else part_of[0]
        try:
            estimate = server.get(f"/v1/jobs/{job}/why")["estimate"]
        except LaunchyardError:
            continue
        starts[row] = None if estimate is None else parse_rfc3339(estimate["start"])
    facts.replace("estimate_start", starts)
