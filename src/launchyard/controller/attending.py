"""What the job of a session executes: our attendant, told what to start and where to tell of it."""

from launchyard.attendant.order import VARIABLE, Order, write
from launchyard.launcher.messages import package_argv
from launchyard.model.job import Job
from launchyard.model.session import place, prefix

API_SOCKET = "run/api.sock"
"""Where the attendant finds the server, below the state directory."""


def attendant_argv() -> tuple[str, ...]:
    """The attendant; the app's own script is what it starts."""
    return tuple(package_argv("launchyard.attendant.main"))


def attendant_variables(job: Job, state: str | None) -> dict[str, str]:
    """Nothing for a job that is no session."""
    session, attempt = job.session, job.attempt
    if session is None or attempt is None or state is None:
        return {}
    order = Order(
        session_id=job.id,
        launch_id=attempt.launch_id,
        title=session.title,
        folder=session.folder,
        directory=place(state, attempt.launch_id),
        prefix=prefix(job.id),
        ready=session.ready,
        speaks=session.speaks.value,
        tcp=session.tcp,
        strip_prefix=session.strip_prefix,
        headers=dict(session.headers),
        start_s=session.start_s,
        programs=[list(one) for one in session.programs],
        values=dict(session.values),
        api=f"{state}/{API_SOCKET}",
    )
    return {VARIABLE: write(order)}
