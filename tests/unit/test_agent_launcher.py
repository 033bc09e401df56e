"""An agent and the launcher that it keeps, without the engine that carries what they say.

Here its calls are made by two threads of the test, which are what the bridge's carrier is.
"""

import asyncio
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from launchyard.agent import seal
from launchyard.agent.agent import Agent, Refused
from launchyard.agent.streams import Streams
from launchyard.engine.protocol import EngineConnected, EngineReport, Launch, LaunchEnded, LaunchStarted
from launchyard.engine.ray import link
from launchyard.engine.ray.link import NodeLink
from launchyard.launcher.messages import encode
from launchyard.model.node import Node
from tests.system.product import wait_for

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

NODE = Node(name="n", cpus=1, memory_mib=100)
PATIENCE_S = 120.0


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Short, wherever pytest's own is: a launcher's socket lies deep below it."""
    with tempfile.TemporaryDirectory(prefix="ly-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


class Carried:
    """A session with the agent; `dial` is a connection to its launcher."""

    def __init__(self, agent: Agent, key: bytes, directory: Path) -> None:
        self.agent = agent
        self.said: list[bytes] = []
        """Every message to the agent, as it went."""
        nonce = secrets.token_bytes(32)
        self.id, proof = agent.greet(nonce)
        assert seal.is_proof(key, nonce, self.id, proof)
        self._key = seal.session_key(key, nonce, self.id)
        self.streams = Streams(0, str(directory))
        self._pushed = seal.Sealer(self._key, seal.TO_NODE)
        self._push(b"")
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._out, self._in)]
        for thread in self._threads:
            thread.start()

    async def dial(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.streams.open(theirs, "launcher")
        return ours

    def close(self) -> None:
        self.streams.close()
        for thread in self._threads:
            thread.join()

    def _push(self, data: bytes) -> None:
        self.said.append(self._pushed.seal(data))
        self.agent.push(self.id, self.said[-1])

    def _out(self) -> None:
        while not self.streams.closed:
            if data := self.streams.take(1 << 20, 0.2):
                self._push(data)

    def _in(self) -> None:
        asked, answered = seal.Sealer(self._key, seal.ASK), seal.Opener(self._key, seal.FROM_NODE)
        with suppress(Refused):
            while not self.streams.closed:
                if data := answered.open(self.agent.pull(self.id, asked.seal(b""))):
                    self.streams.feed(data)


@contextmanager
def carried(directory: Path) -> Iterator[Carried]:
    """Of an agent that has its launcher; both are ended."""
    key = secrets.token_bytes(seal.KEY_BYTES)
    base = directory / "nodes"
    agent = Agent({"base": str(base), "yard": "y", "node": "n", "allow_root_jobs": True, "hooks": {}})
    coming = directory / "coming"
    coming.mkdir()
    try:
        agent.adopt(key)
        made = Carried(agent, key, coming)
        try:
            yield made
        finally:
            made.close()
    finally:
        kill(base)


def kill(base: Path) -> None:
    """Stopped first, so that neither sees the other die and leaves an heir."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in ours(base):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def ours(base: Path) -> list[int]:
    """Keeper and launcher that work there."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.fsencode(base) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


class Heard:
    """A link to the launcher, and what it reported."""

    def __init__(self, made: Carried) -> None:
        self.link = NodeLink(NODE, (0,), made.dial)
        self.reports: list[EngineReport] = []
        self.link.begin(self.reports.extend)

    async def until(self, kind: type[EngineReport], count: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while sum(isinstance(one, kind) for one in self.reports) < count:
                await asyncio.sleep(0.01)


def run(directory: Path, body: Callable[[Carried, Heard], Awaitable[None]]) -> None:
    async def inside(made: Carried) -> None:
        heard = Heard(made)
        try:
            await heard.until(EngineConnected)
            await body(made, heard)
        finally:
            await heard.link.drop()

    with carried(directory) as made:
        asyncio.run(inside(made))


def launch(*argv: str) -> Launch:
    launch_id = secrets.token_hex(8)
    return Launch(
        launch_id=launch_id,
        job_id=1,
        uid=0,
        node="n",
        argv=argv,
        environment={"PATH": "/usr/bin:/bin"},
        working_dir="/",
        spool_log=f"1-{launch_id}.log",
    )


def test_launcher_that_was_killed_with_its_keeper_is_started_again(tmp_path: Path) -> None:
    async def body(made: Carried, heard: Heard) -> None:
        kill(tmp_path / "nodes")
        await heard.until(EngineConnected, 2)
        heard.link.start([launch("true")])
        await heard.until(LaunchEnded)

    run(tmp_path, body)


def test_launcher_without_jobs_ends_when_we_take_our_leave(tmp_path: Path) -> None:
    async def body(made: Carried, heard: Heard) -> None:
        assert ours(tmp_path / "nodes")
        await heard.link.close()
        # Who carried ends at once: nothing more is said after this.
        made.close()
        await asyncio.to_thread(wait_for, lambda: not ours(tmp_path / "nodes"), PATIENCE_S, "it has ended")

    run(tmp_path, body)


def test_launcher_with_a_job_stays_when_we_take_our_leave(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    async def body(made: Carried, heard: Heard) -> None:
        heard.link.start([launch("sh", "-c", f"until [ -e {mark} ]; do sleep 0.1; done; exit 4")])
        await heard.until(LaunchStarted)
        await heard.link.close()
        again = Heard(made)
        await again.until(EngineConnected)
        mark.touch()
        await again.until(LaunchEnded)
        (end,) = [one for one in again.reports if isinstance(one, LaunchEnded)]
        assert end.exit.exit_code == 4
        await again.link.drop()

    run(tmp_path, body)


def test_leave_from_a_launcher_that_does_not_answer_is_taken_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its node has lost its network, say."""
    monkeypatch.setattr(link, "FAREWELL_S", 0.05)
    features = {"memory": "none"}
    welcome = {"t": "hello", "epoch": "e", "known": [], "features": features, "seq": 0, "boot_id": ""}
    ours_, theirs = socket.socketpair()
    ours_.setblocking(False)

    async def dial() -> socket.socket:
        return ours_

    async def body() -> None:
        one = NodeLink(NODE, (0,), dial)
        reports: list[EngineReport] = []
        one.begin(reports.extend)
        theirs.sendall(encode(welcome))
        async with asyncio.timeout(PATIENCE_S):
            while not reports:
                await asyncio.sleep(0.01)
            await one.close()

    with theirs:
        asyncio.run(body())


