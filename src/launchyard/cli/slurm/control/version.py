"""`scontrol version`."""

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.scontrol import Flags


def run(words: list[str], flags: Flags) -> int:
    return print_version()
