"""What the attendant of a session is told, by one variable of its environment; nothing in it is a secret."""

import json
import os
import signal
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

VARIABLE = "LAUNCHYARD_SESSION"
FACTS = "session.json"
"""What the attendant writes down for the server in the session's directory, readable by its user alone."""

TOLD = "told"
"""The file there that it tells in, a line each time, where it cannot reach the server."""
HEARD_SIGNAL = signal.SIGUSR1
"""What the server sends when it has read of a failure there."""


class Order(NamedTuple):
    """`directory` is the session's own, of which the last part does not exist yet; `prefix` its address.

    `api` empty: the server is not reached from this node.
    """

    session_id: int
    launch_id: str
    title: str
    folder: str
    directory: str
    prefix: str
    ready: str
    speaks: str
    tcp: bool
    strip_prefix: bool
    headers: Mapping[str, str]
    start_s: float
    programs: list[list[str]]
    values: Mapping[str, Any]
    api: str


def write(order: Order) -> str:
    """The variable's value."""
    return json.dumps(order._asdict(), separators=(",", ":"))


def take(environ: MutableMapping[str, str]) -> Order:
    """Read it and take it away: it is not for the app."""
    told: dict[str, Any] = json.loads(environ.pop(VARIABLE))
    return Order(**told)


def variables(order: Order) -> dict[str, str]:
    """What the app finds in its environment."""
    found = {
        "LAUNCHYARD_SESSION_ID": str(order.session_id),
        "LAUNCHYARD_SESSION_DIR": order.directory,
        "LAUNCHYARD_SESSION_SOCKET": os.path.join(order.directory, "app.sock"),
        "LAUNCHYARD_SESSION_PREFIX": order.prefix,
        "LAUNCHYARD_SESSION_SECRET_FILE": os.path.join(order.directory, "secret"),
        "LAUNCHYARD_APP_DIR": order.folder,
    }
    for name, value in order.values.items():
        found[f"LAUNCHYARD_VALUE_{name.upper()}"] = worded(value)
    return found


def worded(value: object) -> str:
    """A value of the form as a shell script tests it: switches are 1 and empty."""
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else str(value)
