"""Whoever starts a daemon waits until it serves, or hears why it does not."""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

from launchyard.model.errors import LaunchyardError


class Starter:
    """Whoever started us, waiting at the other end of a pipe for one line; or systemd, for a message."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        # Nobody whom we start speaks for us.
        self._manager = os.environ.pop("NOTIFY_SOCKET", "")

    def ready(self, facts: Mapping[str, Any]) -> None:
        _let_go_of_stderr()
        self._say(facts)
        self._tell_manager(f"READY=1\nSTATUS=Serving at {facts.get('url', '')}")

    def refuse(self, error: LaunchyardError) -> None:
        if self._fd < 0:
            print(f"ly: {error}", file=sys.stderr)
        self._say({"error": str(error), "code": error.code})

    def _say(self, message: Mapping[str, Any]) -> None:
        if self._fd >= 0:
            os.write(self._fd, json.dumps(message).encode() + b"\n")
            os.close(self._fd)
            self._fd = -1

    def _tell_manager(self, text: str) -> None:
        """As sd_notify(3) says."""
        if not self._manager:
            return
        address = "\0" + self._manager[1:] if self._manager.startswith("@") else self._manager
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
            sock.sendto(text.encode(), address)


def _let_go_of_stderr() -> None:
    """A file without a name is for whoever started us, who reads it no more from now on."""
    with contextlib.suppress(OSError):
        if os.fstat(2).st_nlink == 0:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
