"""`ly run`: a command as a job, attached to this terminal, ending with the command's own exit code."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

from launchyard.cli.environments import ENVIRONMENT, add_environment
from launchyard.cli.job_options import PLACE, SHAPE, JobCommand, job_options, options_of
from launchyard.cli.native.logs import copy
from launchyard.cli.native.why import told_of
from launchyard.cli.options import client
from launchyard.cli.output.screen import Line, err, is_terminal, out_stream, problem
from launchyard.cli.output.sentences import ended, waits_shortly
from launchyard.cli.terminal import OURS, Outcome, Screen, attach, have_terminal, send_size, window
from launchyard.model.errors import Conflict, Infeasible, Invalid, LaunchyardError
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job
from launchyard.sdk.submission import job_body

QUIET_S = 0.3
"""A wait shorter than this is not worth a line."""
HINT = "   (Ctrl-C cancels; Ctrl-\\ leaves it queued)"


class Interrupted(Exception):
    """A signal that ends `ly run`; `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@options_of(SHAPE, ENVIRONMENT, PLACE)
@click.command(cls=JobCommand, context_settings={"allow_interspersed_args": False})
@click.argument("words", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def run(words: tuple[str, ...], **values: Any) -> int:
    """Run a command as a job, attached to this terminal.

    The exit code is the command's own, 128 + n after signal n, 125 when the failure is ours.
    """
    terminal = have_terminal()
    try:
        with client() as server, interrupts():
            options = job_options(values, local=server.transport.address.local)
            options["terminal"] = terminal
            options["window"] = window() if terminal else None
            job = server.submit_body(add_environment(server, job_body(list(words), options), values))
            return stay(server, job, terminal=terminal)
    except (Invalid, Infeasible):
        raise
    except LaunchyardError as error:
        problem(str(error))
        return OURS


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Ctrl-C, Ctrl-\\ and SIGTERM become `Interrupted` wherever we wait."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted(number)

    numbers = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stay(server: Client, job: Job, *, terminal: bool) -> int:
    """Be with the job until it has ended; the exit code of `ly run`."""
    try:
        if terminal:
            outcome = attached(server, job)
            if outcome is Outcome.DETACHED:
                err(f"job {job.key} runs on   ly logs -f {job.key}")
                return 0
        else:
            wait_for_start(server, job)
            copy(server.logs(job.id, follow=True), out_stream())
        done = server.wait(job.id)
    except Interrupted as interrupted:
        return leave(server, job, interrupted.number)
    if not done.succeeded:
        err(f"{ended(done, told_of(server, done))}   ly why {done.key}")
    return exit_code(done)


def wait_for_start(server: Client, job: Job) -> None:
    """Until the job started or ended; meanwhile, why it waits."""
    line = Line()
    try:
        for moved in server.watch([job.id], poll_s=QUIET_S):
            current = moved.get(job.id)
            if current is not None and current.state not in ("PENDING", "STARTING"):
                return
            if current is None:
                say_why(server, job, line)
    finally:
        line.clear()


def say_why(server: Client, job: Job, line: Line) -> None:
    current = server.job(job.id)
    if current.state == "PENDING":
        told = {**current.to_json(), **server.why(job.id).to_json()}
        line.show(f"job {job.key} {waits_shortly(told)}{HINT if is_terminal(sys.stderr) else ''}")


def attached(server: Client, job: Job) -> Outcome:
    """Attach, and again when the connection was lost while the job runs on."""
    shown_bytes = 0
    while True:
        try:
            screen = Screen(server.terminal(job.id))
            wait_for_terminal(server, job, screen)
            outcome = attach(screen)
            # Attaching again shows the latest part again, so this is not a sum.
            shown_bytes = max(shown_bytes, screen.shown_bytes)
        except Conflict:
            outcome = Outcome.REFUSED
        if outcome is Outcome.LOST and not server.job(job.id).ended:
            continue
        if outcome in (Outcome.LOST, Outcome.REFUSED):
            follow_instead(server, job, shown_bytes)
        return outcome


def follow_instead(server: Client, job: Job, shown_bytes: int) -> None:
    """There is no terminal (any more): the job ended before we were there, or the server was restarted."""
    if not server.job(job.id).ended:
        err(f"job {job.key} runs on without its terminal, which the server has lost; its output follows")
    copy(server.logs(job.id, follow=True, offset=shown_bytes), out_stream())


def wait_for_terminal(server: Client, job: Job, screen: Screen) -> None:
    """Until the job has a terminal to show. Connecting before the start means that no output is missed."""
    send_size(screen.socket)
    line = Line()
    try:
        while not screen.socket.readable(QUIET_S):
            if server.job(job.id).state == "RUNNING":
                return
            say_why(server, job, line)
    finally:
        line.clear()


def leave(server: Client, job: Job, number: int) -> int:
    """Ctrl-C and SIGTERM cancel the job; Ctrl-\\ leaves it."""
    if number == signal.SIGQUIT:
        err(f"job {job.key} goes on without you   ly logs -f {job.key}")
        return 0
    cancelled = server.cancel(job.id)
    err(f"job {job.key} {'is cancelled' if cancelled.ended else 'is being stopped'}")
    return 128 + number


def exit_code(job: Job) -> int:
    """The command's own code, 128 + n of its signal, 125 when it never came to its end by itself."""
    if job.state in ("LOST", "NODE_FAIL"):
        return OURS
    if job.exit_code is not None:
        return int(job.exit_code) if job.exit_code or job.succeeded else 1
    if job.signal is not None:
        return 128 + int(job.signal)
    return OURS
