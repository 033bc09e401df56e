"""Where a cluster keeps its files, and what a job's other programs are told of it.

Ray's sockets lie below its directory, and the kernel allows a socket's path 107 bytes: where the job's own
TMPDIR is deeper than that leaves room for, Ray is given a short link to it.
"""

import contextlib
import json
import os
import secrets
import socket
from typing import Any, NamedTuple

DEEPEST = 38
"""So long may the path be, for `session_.../sockets/plasma_store.1` to fit behind it."""
LINKS = "/tmp/ly-ray-"  # noqa: S108 - a link of the user's with a name that nobody can guess
FACTS = "ray-cluster.json"


class Facts(NamedTuple):
    """What is written down for the job's own programs, readable by its user alone."""

    address: str
    token: str
    client_port: int
    ray: str
    python: str
    dashboard_port: int = 0


def directory(tmp: str) -> str:
    """A fresh directory for Ray, by a path that is short enough. Raises `OSError`."""
    path = os.path.join(tmp, "ray")
    os.mkdir(path, 0o700)
    if len(os.fsencode(path)) <= DEEPEST:
        return path
    _remove_old_links()
    link = LINKS + secrets.token_hex(6)
    os.symlink(path, link)
    return link


def _remove_old_links() -> None:
    """Those of jobs that are over: what they led to is not there any more."""
    parent, start = os.path.split(LINKS)
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if name.startswith(start) and os.path.islink(path) and not os.path.exists(path):
            with contextlib.suppress(OSError):
                os.unlink(path)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def write(tmp: str, facts: Facts) -> None:
    """All at once, for those who wait for it."""
    path = os.path.join(tmp, FACTS)
    fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(fd, "w") as file:
        json.dump(facts._asdict(), file)
    os.rename(path + ".new", path)


def read(tmp: str) -> Facts | None:
    """None: not there yet."""
    try:
        with open(os.path.join(tmp, FACTS)) as file:
            told: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return None
    return Facts(**told)
