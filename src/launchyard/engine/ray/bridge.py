"""The bridge as a child of the daemon: started under the cluster's Python, and again whenever it ends.

See `launchyard.raybridge.main` for what is said. The bridge holds nothing that its end would lose.
"""

import asyncio
import contextlib
import os
import shutil
import socket
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

from launchyard.agent import code, seed
from launchyard.launcher.link import Link
from launchyard.launcher.messages import Message
from launchyard.model.errors import Unavailable

RETRY_S = (0.5, 5.0)
LOG_BYTES = 4 << 20
BRIDGE = "raybridge"
OF_ANOTHER = (
    "Ray is another user's on this machine and lets in user {uid} by its client port alone; "
    'write address = "ray://HOST:10001"'
)


class Bridge:
    """`heard` gets each message, `gone` why there is no bridge now; both on the loop."""

    def __init__(
        self,
        python: str,
        directory: Path,
        begin: Message,
        heard: Callable[[Message], None],
        gone: Callable[[str], None],
    ) -> None:
        self._python = python
        self._directory = directory
        self.begin = begin
        """What it is started with; read at each start."""
        self.variables: dict[str, str] = {}
        self._heard = heard
        self._gone = gone
        self._link: Link | None = None
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._why = ""
        self.log = directory / "bridge.log"
        self._said_from = 0
        """Where in its log what this bridge says begins."""

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._keep())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def send(self, message: Message, fd: int | None = None) -> None:
        """Say it if there is a bridge; `fd` goes with it and is closed here."""
        if self._link is None:
            if fd is not None:
                os.close(fd)
            return
        self._link.send(message, fd)
        self._flush()

    # -- inside

    async def _keep(self) -> None:
        pause_s = RETRY_S[0]
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self._run()
            except OSError as error:
                self._why = f"{self._python}: {error.strerror or error}"
            self._gone(self._why or self._last_words())
            pause_s = RETRY_S[0] if loop.time() - begun > 60 else min(2 * pause_s, RETRY_S[1])
            await asyncio.sleep(pause_s)

    async def _run(self) -> None:
        """One bridge, to its end."""
        packed, version, place = await asyncio.to_thread(self._unpack)
        ours, theirs = socket.socketpair()
        self._why = ""
        try:
            with theirs, self._open_log() as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(self._python, "-c", _program(place)),
                    cwd=self._directory,
                    env={**_environment(), **self.variables},
                    stdin=theirs.fileno(),
                    stdout=log.fileno(),
                    stderr=log.fileno(),
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        self._link = Link(ours)
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, self._readable)
        self.send({"t": "begin", **self.begin, "packed": packed, "version": version})
        try:
            await self._process.wait()
        finally:
            self._hang_up()
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()

    def _unpack(self) -> tuple[str, str, str]:
        """The code for the nodes, its digest, and where the bridge finds the same."""
        package = Path(code.__file__).parent.parent
        packed = code.pack(os.fspath(package), (BRIDGE,))
        version = code.digest(packed)
        file = self._directory / f"code-{version}.tar"
        if not file.exists():
            for old in self._directory.glob("code-*.tar"):
                old.unlink()
            for old in (self._directory / "code").glob("*"):
                shutil.rmtree(old, ignore_errors=True)
            file.write_bytes(packed)
        return os.fspath(file), version, seed.unpack(packed, version, os.fspath(self._directory / "code"))

    def _open_log(self) -> Any:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._said_from = self.log.stat().st_size if self.log.exists() else 0
        return self.log.open("ab")

    def _readable(self) -> None:
        link = self._link
        if link is None:
            return
        for message in link.receive():
            if message["t"] == "failed":
                self._why = message["why"]
            else:
                self._heard(message)
        if link.closed:
            self._hang_up()

    def _flush(self) -> None:
        link, loop = self._link, asyncio.get_running_loop()
        if link is None:
            return
        link.flush()
        if link.closed:
            self._hang_up()
        elif link.waiting:
            loop.add_writer(link.fileno(), self._flush)
        else:
            loop.remove_writer(link.fileno())

    def _hang_up(self) -> None:
        if self._link is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._link.fileno())
            loop.remove_writer(self._link.fileno())
            self._link.close()
            self._link = None

    def _last_words(self) -> str:
        """Of a bridge that could not say why it ended: an import that failed, a death inside of Ray."""
        with contextlib.suppress(OSError):
            text = self.log.read_bytes()[self._said_from :].decode(errors="replace")
            if "Permission denied" in text:
                return OF_ANOTHER.format(uid=os.getuid())
            lines = text.strip().splitlines()
            if lines and "No module named 'ray'" in lines[-1]:
                return f"{self._python} has no ray; name the Python of the cluster by python ="
            if lines:
                return f"the bridge to it ended: {lines[-1].strip()}"
        return "the bridge to it ended"


def python_of(named: str) -> str:
    """The interpreter that has Ray: the one that was named, or that of the `ray` on the PATH."""
    if named:
        return named
    program = shutil.which("ray")
    if program is not None:
        beside = Path(program).resolve().parent / "python"
        if beside.exists():
            return os.fspath(beside)
    raise Unavailable("no program ray is on the PATH; name the Python of the cluster by python =")


def _program(place: str) -> str:
    # Appended, so that nothing of ours stands in for what the cluster's Python has.
    return f"import sys; sys.path.append({place!r}); from launchyard.raybridge.main import main; main()"


def _environment() -> dict[str, str]:
    """What Ray reads, with what a program needs; nothing else of the daemon's."""
    needed = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")
    found = {name: os.environ[name] for name in needed if name in os.environ}
    rays = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    return {**found, **rays, "RAY_USAGE_STATS_ENABLED": os.environ.get("RAY_USAGE_STATS_ENABLED", "0")}
