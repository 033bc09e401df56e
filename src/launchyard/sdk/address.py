"""Where the server is: named by the caller or the environment, else the sockets of the usual places.

Paths are text, and URLs are read by what is imported only then: each costs a command milliseconds to import.
"""

import importlib
import os
import stat
from collections.abc import Mapping

from launchyard.model.errors import Forbidden, Invalid
from launchyard.model.light import NamedTuple
from launchyard.sdk.errors import NotRunning

SYSTEM_STATE = "/var/lib/launchyard"


class Address(NamedTuple):
    """A unix socket (`socket`), or a host and port with an optional path before every route."""

    socket: str | None = None
    host: str = ""
    port: int = 0
    tls: bool = False
    prefix: str = ""
    token: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with every request."""
    verify: bool | str = True
    """Of https, whether the server's certificate is checked; a path: by these authorities."""

    @property
    def local(self) -> bool:
        """Whether the server is on this machine, so that directories and variables mean the same there."""
        return self.socket is not None or self.host in ("localhost", "127.0.0.1", "::1")

    def __str__(self) -> str:
        if self.socket is not None:
            return self.socket
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.prefix}"


def find(
    *, url: str | None = None, state: str | None = None, environ: Mapping[str, str] = os.environ
) -> Address:
    """The server's address; `url` and `state` go before LAUNCHYARD_URL and LAUNCHYARD_STATE.

    Raises `NotRunning` when nothing was named and no socket is there, `Invalid` for a URL nobody could use.
    """
    url = url or (None if state else environ.get("LAUNCHYARD_URL"))
    if url:
        return from_url(url, environ)
    sockets = [f"{directory}/run/api.sock" for directory in state_directories(state, environ)]
    for path in sockets:
        if os.path.exists(path):
            return Address(socket=path)
    raise not_running(", ".join(sockets))


def not_running(looked_at: str) -> NotRunning:
    return NotRunning(f"no Launchyard is running here (looked at {looked_at}): start one with `ly up`")


def state_directories(state: str | None, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Where a server's state may be, the likeliest first; one directory when it was named."""
    named = state or environ.get("LAUNCHYARD_STATE")
    if named:
        return [os.path.abspath(os.path.expanduser(named))]
    return [os.path.expanduser("~/.local/state/launchyard"), SYSTEM_STATE]


def from_url(url: str, environ: Mapping[str, str] = os.environ) -> Address:
    """The address for `http://host:port`, `https://host/prefix` or `unix:/path/to/api.sock`."""
    parts = importlib.import_module("urllib.parse").urlsplit(url)
    if parts.scheme == "unix":
        return Address(socket=parts.path)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        raise Invalid(f"{url!r} is not the address of a server; write it like http://127.0.0.1:8265")
    return Address(
        host=parts.hostname,
        port=port,
        tls=parts.scheme == "https",
        prefix=parts.path.rstrip("/"),
        token=token(environ),
    )


def token(environ: Mapping[str, str] = os.environ) -> str | None:
    """LAUNCHYARD_TOKEN, else the content of the token file, which nobody else may be able to read."""
    if given := environ.get("LAUNCHYARD_TOKEN"):
        return given.strip()
    path = os.path.expanduser("~/.config/launchyard/token")
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            raise Forbidden(f"{path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")
        with open(path, encoding="utf-8") as file:
            return file.read().strip() or None
    except OSError:
        return None
