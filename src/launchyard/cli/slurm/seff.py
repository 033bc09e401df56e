"""seff: how much of what it was given a job used."""

import sys
import time

from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.arguments import WrongUse, options, parse
from launchyard.cli.slurm.history import rows_of, steps_of
from launchyard.cli.slurm.people import group_of
from launchyard.cli.slurm.server import Server
from launchyard.slurm.accounting import Record, records
from launchyard.slurm.amounts import whole_cpus
from launchyard.slurm.efficiency import cpu_seconds, peak_mib, report
from launchyard.slurm.formats import printable
from launchyard.slurm.selection import BadSelection, Selection

OPTIONS = options(
    value="file job", nothing="debug help version", letters="d:debug f:file h:help j:job v:version"
)
USAGE = """Usage: seff [Options] <Jobid>
       Options:
       -h    Help menu
       -v    Version
       -d    Debug mode: the figures before the report"""
VERSION = "2.1"
NOT_FOUND = 2


def run(arguments: list[str]) -> int:
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse:
        print(USAGE)
        return 1
    if given.count("version"):
        print(f"seff Version {VERSION}")
        return 1
    wanted = [value for name, value in given.options if name == "job" and value] + given.rest
    if given.count("help") or len(wanted) != 1:
        print(USAGE)
        return 1
    server = Server()
    record = _record(server, wanted[0])
    if record is None:
        print("Job not found.", file=sys.stderr)
        return NOT_FOUND
    cluster, group = str(settings(server)["cluster"]), group_of(record["uid"])[1]
    if given.count("debug"):
        print(*_figures(record, cluster, group), sep="\n", end="\n\n")
    for line in report(record, cluster, group):
        print(printable(line))
    return 0


def _record(server: Server, name: str) -> Record | None:
    """The job, the task, or of an array the first task that has begun."""
    try:
        selection = Selection(name)
    except BadSelection:
        return None
    rows = rows_of(server, ids=list(selection.steps))
    found = records(rows, time.time(), steps=steps_of(server, rows))
    begun = [record for record in found if record["start"] is not None]
    return next(iter([*begun, *found]), None)


def _figures(record: Record, cluster: str, group: str) -> list[str]:
    task = "" if record["task_array"] is None else f"{record['task_array']}_{record['task_index']}"
    names = (
        "JobID ArrayJobID User Group State Clustername Ncpus Nnodes Ntasks Reqmem PerNode Cput Walltime Mem"
    )
    values = (
        *(record["raw"], task, record["user"], group, record["word"], cluster),
        *(whole_cpus(record["cpus_milli"]), len(record["nodes"]), record["memory_asked_mib"] * 1024, 1),
        *(cpu_seconds(record), record["elapsed_s"], round(peak_mib(record) * 1024), record["exit"][0]),
    )
    return [f"Slurm data: {names} ExitStatus", printable("Slurm data: " + " ".join(map(str, values)))]
