"""srun where there is no job: one is made, the step runs in it, and it ends as the step did."""

import sys
from collections.abc import Callable, Sequence
from posixpath import basename

from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steps.allocation import Allocation, submit, wait
from launchyard.cli.slurm.steps.creation import create
from launchyard.cli.slurm.steps.launching import Wanted, converse
from launchyard.cli.slurm.steps.listening import Listener, interruptible
from launchyard.cli.slurm.steps.options import Choices
from launchyard.cli.slurm.steps.request import Pairs, allocation_body, immediate_s
from launchyard.cli.slurm.steps.wish import few_tasks, step_body

Step = Callable[[Server, Listener, Choices, str], int]
"""Runs in the job that was made, with its variables among the choices; the exit code of srun."""


def run(choices: Choices, further: Sequence[Pairs] = (), step: Step | None = None) -> int:
    """The exit code of srun. `further` are the options of further parts of the job."""
    command = choices.given.rest
    listener = Listener()
    try:
        server = Server()
        body = allocation_body(choices, basename(command[0]), command, listener.path, "SLURM", further)
        quiet = choices.named("quiet")
        if (warning := few_tasks(choices)) is not None:
            _say(warning, quiet=False)
        interruptible()
        job = submit(server, body, "SLURM")
        allocation = wait(
            server,
            listener,
            job,
            immediate_s=immediate_s(choices),
            queued=lambda: _say(f"job {job} queued and waiting for resources", quiet),
            granted=lambda: _say(f"job {job} has been allocated resources", quiet),
        )
        return _in(allocation, server, listener, choices, step or one_step)
    finally:
        listener.close()


def _in(allocation: Allocation, server: Server, listener: Listener, choices: Choices, step: Step) -> int:
    """Run the step in the job that is there for it alone; whatever happens, the job is given back."""
    code = 1
    try:
        # What was asked of the job is what the step has; the rest of it is the step's own.
        inside = choices._replace(environ={**choices.environ, **allocation.environ})
        code = step(server, listener, inside, str(allocation.job))
        return code
    finally:
        allocation.end(code)


def one_step(server: Server, listener: Listener, inside: Choices, job: str) -> int:
    """The command on all that the job has."""
    command = inside.given.rest
    ask, _ = step_body(inside, command, listener.path)
    answer = create(server, job, ask, immediate=False, quiet=inside.named("quiet"))
    return converse(server, listener, Wanted(inside, command, answer, inside.environ))


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        print(f"srun: {text}", file=sys.stderr, flush=True)
