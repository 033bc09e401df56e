"""`ly down`: stops the server; jobs run on, unless told otherwise."""

import os
import select
import signal

import click

from launchyard.cli.options import client
from launchyard.cli.output.screen import out
from launchyard.cli.output.server import stopped_line
from launchyard.model.errors import Forbidden, LaunchyardError, NotFound
from launchyard.sdk.client import Client
from launchyard.sdk.errors import TimedOut
from launchyard.sdk.jobs import LIVE_STATES

STOP_S = 60.0
CANCEL_S = 120.0


@click.command()
@click.option("--state", metavar="DIR", help="The state directory of the server.")
@click.option("--cancel-jobs", is_flag=True, help="Cancel every job first.")
def down(state: str | None, cancel_jobs: bool) -> None:
    """Stop the server of this machine; jobs run on."""
    with Client(state=state, patience_s=0) if state else client() as server:
        if server.transport.address.socket is None:
            raise LaunchyardError("`ly down` stops a server of this machine only; log in there to stop it")
        if cancel_jobs:
            cancel_all(server)
        facts = server.status()
        # An end that is not durable yet is still among the live jobs; it does not run on.
        counts = facts.jobs or {}
        running = sum(counts.get(state, 0) for state in LIVE_STATES if state != "PENDING")
        stop(server, facts.pid)
    out(stopped_line(running))


def cancel_all(server: Client) -> None:
    live = server.jobs(state=sorted(LIVE_STATES))
    for job in live:
        try:
            server.cancel(job.id)
        except NotFound:
            continue
    if live:
        server.wait_all([job.id for job in live], timeout_s=CANCEL_S)


def stop(server: Client, pid: int) -> None:
    """Signal exactly the process that answers, and wait until it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # The handle is on this process for good; the server saying the same pid again proves it is the one.
        if server.status().pid != pid:
            raise TimedOut("the server was restarted meanwhile; run `ly down` again")
        server.close()
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], STOP_S)[0]:
            raise TimedOut(f"the server (pid {pid}) has not stopped after {STOP_S:g} s")
    except PermissionError:
        raise Forbidden(f"the server (pid {pid}) is another user's; only they or root can stop it") from None
    finally:
        os.close(handle)
