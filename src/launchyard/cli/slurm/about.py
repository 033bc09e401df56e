"""What every command says of itself: the version of Slurm that it stands for."""

from launchyard.cli.slurm.server import Server
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any
from launchyard.slurm.version import DEFAULT

Settings = dict[str, Any]

UNTOLD: Settings = {"version": DEFAULT, "cluster": "local", "min_job_age_s": 300, "max_array_size": 100_001}


def settings(server: Server) -> Settings:
    """What the server's site says: `version`, `cluster`, `clusters`, `min_job_age_s`, `max_array_size`."""
    told: Settings = server.get("/v1/slurm")
    return told


def print_version() -> int:
    """`slurm 23.11.4`; without a server the version that is reported when nobody says another."""
    try:
        told = settings(Server())
    except LaunchyardError:
        told = UNTOLD
    print(f"slurm {told['version']}")
    return 0
