"""The way to a session for whoever carries its traffic: who may, where it listens, what requests bear."""

from collections.abc import Mapping
from dataclasses import dataclass

from launchyard.api.context import Context
from launchyard.attendant.probe import filled
from launchyard.controller.sessions import Endpoint
from launchyard.model.session import Speaks, Target
from launchyard.model.submission import Caller

READING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the requests of one live session go. It is good for this launch, and for no later one.

    `strip_prefix`: the app is not told of the path under which it is shown (`/session/ID`). `headers` are put
    to each request, over those of the same name. `speaks`: of `RFB` a websocket's binary messages are the
    bytes of the connection; there is no HTTP.
    """

    session_id: int
    owner_uid: int
    launch_id: str
    target: Target
    strip_prefix: bool
    headers: Mapping[str, str]
    speaks: Speaks = Speaks.HTTP


def route(context: Context, session_id: int, caller: Caller) -> Route:
    """The way to a session that has answered. Raises `NotFound` also for what is somebody else's.

    Administrators are let in to their own sessions and to those shared with them, like anybody.
    """
    return route_of(context.services.controller.sessions.endpoint(caller, session_id))


def route_of(endpoint: Endpoint) -> Route:
    """The same, of what the controller told."""
    session = endpoint.session
    return Route(
        session_id=endpoint.job.id,
        owner_uid=endpoint.job.uid,
        launch_id=endpoint.launch_id,
        target=endpoint.target,
        strip_prefix=session.strip_prefix,
        headers={name: filled(value, endpoint.secret) for name, value in session.headers.items()},
        speaks=session.speaks,
    )


def activity(context: Context, session_id: int, method: str = "GET", path: str = "/") -> None:
    """Somebody works in the session: called for each request and each message of a websocket.

    `path` is as the app sees it without the prefix. What a page asks for by itself is not counted.
    """
    sessions = context.services.controller.sessions
    job = context.services.controller.live_job(session_id)
    quiet = job.session.quiet if job is not None and job.session is not None else ()
    if method not in READING or not path.startswith(quiet):
        sessions.use(session_id)


__all__ = ["Endpoint", "Route", "Speaks", "activity", "route", "route_of"]
