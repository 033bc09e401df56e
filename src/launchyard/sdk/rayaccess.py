"""What Ray's own clients need to speak to our server: its address, and a token in a private file.

The file is one a server: who has several must not send the token of one to another.
"""

import os
import stat
from pathlib import Path

from launchyard.model.errors import Forbidden, LaunchyardError, Unauthenticated
from launchyard.model.light import NamedTuple
from launchyard.sdk.address import from_url
from launchyard.sdk.client import Client
from launchyard.sdk.transport import Transport

DIRECTORY = "~/.config/launchyard/ray"
NAME = "ray"
"""What the token is called in `ly token list`."""


class Access(NamedTuple):
    """`url` is for RAY_API_SERVER_ADDRESS, `token_path` for RAY_AUTH_TOKEN_PATH."""

    url: str
    token_path: Path


def access(client: Client) -> Access:
    """The way in by HTTP; a token is made where there is none that works. Raises `LaunchyardError`."""
    url = url_of(client)
    path = token_path(url)
    if not _works(url, read_token(path)):
        _write(path, str(client.create_token(NAME).token))
    return Access(url, path)


def url_of(client: Client) -> str:
    """Where the server of this client is by HTTP, also for one that is reached by its unix socket."""
    address = client.transport.address
    return str(client.status()["url"]) if address.socket is not None else str(address)


def token_path(url: str) -> Path:
    """Where the token for this server is kept."""
    name = "".join(c if (c.isascii() and c.isalnum()) or c in ".-" else "_" for c in url.partition("://")[2])
    return Path(DIRECTORY).expanduser() / f"{name}.token"


def read_token(path: Path) -> str | None:
    """Raises `Forbidden` for a file that others can read."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise Forbidden(f"{path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _works(url: str, token: str | None) -> bool:
    if token is None:
        return False
    transport = Transport(from_url(url)._replace(token=token))
    try:
        transport.json("GET", "/api/version")
    except (Unauthenticated, Forbidden):
        return False
    finally:
        transport.close()
    return True


def _write(path: Path, token: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(fd, f"{token}\n".encode())
        finally:
            os.close(fd)
        new.replace(path)
    except OSError as error:
        raise LaunchyardError(f"cannot write {path}: {error.strerror}") from None
