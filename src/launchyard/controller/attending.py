"""What the job of a session executes: our attendant, told what to start and where to tell of it."""

from launchyard.attendant.order import VARIABLE, Order, write
from launchyard.engine.gateway import Outpost
from launchyard.launcher.messages import PACKAGE_PARENT, package_argv
from launchyard.model.job import Job
from launchyard.model.session import place, prefix

API_SOCKET = "run/api.sock"
"""Where the attendant finds the server, below the state directory."""


def attendant_argv(outpost: Outpost | None = None) -> tuple[str, ...]:
    """The attendant; the app's own script is what it starts."""
    module = "launchyard.attendant.main"
    if outpost is None:
        return tuple(package_argv(module))
    return tuple(package_argv(module, outpost.python, outpost.package))


def attendant_variables(job: Job, state: str | None, outpost: Outpost | None = None) -> dict[str, str]:
    """Nothing for a job that is no session. Where the server is not reached, it reads what is told."""
    session, launch_id = job.session, job.launch_id
    where = state if outpost is None else outpost.state
    if session is None or launch_id is None or where is None:
        return {}
    order = Order(
        session_id=job.id,
        launch_id=launch_id,
        title=session.title,
        folder=session.folder if outpost is None else _there(session.folder, outpost),
        directory=place(where, launch_id),
        prefix=prefix(job.id),
        ready=session.ready,
        speaks=session.speaks.value,
        tcp=session.tcp,
        strip_prefix=session.strip_prefix,
        headers=dict(session.headers),
        start_s=session.start_s,
        programs=[list(one) for one in session.programs],
        values=dict(session.values),
        api=f"{state}/{API_SOCKET}" if outpost is None else "",
    )
    return {VARIABLE: write(order)}


def _there(folder: str, outpost: Outpost) -> str:
    """The apps that we bring travel with our code; others are where all machines have them."""
    ours = f"{PACKAGE_PARENT}/"
    return f"{outpost.package}/{folder[len(ours) :]}" if folder.startswith(ours) else folder