def test_message_of_a_session_counts_once_and_for_that_session_alone(tmp_path: Path) -> None:
    """Threats 34 and 35: an order that somebody recorded starts nothing, in its session and in the next."""

    async def body(made: Carried, heard: Heard) -> None:
        heard.link.start([launch("true")])
        await heard.until(LaunchEnded)
        recorded = list(made.said)
        for sealed in recorded:
            with pytest.raises(seal.Forged):
                made.agent.push(made.id, sealed)
        session, _ = made.agent.greet(secrets.token_bytes(32))
        for sealed in recorded:
            with pytest.raises(seal.Forged):
                made.agent.push(session, sealed)
        # Who has not shown to have the key ends no session of who has.
        heard.link.start([launch("true")])
        await heard.until(LaunchEnded, 2)
        assert sum(isinstance(one, LaunchStarted) for one in heard.reports) == 2

    run(tmp_path, body)


def test_agent_belongs_to_the_first_daemon_that_came(tmp_path: Path) -> None:
    """Threats 28 and 34: another key is refused, also one of which the beginning is the same."""
    with carried(tmp_path) as made:
        *nearly, last = (tmp_path / "nodes" / "y-n" / "key").read_bytes()
        for key in (bytes([*nearly, last ^ 1]), bytes(nearly), b"", secrets.token_bytes(seal.KEY_BYTES)):
            with pytest.raises(Refused, match="belongs to another daemon"):
                made.agent.adopt(key)
