"""strigger: not done here yet; one sentence says what does the same."""

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server

INSTEAD = "triggers: sbatch --dependency=afterany:ID runs a program when a job has ended"


def run(arguments: list[str]) -> int:
    if arguments in (["-V"], ["--version"]):
        print(f"slurm {Server().get('/v1/slurm')['version']}")
        return 0
    raise Refused(f"error: there are no {INSTEAD}")
