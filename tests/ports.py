"""Ports for servers that are told theirs: they stay free until then, and while such a server is down."""

import contextlib
import secrets
import socket

OURS = range(21_000, 32_000)
"""Below those that the kernel gives to whoever asks for any."""


def free_ports(count: int) -> list[int]:
    """Nobody listens at any of them."""
    with contextlib.ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            one, port = held.enter_context(socket.socket()), secrets.choice(OURS)
            with contextlib.suppress(OSError):
                one.bind(("", port))
                found.append(port)
    return found
