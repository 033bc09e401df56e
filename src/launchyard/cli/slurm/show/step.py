"""`scontrol show step [JOB[.STEP]]`: the steps that run."""

import sys

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steptable import read_steps, running
from launchyard.cli.slurm.surroundings import surroundings
from launchyard.slurm.indexes import NotAnId
from launchyard.slurm.stepfields import record


def show(words: list[str], flags: Flags) -> int:
    server = Server()
    try:
        wanted = read_steps(",".join(words))
    except NotAnId:
        print("slurm_get_job_steps error: Invalid job id specified", file=sys.stderr)
        raise Refused from None
    if wanted and not server.table("jobs", "id", ids=",".join(str(one.job.id) for one in wanted), recent=1):
        print("slurm_get_job_steps error: Invalid job id specified", file=sys.stderr)
        raise Refused
    steps, around = running(server, wanted), surroundings()
    if not steps:
        print(f"Job step {words[0]} not found" if wanted else "No job steps in the system")
        return 1 if wanted else 0
    for step in steps:
        lines = record(step, around)
        print(" ".join(lines) if flags.oneliner else "\n   ".join(lines) + "\n")
    return 0
