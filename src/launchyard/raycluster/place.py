"""Where a cluster keeps its files, and what a job's other programs are told of it."""

import json
import os
import socket
from typing import Any, NamedTuple

FACTS = "ray-cluster.json"


class Facts(NamedTuple):
    """What is written down for the job's own programs, readable by its user alone."""

    address: str
    token: str
    client_port: int
    ray: str
    python: str
    dashboard_port: int = 0


def directory(tmp: str, short: str) -> str:
    """A fresh directory for Ray below `tmp`, by the shorter of the two ways there. Raises `OSError`."""
    os.mkdir(os.path.join(tmp, "ray"), 0o700)
    return os.path.join(short or tmp, "ray")


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
