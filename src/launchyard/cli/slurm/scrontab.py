"""scrontab: not done here yet; one sentence says what does the same."""

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server

INSTEAD = "jobs at times: entries of crontab that submit with sbatch do the same, and `sbatch --begin` starts one later"


def run(arguments: list[str]) -> int:
    if arguments in (["-V"], ["--version"]):
        print(f"slurm {Server().get('/v1/slurm')['version']}")
        return 0
    raise Refused(f"error: there are no {INSTEAD}")
