"""squeue: the jobs that wait and run."""

from launchyard.cli.slurm.arguments import options, parse
from launchyard.cli.slurm.server import Server

OPTIONS = options(nothing="help noheader", letters="h:noheader")


def run(arguments: list[str]) -> int:
    parse(arguments, OPTIONS)
    for row in Server().table("jobs", "id partition name user state"):
        print(*row)
    return 0
