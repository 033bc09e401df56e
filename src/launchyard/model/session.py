"""An interactive session: an app that runs as a job of kind `session`, and how it is reached.

A session's id is its job's id. What the job itself says (when it starts, ends, and why) is not repeated here;
`state_of` makes the one word of both that a person is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SECRET = "{secret}"  # noqa: S105 - the place in a header where the session's own secret goes
BASIC = "{basic}"
"""The same, as HTTP's basic authentication writes it, without a user's name."""


class SessionState(StrEnum):
    """What a card shows. `RUNNING` only once the app has answered."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"
    FAILED = "failed"


class Speaks(StrEnum):
    """What a connection to the app carries: HTTP, VNC's protocol, or nothing (a terminal is opened)."""

    HTTP = "http"
    RFB = "rfb"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixTarget:
    """A unix socket in the job's private directory, which its user alone can connect to."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpTarget:
    """A port of the loopback, which anybody on the machine can connect to: the app asks for a secret."""

    port: int


Target = UnixTarget | TcpTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What makes a job a session. Times are seconds since 1970; None is not yet.

    `app` is the name by which the app is found again, `folder` its directory when the session was made.
    `values` are those of the form, checked. What has to do with one attempt is of the launch `launch_id`.
    """

    app: str
    title: str
    folder: str
    icon: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    speaks: Speaks = Speaks.HTTP
    strip_prefix: bool = False
    """The app knows nothing of the path under which it is shown."""
    opens: str = "/"
    """Where in the app a person begins."""
    ready: str = "/"
    """What the app answers once it is there."""
    start_s: int = 120
    """How long it may take from its start to its first answer."""
    tcp: bool = False
    """It cannot listen on a unix socket."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What is put to each request, with `{secret}` and `{basic}` for the session's own secret."""
    quiet: tuple[str, ...] = ()
    """Paths that a page asks for by itself: they do not count as somebody's work."""
    programs: tuple[tuple[str, str], ...] = ()
    """What the app needs on its node, by any of the names (with `|` between them), and how to install it."""
    brought: Mapping[str, Any] = field(default_factory=dict)
    """What its person asked for beside the environment of the app; a relaunch asks for it again."""
    idle_stop_s: int | None = None
    sharers: tuple[str, ...] = ()
    deleted: bool = False
    """Its card is gone; accounting keeps the job."""
    saved_as: str = ""
    """Under which name its settings are kept for further ones, also once its card is gone."""
    prepared_at: float | None = None
    launch_id: str | None = None
    """The launch that what follows is about."""
    listened_at: float | None = None
    answered_at: float | None = None
    port: int | None = None
    failure: str | None = None
    """Why it did not come to run, one sentence of whoever attends it on its node."""


PATH_MAX = 100
"""So long may the path of a session's socket be; the kernel's bound is 107 bytes."""


def place(state: str, launch_id: str) -> str:
    """The session's own directory: in the launch's private one, where a socket's path is short enough.

    `state` empty: on that machine there is no directory of ours.
    """
    own = f"{state}/tmp/{launch_id}/s"  # noqa: S108 - below the state directory
    if state and len(f"{own}/app.sock".encode("utf-8", "surrogateescape")) <= PATH_MAX:
        return own
    return f"/tmp/ly-s-{launch_id}"  # noqa: S108 - made by the session itself, which nobody can foretell


def prefix(session_id: int) -> str:
    """The path under which a session is shown, whatever the host's name."""
    return f"/session/{session_id}"
