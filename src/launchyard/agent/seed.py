"""What the engine itself carries to a node: enough to unpack the rest and to hand calls on.

It is sent by value, since nothing of ours is installed there; so it imports nothing of ours at its top.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tarfile
from typing import Any

SYSTEM = "/var/lib/launchyard-nodes"
OWN = "~/.local/state/launchyard-nodes"
NAMED = "LAUNCHYARD_NODES"
"""Of the environment that Ray was started with: where else a node keeps what is ours."""


def unpack(packed: bytes, version: str, root: str) -> str:
    """The directory to import from: `version` below `root`, whole or not there. Raises `OSError`."""
    os.makedirs(root, mode=0o755, exist_ok=True)
    found = os.lstat(root)
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{root} must belong to user {os.getuid()} and be writable by nobody else")
    place = os.path.join(root, version)
    if os.path.isdir(place):
        return place
    making = f"{place}.{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(making)  # noqa: S202 - packed by our own daemon
    with contextlib.suppress(OSError):
        # Another agent may have been quicker.
        os.rename(making, place)
    shutil.rmtree(making, ignore_errors=True)
    return place


class Seed:
    """One detached actor a node. It is made of nothing that Ray would have to keep: Ray starts it again by
    itself after its end, when whoever made it may be gone; then it is planted anew."""

    def __init__(self) -> None:
        self._version = ""
        self._agent: Any = None

    def plant(self, packed: bytes, version: str, order: dict[str, Any]) -> None:
        """`order` is the agent's, but for the `base` that the node has."""
        own = SYSTEM if os.getuid() == 0 else os.path.expanduser(OWN)
        base = os.environ.get(NAMED) or own
        sys.path.insert(0, unpack(packed, version, os.path.join(base, "code")))
        agent: Any = __import__("launchyard.agent.agent", fromlist=["Agent"])
        self._agent = agent.Agent({**order, "base": base})
        self._version = version

    def version(self) -> str:
        """Of the code that was planted; empty before."""
        return self._version

    def adopt(self, key: bytes) -> Any:
        return self._agent.adopt(key)

    def greet(self, nonce: bytes) -> Any:
        return self._agent.greet(nonce)

    def push(self, session: bytes, sealed: bytes) -> Any:
        return self._agent.push(session, sealed)

    def pull(self, session: bytes, sealed: bytes) -> Any:
        return self._agent.pull(session, sealed)
