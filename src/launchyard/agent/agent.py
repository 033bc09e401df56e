"""The agent of one node: keeps a launcher there and carries its protocol, for whoever proves to have the key.

The engine that started us calls `greet`, then `push` and `pull` from one thread each. The launcher is started
as a daemon of its own: it and its jobs live on when this process, or all of the engine's, die.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from launchyard.agent import place, seal
from launchyard.agent.streams import Streams
from launchyard.launcher import hooks
from launchyard.launcher.messages import PACKAGE_PARENT, SOCKET_NAME, keeper_argv

LAUNCHER = "launcher"
"""What a stream is opened to."""
OLDEST = (3, 11)
"""The launcher's Python; that of the engine may be older."""
PULL_BYTES = 4 << 20
PULL_S = 5.0
_TAKEN = 3
"""The keeper's exit code when another one has the directory: jobs of an earlier agent run under it."""
_NONCE_BYTES = 32
_START_S = 60


class Refused(Exception):
    """The agent does not serve; one sentence says why."""


class Session:
    """One daemon's connection; another one that proves itself takes its place."""

    def __init__(self, key: bytes, directory: str, launcher: str, missing: Callable[[], None]) -> None:
        """`missing` is called when nobody listens at `launcher`, which is refused then."""
        self._launcher = launcher
        self._missing = missing
        self.pushed = seal.Opener(key, seal.TO_NODE)
        self.asked = seal.Opener(key, seal.ASK)
        self.answered = seal.Sealer(key, seal.FROM_NODE)
        self.streams = Streams(1, directory, self._connect, leads_nowhere_else)

    def _connect(self, what: str) -> socket.socket:
        if what != LAUNCHER:
            raise ConnectionRefusedError(what)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._launcher)
        except OSError:
            connection.close()
            self._missing()
            raise
        return connection


class Agent:
    """Made once in its process. `order` says where: `base`, `yard`, `node`; `allow_root_jobs`, and by `hooks`
    which programs of the site are run around jobs."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._allow_root_jobs = bool(order["allow_root_jobs"])
        self._hooks: dict[str, Any] = order["hooks"]
        self._directory = place.directory(order["base"], order["yard"], order["node"])
        self._coming = place.own(os.path.join(self._directory, "coming"))
        # Of each user one is made there by the launcher.
        place.own(os.path.join(self._directory, "environments"), 0o711)
        self._key_path = os.path.join(self._directory, "key")
        self._lock = threading.Lock()
        self._candidates: dict[bytes, bytes] = {}
        """Keys of sessions that were asked for and have not shown that they know theirs."""
        self._session: Session | None = None
        self._session_id = b""
        self._starting = threading.Thread()

    def adopt(self, key: bytes) -> dict[str, Any]:
        """Belong to who has this key; the first one to come stays for ever. Raises `Refused`."""
        if len(key) != seal.KEY_BYTES or not place.keep_key(self._key_path, key):
            raise Refused(f"the node belongs to another daemon; if that is gone, remove {self._directory}")
        self._start_launcher()
        return self._facts()

    def greet(self, nonce: bytes) -> tuple[bytes, bytes]:
        """Begin a session: our own nonce, and the proof that we have the key. Raises `Refused`."""
        try:
            with open(self._key_path, "rb") as file:
                key = file.read()
        except OSError:
            raise Refused("the node has no key yet") from None
        mine = secrets.token_bytes(_NONCE_BYTES)
        with self._lock:
            self._candidates = dict(list(self._candidates.items())[-7:])
            self._candidates[mine] = seal.session_key(key, nonce, mine)
        return mine, seal.proof(key, nonce, mine)

    def push(self, session: bytes, sealed: bytes) -> None:
        """What the daemon sends. Raises `Refused`, `Forged`."""
        found = self._session_of(session, sealed)
        data = found.pushed.open(sealed)
        found.streams.feed(data)

    def pull(self, session: bytes, sealed: bytes) -> bytes:
        """What there is for the daemon, after a while also nothing. Raises `Refused`, `Forged`."""
        with self._lock:
            found = self._session
        if found is None or session != self._session_id:
            raise Refused("this session is over")
        found.asked.open(sealed)
        data = found.streams.take(PULL_BYTES, PULL_S)
        if found.streams.closed:
            raise Refused("this session is over")
        return found.answered.seal(data)

    # -- inside

    def _session_of(self, session: bytes, sealed: bytes) -> Session:
        """The first message of a session proves that its sender has the key, and ends the one before."""
        with self._lock:
            if self._session is not None and session == self._session_id:
                return self._session
            key = self._candidates.get(session)
            if key is None:
                raise Refused("this session is over")
            seal.Opener(key, seal.TO_NODE).open(sealed)
            del self._candidates[session]
            if self._session is not None:
                self._session.streams.close()
            launcher = os.path.join(self._directory, SOCKET_NAME)
            self._session = Session(key, self._coming, launcher, self._start_again)
            self._session_id = session
            return self._session

    def _start_again(self) -> None:
        """Of one that ended, or was killed with its keeper: whoever misses it asks again in a moment."""
        if not self._starting.is_alive():
            self._starting = threading.Thread(target=self._try_to_start, daemon=True)
            self._starting.start()

    def _try_to_start(self) -> None:
        with contextlib.suppress(Refused, OSError, subprocess.TimeoutExpired):
            self._start_launcher()

    def _start_launcher(self) -> None:
        hooks.write(place.own(os.path.join(self._directory, LAUNCHER), 0o711), self._hooks)
        command = keeper_argv(
            self._directory,
            daemon_uid=os.getuid(),
            allow_root_jobs=self._allow_root_jobs,
            python=_python(),
        )
        done = subprocess.run(
            command,
            # Nothing of whoever started the engine may reach a job.
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_START_S,
            check=False,
            start_new_session=True,
        )
        if done.returncode not in (0, _TAKEN):
            said = done.stderr.strip().replace("error: ", "", 1) or f"exit code {done.returncode}"
            raise Refused(f"the launcher does not start: {said}")

    def _facts(self) -> dict[str, Any]:
        cpus = sorted(os.sched_getaffinity(0))
        return {
            "directory": self._directory,
            "uid": os.getuid(),
            "host": socket.gethostname(),
            "cpus": cpus,
            "python": platform.python_version(),
            "package": PACKAGE_PARENT,
            "runs": _python(),
            "pid": os.getpid(),
        }


def leads_nowhere_else(local: socket.socket) -> bool:
    """A helper may hand over connections within this node: the daemon is nobody's way into the network."""
    if local.family == socket.AF_UNIX:
        return True
    try:
        return local.family == socket.AF_INET and local.getpeername()[0] == "127.0.0.1"
    except OSError:
        return False


def _python() -> str:
    """An interpreter for the launcher: that of the engine, or one of the node's own. Raises `Refused`."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in range(OLDEST[1], OLDEST[1] + 8):
        found = shutil.which(f"python3.{minor}", path="/usr/local/bin:/usr/bin:/bin")
        if found is not None:
            return found
    raise Refused(f"the node has no Python {OLDEST[0]}.{OLDEST[1]} or later, which runs the launcher")
