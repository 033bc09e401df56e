"""A raw client of the launcher for tests: speaks the protocol and remembers everything that was said."""

import contextlib
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from launchyard.launcher import messages
from launchyard.launcher.messages import Message
from tests.system.product import parent_of

PATIENCE_S = 120.0
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/"}
# Users other than root cannot always reach the interpreter that runs the tests.
SYSTEM_PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable

T = TypeVar("T")


def wait_for(what: Callable[[], T | None], *, within_s: float = PATIENCE_S, hint: str = "") -> T:
    """The first true value of `what`; fails after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s} s in vain{': ' + hint if hint else ''}")
        select.select([], [], [], 0.01)


class Client:
    """One connection; `said` is everything heard on it."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(os.fspath(state_dir / messages.SOCKET_NAME))
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(PATIENCE_S)
        self._decoder = messages.Decoder()
        self.said: list[Message] = []
        self.fds: list[int] = []
        self.closed = False
        try:
            self.send(messages.hello())
            self.welcome = self.expect("hello")
        except BaseException:
            self.close()
            raise

    def send(self, *what: Message) -> None:
        self._socket.sendall(b"".join(messages.encode(message) for message in what))

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def hung_up(self) -> bool:
        """Whether the launcher has closed this connection by now."""
        self.hear()
        return self.closed

    def heard(self, kind: str, **values: Any) -> Message | None:
        """Take in what has arrived and look for a message."""
        self.hear()
        return self.find(kind, **values)

    def hear(self, timeout_s: float = 0.0) -> None:
        """Take in what has arrived."""
        while select.select([self._socket], [], [], timeout_s)[0]:
            try:
                data, fds = messages.receive(self._socket)
            except ConnectionError:
                data, fds = b"", []
            self.fds += fds
            if not data:
                self.closed = True
                return
            self.said += self._decoder.feed(data)
            timeout_s = 0

    def find(self, kind: str, **values: Any) -> Message | None:
        """The first message of a kind with these values."""
        for message in self.said:
            if message["t"] == kind and all(message.get(name) == value for name, value in values.items()):
                return message
        return None

    def expect(self, kind: str, *, within_s: float = PATIENCE_S, **values: Any) -> Message:
        """Wait for a message."""
        deadline = time.monotonic() + within_s
        while True:
            found = self.find(kind, **values)
            if found is not None:
                return found
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"no {kind} {values} in {within_s} s; heard {self.said[-10:]}"
            assert not self.closed, f"the launcher hung up; no {kind} {values}; its log {self._log()}"
            self.hear(min(left_s, 1.0))

    def ended(self, l: str, *, within_s: float = PATIENCE_S) -> Message:
        return self.expect("ended", within_s=within_s, l=l)

    def close(self) -> None:
        self._socket.close()

    def _log(self) -> str:
        path = self._state_dir / "launcher/launcher.log"
        return path.read_text()[-3000:] if path.exists() else "is not there"


