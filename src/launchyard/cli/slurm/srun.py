"""srun: run a program as tasks, inside a job as one of its steps, else as a job of its own."""

import importlib
import os
import sys

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.arguments import parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steps.creation import create
from launchyard.cli.slurm.steps.launching import Wanted, converse
from launchyard.cli.slurm.steps.listening import Listener, interruptible
from launchyard.cli.slurm.steps.options import SRUN, Choices
from launchyard.cli.slurm.steps.wish import step_body
from launchyard.slurm.binding import parse_binding

USAGE = """Usage: srun [OPTIONS...] program [ARGUMENTS...]

Runs a program as parallel tasks: inside a job as a step of it, else in a job made for it.

  -n, --ntasks=N              how many tasks          -N, --nodes=N[-M]        on how many nodes
  -c, --cpus-per-task=N       CPUs of each task           --ntasks-per-node=N  tasks of each node
      --mem=SIZE              memory of each node     -G, --gpus=N             GPUs of the whole step
  -w, --nodelist=NODES        these nodes             -x, --exclude=NODES      not these nodes
  -J, --job-name=NAME         its name                -D, --chdir=DIR          its directory
  -i, --input=MODE            all, none, a task or a file name (patterns: %j %s %t %N ...)
  -o, --output=MODE  -e, --error=MODE                 the same for what the tasks write
  -l, --label                 the task before each line
      --multi-prog            the program is a file that names one for each task
      --pty                   the first task in a terminal
      --exact                 the CPUs that the tasks need, and not all of the job's
      --overlap               share CPUs with other steps of the job
  -K, --kill-on-bad-exit      end all tasks when one fails
  -t, --time=TIME  -p, --partition=NAME  -A, --account=NAME   for the job that is made
"""
PMI = ("pmi", "cray")
"""How the kinds begin that need a server of ours beside the tasks."""


def run(arguments: list[str]) -> int:
    given = parse(arguments, SRUN, stop_at_first=True)
    if given.count("help") or given.count("usage"):
        print(USAGE, end="")
        return 0
    if given.count("version"):
        return print_version()
    choices = Choices(given, dict(os.environ))
    if (code := _mpi(choices.text("mpi") or "")) is not None:
        return code
    if not given.rest:
        raise Refused("fatal: No command given to execute.")
    _check(choices)
    if ":" in given.rest or choices.named("het-group"):
        code_of_parts: int = importlib.import_module("launchyard.cli.slurm.steps.unlike").run(choices)
        return code_of_parts
    job = choices.text("jobid")
    if job:
        return inside(job, choices)
    code_outside: int = importlib.import_module("launchyard.cli.slurm.steps.outside").run(choices)
    return code_outside


def inside(job: str, choices: Choices) -> int:
    """A step of a job that runs."""
    command = choices.given.rest
    interruptible()
    listener = Listener()
    try:
        server = Server()
        body, warnings = step_body(choices, command, listener.path)
        for line in warnings:
            print(f"srun: {line}", file=sys.stderr, flush=True)
        immediate = choices.named("immediate")
        answer = create(server, job, body, immediate=immediate, quiet=choices.named("quiet"))
        return converse(server, listener, Wanted(choices, command, answer, choices.environ))
    finally:
        listener.close()


def _mpi(kind: str) -> int | None:
    """An exit code when `--mpi` ends it here."""
    if kind == "list":
        print("MPI plugin types are...\n\tnone", file=sys.stderr)
        return 0
    if kind.startswith(PMI):
        raise Refused(
            f"error: --mpi={kind} needs PMI, which is not offered here; use --mpi=none, or start by mpirun"
        )
    if kind not in ("", "none"):
        raise Refused(f"error: Invalid MPI type '{kind}', --mpi=list for acceptable types")
    return None


def _check(choices: Choices) -> None:
    """What can be wrong without asking anybody: said before anything is queued."""
    try:
        parse_binding(choices.text("cpu-bind"))
    except ValueError:
        raise Refused(
            f'error: unrecognized --cpu-bind argument "{choices.text("cpu-bind")}"',
            "fatal: Failed to parse --cpu-bind= values.",
        ) from None
    path = choices.given.rest[0]
    if choices.named("multi-prog") and not os.access(path, os.R_OK):
        raise Refused(f"error: Could not open multi_prog config file {path}")
