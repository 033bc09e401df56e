"""scontrol reconfigure: read the rules of the queue from the configuration file again."""

import sys

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Forbidden


def run(words: list[str], flags: Flags) -> int:
    try:
        Server().post("/v1/admin/reload")
    except Forbidden:
        print("slurm_reconfigure error: Access/permission denied", file=sys.stderr)
        raise Refused from None
    return 0
