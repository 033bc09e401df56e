"""salloc: get an allocation and run a shell, or a command, here while it lasts."""

import contextlib
import importlib
import os
import pwd
import select
import signal
import sys
import time
from collections.abc import Callable

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse_parts
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steps.allocation import Allocation, cancel, submit, wait
from launchyard.cli.slurm.steps.listening import Listener, interruptible
from launchyard.cli.slurm.steps.options import (
    FLAGS_OF_ALLOCATIONS,
    LETTERS,
    MAYBE_OF_ALLOCATIONS,
    OF_ALLOCATIONS,
    Choices,
)
from launchyard.cli.slurm.steps.request import Pairs, allocation_body, immediate_s
from launchyard.model.errors import LaunchyardError
from launchyard.model.signals import parse_signal
from launchyard.runner.frames import SIGNALLED
from launchyard.slurm.stepvariables import without_step

OPTIONS = options(
    value=OF_ALLOCATIONS + " wait-all-nodes wait",
    nothing=FLAGS_OF_ALLOCATIONS + " bell no-bell no-shell",
    maybe=MAYBE_OF_ALLOCATIONS + " get-user-env kill-command",
    letters=LETTERS + " K:kill-command W:wait",
)
USAGE = """Usage: salloc [OPTIONS...] [command [ARGUMENTS...]]

Gets an allocation and runs the command, or your shell, here with the variables that srun needs to use it.
When the command ends, the allocation is given back.

  -n, --ntasks=N   -N, --nodes=N[-M]   -c, --cpus-per-task=N   --mem=SIZE   -G, --gpus=N   -t, --time=TIME
  -p, --partition=NAME   -A, --account=NAME   -q, --qos=NAME   -w, --nodelist=NODES   -J, --job-name=NAME
      --no-shell               only get it; scancel gives it back
  -I, --immediate[=SECONDS]    give up when it is not there in time
  -K, --kill-command[=SIGNAL]  end the command when the allocation is taken away
"""
_SCRIPTS_OWN = ("SLURMD_NODENAME", "SLURM_CPUS_ON_NODE", "SLURM_RESTART_COUNT", "SLURM_GPUS_ON_NODE")
POLL_S = 0.2


def run(arguments: list[str]) -> int:
    parts, given = parse_parts(arguments, OPTIONS)
    if given.count("help") or given.count("usage"):
        print(USAGE, end="")
        return 0
    if given.count("version"):
        return print_version()
    choices, further = Choices(given, dict(os.environ)), list[Pairs]()
    if len(parts) > 1:
        unlike = importlib.import_module("launchyard.slurm.unlike")
        first, *further = unlike.divided([part.options for part in parts])
        choices = choices._replace(given=Given(first, given.rest))
    command = given.rest or [os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"]
    say = _quiet if given.count("quiet") else _say
    if given.count("no-shell"):
        return _without_shell(choices, further, say)
    listener = Listener()
    try:
        server = Server()
        body = allocation_body(choices, "interactive", command, listener.path, "SALLOC", further)
        interruptible()
        job = submit(server, body, "SALLOC")
        allocation = wait(
            server,
            listener,
            job,
            immediate_s=immediate_s(choices),
            queued=lambda: _queued(job, say),
            granted=lambda: say(f"job {job} has been allocated resources"),
        )
        say(f"Granted job allocation {job}")
        return _use(allocation, command, choices, say)
    finally:
        listener.close()


def _without_shell(choices: Choices, further: list[Pairs], say: Callable[[str], None]) -> int:
    """The allocation stays until it is cancelled or its time is over."""
    server = Server()
    body = allocation_body(choices, "interactive", ["no-shell"], None, "SALLOC", further)
    interruptible()
    job = submit(server, body, "SALLOC")
    limit_s, told, began = immediate_s(choices), False, time.monotonic()
    try:
        while (state := server.get(f"/v1/jobs/{job}")["state"]) in ("PENDING", "STARTING"):
            if limit_s is not None and time.monotonic() - began > limit_s:
                cancel(server, job)
                raise Refused("error: Unable to allocate resources: Requested nodes are busy")
            if state == "PENDING" and not told and time.monotonic() - began > POLL_S:
                told = True
                _queued(job, say)
            time.sleep(POLL_S / 4)
    except KeyboardInterrupt:
        cancel(server, job)
        raise Refused("Job aborted due to signal", f"Job allocation {job} has been revoked.") from None
    if state != "RUNNING":
        raise Refused(f"error: Unable to allocate resources: job {job} is {state.lower()}")
    if told:
        say(f"job {job} has been allocated resources")
    say(f"Granted job allocation {job}")
    return 0


def _queued(job: int, say: Callable[[str], None]) -> None:
    say(f"Pending job allocation {job}")
    say(f"job {job} queued and waiting for resources")


def _use(allocation: Allocation, command: list[str], choices: Choices, say: Callable[[str], None]) -> int:
    """Run the command to its end; the exit code is its own."""
    variables = without_step(allocation.environ)
    environ = {**choices.environ, **{k: v for k, v in variables.items() if k not in _SCRIPTS_OWN}}
    environ["SLURM_SUBMIT_HOST"] = os.uname().nodename
    code = 1
    try:
        code = _run(allocation, command, environ, choices, say)
    finally:
        say(f"Relinquishing job allocation {allocation.job}")
        if not allocation.revoked:
            allocation.end(code)
            say(f"Job allocation {allocation.job} has been revoked.")
    return code


def _run(
    allocation: Allocation,
    command: list[str],
    environ: dict[str, str],
    choices: Choices,
    say: Callable[[str], None],
) -> int:
    # The terminal's signals are for the command, which is in our process group.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        _become(command, environ)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda number, _: _send(pid, number))
    ended, holder = os.pidfd_open(pid), allocation.holder.fileno()
    watched, heeded = [ended, holder], False
    while True:
        ready, _, _ = select.select(watched, [], [], 0 if allocation.revoked and not heeded else None)
        if holder in ready:
            told = any(one.kind == SIGNALLED for one in allocation.holder.receive())
            if told or allocation.holder.lost:
                watched.remove(holder)
                allocation.revoked = True
        if allocation.revoked and not heeded:
            heeded = True
            say(f"Job allocation {allocation.job} has been revoked.")
            _revoked(pid, choices)
        if ended in ready:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            _take_terminal_back()
            return code if code >= 0 else 128 - code


def _take_terminal_back() -> None:
    """A shell with job control leaves it to a group that is not there any more."""
    with contextlib.suppress(OSError):
        os.tcsetpgrp(0, os.getpgrp())


def _become(command: list[str], environ: dict[str, str]) -> None:
    """The child: only its exec, or why not."""
    try:
        for number in (*range(1, signal.NSIG),):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        os.execvpe(command[0], command, environ)  # noqa: S606
    except OSError as error:
        _say(f'error: Unable to exec command "{command[0]}": {error.strerror}')
        os._exit(1)


def _revoked(pid: int, choices: Choices) -> None:
    """Signal the command: asked for by `-K`, or a shell that would wait for a person for nothing."""
    value = choices.given.last("kill-command")
    if value is None:
        return
    try:
        number = int(value) if value.isdigit() else parse_signal(value) if value else signal.SIGTERM
    except LaunchyardError:
        raise WrongUse(f"error: Invalid signal name {value}") from None
    interactive = not choices.given.rest
    _send(pid, signal.SIGHUP if interactive and not value else int(number))


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _say(text: str) -> None:
    print(f"salloc: {text}", file=sys.stderr, flush=True)


def _quiet(text: str) -> None:
    """Nothing for information."""
