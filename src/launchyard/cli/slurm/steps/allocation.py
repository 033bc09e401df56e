"""An allocation of one's own: submit a job that holds it, wait until it runs, and say how it is to end.

The holder, a process of the job, connects to us: that is how we know that the job runs, and it tells the
job's variables. When we go, its connection closes and it gives the allocation back.
"""

import contextlib
import importlib
import select
import signal
import time
from collections.abc import Callable

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steps.listening import Listener
from launchyard.cli.slurm.steps.request import refused
from launchyard.model.errors import LaunchyardError
from launchyard.model.light import Any
from launchyard.runner.connection import Connection
from launchyard.runner.frames import END, HELLO, SIGNALLED

ASK_FIRST_S = 0.25
ASK_MAX_S = 2.0
LAST_WORDS_S = 5.0
_ALIVE = ("RUNNING", "PENDING", "STARTING", "SUSPENDED")


class Allocation:
    """A job that is ours while we are connected. `environ` are its SLURM_ variables."""

    def __init__(
        self, job: int, holder: Connection, environ: dict[str, str], *, revoked: bool = False
    ) -> None:
        self.job = job
        self.holder = holder
        self.environ = environ
        self.revoked = revoked
        """It was taken away before it was given back."""

    def end(self, exit_code: int) -> None:
        """Give it back; the job ends with this code, above 128 by that signal."""
        killed_by = exit_code - 128 if 128 < exit_code < 128 + signal.NSIG else None
        self.holder.tell(END, {"exit_code": exit_code, "signal": killed_by})
        give_up_at = time.monotonic() + LAST_WORDS_S
        while not self.holder.lost and time.monotonic() < give_up_at:
            select.select([self.holder], [], [], LAST_WORDS_S)
            self.holder.receive()


def submit(server: Server, body: dict[str, Any], prefix: str) -> int:
    """The job's id. Raises `Refused`, in the words of the command whose variables begin so."""
    if named := body.pop("clusters", ""):
        importlib.import_module("launchyard.cli.slurm.batch.sending").choose(server, named, body)
    try:
        return int(server.submit(body)["id"])
    except LaunchyardError as error:
        raise refused(error, body.get("partition") or "", prefix) from None


def wait(
    server: Server,
    listener: Listener,
    job: int,
    *,
    immediate_s: float | None,
    queued: Callable[[], None],
    granted: Callable[[], None],
) -> Allocation:
    """Until the job runs. `queued` is called when it waits, `granted` when it did and runs now.

    Raises `Refused` when it ends before; a signal meanwhile cancels it.
    """
    began = time.monotonic()
    pause_s, told = ASK_FIRST_S, False
    try:
        while (holder := _holder(listener, pause_s)) is None:
            pause_s = min(ASK_MAX_S, pause_s * 1.5)
            waits = _waits(server, job)
            if immediate_s is not None and time.monotonic() - began >= immediate_s:
                cancel(server, job)
                raise Refused("error: Unable to allocate resources: Requested nodes are busy")
            if waits and not told:
                told = True
                queued()
    except KeyboardInterrupt:
        cancel(server, job)
        raise Refused("Job aborted due to signal", f"Job allocation {job} has been revoked.") from None
    if told:
        granted()
    connection, environ, revoked = holder
    return Allocation(job, connection, environ, revoked=revoked)


def cancel(server: Server, job: int) -> None:
    with contextlib.suppress(LaunchyardError):
        server.post(f"/v1/jobs/{job}/cancel")


def _waits(server: Server, job: int) -> bool:
    """Whether it is still in the queue. Raises `Refused` when it has ended."""
    found = server.get(f"/v1/jobs/{job}")
    if found["state"] in _ALIVE:
        return bool(found["state"] == "PENDING")
    if found["state"] == "CANCELLED":
        raise Refused(f"error: Job allocation {job} has been revoked")
    cause = found.get("cause") or f"job {job} is {found['state'].lower()}"
    raise Refused(f"error: Unable to allocate resources: {cause}")


def _holder(listener: Listener, within_s: float) -> tuple[Connection, dict[str, str], bool] | None:
    """The holder that has connected, the variables that it told, and whether the job is to end already."""
    if not select.select([listener], [], [], within_s)[0]:
        return None
    accepted = listener.accept()
    if accepted is None:
        return None
    holder = Connection(accepted)
    while not holder.lost:
        select.select([holder], [], [], LAST_WORDS_S)
        heard = holder.receive()
        for one in heard:
            if one.kind == HELLO:
                said = one.object().get("environment") or {}
                slurms = {str(name): str(value) for name, value in said.items() if name.startswith("SLURM")}
                return holder, slurms, any(other.kind == SIGNALLED for other in heard)
    return None