class Rig:
    """A keeper and launcher on a directory of their own, stopped by pid at the end.

    `user`: run by that account instead of by us (who must then be root). It finds what is left of a launch by
    the launch's id alone: it is an account that no test beside has (`account_of_ours`).
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        python: str = SYSTEM_PYTHON,
        allow_root_jobs: bool = True,
        setup_limit_s: float = 60,
        user: str | None = None,
    ) -> None:
        self.state_dir = state_dir
        self.argv = messages.keeper_argv(
            state_dir,
            daemon_uid=os.getuid(),
            allow_root_jobs=allow_root_jobs,
            setup_limit_s=setup_limit_s,
            python=python,
        )
        self.uid = os.getuid()
        if user is not None:
            entry = pwd.getpwnam(user)
            self.uid = entry.pw_uid
            os.chown(state_dir, entry.pw_uid, entry.pw_gid)
            become = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups"]
            self.argv = ["setpriv", *become, *self.argv]
        self._clients: list[Client] = []
        self._jobs = 0

    def destroy(self) -> None:
        """End everything that was started here."""
        for client in self._clients:
            client.close()
        if self.pids():
            self.end_jobs()
            self.stop()

    def start(self, **env: str) -> None:
        subprocess.run(self.argv, check=True, env=dict(os.environ) | env, timeout=60)

    def stop(self) -> None:
        """Both processes, for good."""
        keeper = self.keeper_pid()
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)
        wait_for(lambda: not self.pids(), hint=f"keeper and launcher stop: {self.pids()}")

    def end_jobs(self) -> None:
        """Kill what still runs and wait for its end."""
        with contextlib.suppress(OSError, AssertionError):
            client = Client(self.state_dir)
            for l in client.welcome["known"]:
                client.send(messages.kill(l, signal=signal.SIGKILL, grace_s=0))
            for l in client.welcome["known"]:
                client.ended(l)
            client.close()

    def connect(self) -> Client:
        """A new connection, as soon as the launcher answers."""

        def attempt() -> Client | None:
            with contextlib.suppress(OSError, AssertionError):
                return Client(self.state_dir)
            return None

        client = wait_for(attempt, hint="the launcher answers")
        self._clients.append(client)
        return client

    # ---- its processes

    def pids(self) -> dict[int, str]:
        """Living processes of ours on this directory: pid to command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    if f"--state={self.state_dir}".encode() in words and words[1:3] == [b"-I", b"-S"]:
                        found[int(entry.name)] = b" ".join(words[-3:]).decode()
        return found

    def keeper_pid(self) -> int:
        return int((self.state_dir / "launcher/lock").read_text().split()[0])

    def launcher_pid(self) -> int:
        """The process that serves: a child of the keeper with a socket to it.

        A launch has its launcher's command line until its exec; it is none.
        """

        def found() -> int:
            pids = {pid for pid, line in self.pids().items() if "--keeper-fd" in line}
            return next((pid for pid in pids if parent_of(pid) not in (0, *pids)), 0)

        return wait_for(found, hint="the launcher runs")

    # ---- launches

    def launch(self, argv: Sequence[str], *, l: str | None = None, **options: Any) -> Message:
        """A launch message with plain defaults, of an id that no test beside us has."""
        self._jobs += 1
        l = l or f"l{os.getpid()}-{self._jobs}"
        defaults: dict[str, Any] = {"job": self._jobs, "uid": self.uid, "node": "n", "env": ENV, "cwd": "/"}
        defaults |= {"spool_log": f"{l}.log"}
        return messages.launch(l=l, argv=argv, **(defaults | options))

    def sh(self, text: str, *, l: str | None = None, **options: Any) -> Message:
        return self.launch(["sh", "-c", text], l=l, **options)

    def log(self, l: str, uid: int | None = None) -> str:
        """What is in a launch's log by now; empty before it is there."""
        folder = self.state_dir / "spool" / str(self.uid if uid is None else uid)
        with contextlib.suppress(FileNotFoundError):
            return (folder / f"{l}.log").read_text()
        return ""

    def cgroups(self) -> list[str]:
        """Directories of launches that are left, in all hierarchies."""
        name = cgroup_name(self.state_dir)
        found = []
        for base in cgroup_bases(name):
            found += [entry.path for entry in os.scandir(base) if entry.is_dir()]
        return found


def cgroup_name(state_dir: Path) -> str:
    return f"launchyard-{zlib.crc32(os.fsencode(os.path.realpath(state_dir))):08x}"


def cgroup_bases(name: str) -> list[Path]:
    """The directories of that name in all hierarchies, while others come and go beside them."""
    return [Path(folder, name) for folder, folders, _ in os.walk("/sys/fs/cgroup") if name in folders]


@contextlib.contextmanager
def temporary_rig(*, started: bool = True, kind: type[Rig] = Rig, **options: Any) -> Iterator[Rig]:
    """A rig in a directory that other users may enter (pytest's own they may not).

    Files in /tmp that begin with the directory's name and a dot go with it.
    """
    state_dir = Path(tempfile.mkdtemp(prefix="launchyard-test-"))
    state_dir.chmod(0o755)
    rig = kind(state_dir, **options)
    try:
        if started:
            rig.start()
        yield rig
    finally:
        rig.destroy()
        shutil.rmtree(state_dir, ignore_errors=True)
        for beside in Path("/tmp").glob(f"{state_dir.name}.*"):
            beside.unlink(missing_ok=True)
        for base in cgroup_bases(cgroup_name(state_dir)):
            with contextlib.suppress(OSError):
                base.rmdir()


def processes_with(text: str) -> list[int]:
    """Living processes whose command line contains a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if text.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def zombies_of(pid: int) -> list[int]:
    """Children of a process that it has not reaped."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if fields[0] == "Z" and int(fields[1]) == pid:
                    found.append(int(entry.name))
    return found
