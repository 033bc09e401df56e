"""The local engine against a launcher that a test plays: connects, comes back, gives orders in one write."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from launchyard.engine.local import LocalEngine
from launchyard.engine.protocol import (
    EngineConnected,
    EngineLost,
    EngineReport,
    Launch,
    LaunchEnded,
    LaunchMainEnded,
    LaunchStarted,
    RunnerEnded,
    SignalRunner,
)
from launchyard.launcher import messages
from launchyard.launcher.messages import Decoder, Message, encode
from launchyard.model.errors import Conflict, Unavailable
from launchyard.model.node import Node
from launchyard.model.resources import NodeShare
from tests.unit.helper_process import on_loop, until

NODES = (Node(name="a", cpus=2, memory_mib=1024), Node(name="b", cpus=2, memory_mib=1024))


class Launcher:
    """Listens where a launcher would; says and hears frames."""

    def __init__(self, state: Path) -> None:
        path = state / messages.SOCKET_NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(os.fspath(path))
        self._listener.listen()
        self._listener.setblocking(False)
        self._decoder = Decoder()
        self.connection: socket.socket | None = None
        self.heard: list[Message] = []
        self.accepted = 0

    async def accept(self) -> None:
        loop = asyncio.get_running_loop()
        self.connection, _ = await loop.sock_accept(self._listener)
        self.connection.setblocking(False)
        self._decoder = Decoder()
        self.accepted += 1

    async def welcome(self, *, epoch: str = "e", known: Sequence[str] = (), **more: str) -> None:
        """Be connected to, hear hello and answer it."""
        await self.accept()
        assert (await self.hear())["t"] == "hello"
        features = {"memory": "cgroup v1", "cpus": "cpuset", "processes": "freezer", "users": "switched"}
        features |= more
        self.say(messages.welcome(epoch=epoch, boot_id="b", known=known, seq=0, features=features))

    async def hear(self) -> Message:
        """The next message of the engine's."""
        while not self.heard:
            assert self.connection is not None
            data = await asyncio.get_running_loop().sock_recv(self.connection, 1 << 20)
            assert data, "the engine has closed the connection"
            self.heard += self._decoder.feed(data)
        return self.heard.pop(0)

    def say(self, *what: Message) -> None:
        assert self.connection is not None
        self.connection.sendall(b"".join(map(encode, what)))

    def cut(self) -> None:
        assert self.connection is not None
        self.connection.close()

    def close(self) -> None:
        self._listener.close()
        if self.connection is not None:
            self.connection.close()


class Heard:
    """What the engine reports, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[list[EngineReport]] = []

    def take(self, reports: Sequence[EngineReport]) -> None:
        self.batches.append(list(reports))

    @property
    def reports(self) -> list[EngineReport]:
        return [report for batch in self.batches for report in batch]


Body = Callable[[LocalEngine, Launcher, Heard], Awaitable[None]]


def with_engine(state: Path, body: Body, cpus: Sequence[int] = ()) -> None:
    """Run `body` with an open engine whose launcher has said hello."""

    async def run() -> None:
        launcher, heard = Launcher(state), Heard()
        engine = LocalEngine(state, nodes=NODES, cpus=cpus)
        facts, _ = await asyncio.gather(engine.open(heard.take), launcher.welcome())
        assert (facts.nodes, facts.enforcement.users) == (NODES, "switched")
        try:
            await body(engine, launcher, heard)
        finally:
            await engine.close()
            launcher.close()

    on_loop(run())


def launch(launch_id: str, *, node: str = "a", script: bytes | None = None) -> Launch:
    return Launch(
        launch_id=launch_id,
        job_id=1,
        uid=1000,
        node=node,
        argv=("true",),
        environment={},
        working_dir="/",
        spool_log="1.log",
        cpu_ids=(0, 1),
        script=script,
    )


def test_launches_are_ordered_with_the_real_cpus_of_their_node(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        engine.start([launch("x"), launch("y", node="b", script=b"\xff\n")])
        first, second = await launcher.hear(), await launcher.hear()
        assert (first["l"], first["cpu_ids"]) == ("x", [0, 1])
        assert (second["l"], second["cpu_ids"]) == ("y", [2, 3])
        assert second["script"].encode("utf-8", "surrogateescape") == b"\xff\n"

    with_engine(tmp_path, body)


def test_hyperthreads_that_the_kernel_numbers_apart_are_given_together(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        engine.start([launch("x"), launch("y", node="b")])
        assert [(await launcher.hear())["cpu_ids"] for _ in "xy"] == [[0, 4], [1, 5]]

    with_engine(tmp_path, body, cpus=(0, 4, 1, 5))


def test_what_comes_together_is_reported_together_and_in_order(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        launcher.say(
            messages.started(1, "x", pid=9, at=1.0),
            messages.main_ended("x"),
            messages.ended(2, "x", at=2.0, exit_code=3, cpu_s=0.5, oom=True),
        )
        await until(lambda: len(heard.batches) == 2)
        started, main_ended, ended = heard.batches[1]
        assert started == LaunchStarted(launch_id="x", at=1.0, token=1)
        assert main_ended == LaunchMainEnded(launch_id="x")
        assert isinstance(ended, LaunchEnded)
        assert (ended.token, ended.exit.exit_code, ended.exit.out_of_memory) == (2, 3, True)
        assert (ended.exit.usage.cpu_s, ended.exit.usage.read_mib) == (0.5, None)

    with_engine(tmp_path, body)


def test_launcher_that_dies_and_comes_back_is_lost_and_then_connected(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        launcher.close()
        await until(lambda: isinstance(heard.reports[-1], EngineLost))
        engine.start([launch("dropped")])
        engine.stop("dropped", signal=15, grace_s=1)
        with pytest.raises(Unavailable, match="does not answer"):
            await engine.user_channel(1000)
        with pytest.raises(Unavailable, match="does not answer"):
            await engine.step("x", 1000, ["sh"], {}, "/", "/dev/pts/0")
        again = Launcher(tmp_path)
        await again.welcome(epoch="e", known=["x"])
        await until(lambda: isinstance(heard.reports[-1], EngineConnected))
        assert heard.reports[-1] == EngineConnected(epoch="e", known=frozenset({"x"}))
        engine.acknowledge(7)
        assert await again.hear() == messages.ack(7)
        again.close()

    with_engine(tmp_path, body)


def test_launcher_of_the_version_before_suspends_nothing_and_the_next_one_does(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        assert not engine.suspends
        launcher.close()
        await until(lambda: isinstance(heard.reports[-1], EngineLost))
        again = Launcher(tmp_path)
        await again.welcome(suspend="freeze")
        await until(lambda: engine.suspends)
        engine.suspend("x", suspended=True)
        engine.suspend("x", suspended=False)
        engine.limit("x", None)
        told = [await again.hear() for _ in range(3)]
        assert told == [messages.suspend("x"), messages.resume("x"), messages.limit("x", None)]
        again.close()

    with_engine(tmp_path, body)


def test_launcher_that_dies_with_unread_orders_after_a_last_word_is_lost_and_then_connected(
    tmp_path: Path,
) -> None:
    """Such an end is a reset with bytes before it; all of it has to be read."""

    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        engine.start([launch("never read")])
        launcher.say(messages.started(1, "x", pid=9, at=1.0))
        launcher.close()
        await until(lambda: isinstance(heard.reports[-1], EngineLost))
        assert LaunchStarted(launch_id="x", at=1.0, token=1) in heard.reports
        again = Launcher(tmp_path)
        await again.welcome()
        again.close()

    with_engine(tmp_path, body)


def test_requests_that_the_launcher_took_to_its_grave_end_with_a_sentence(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        asking = asyncio.ensure_future(engine.user_channel(1000))
        ended = await engine.step("x", 1000, ["sh"], {}, "/", "/dev/pts/0")
        assert {(await launcher.hear())["t"], (await launcher.hear())["t"]} == {"helper", "step"}
        launcher.cut()
        with pytest.raises(Conflict, match="restarted meanwhile; try again"):
            await asking
        assert "try again" in (await ended)["error"]

    with_engine(tmp_path, body)


@pytest.mark.long
def test_launcher_that_hangs_up_at_once_is_asked_less_and_less_often(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        launcher.cut()
        began = asyncio.get_running_loop().time()
        while launcher.accepted < 6:
            await launcher.accept()
            launcher.cut()
        # 0, 20, 40, 80 and 160 ms between them: a storm would need no time at all.
        assert asyncio.get_running_loop().time() - began > 0.25
        assert sum(isinstance(report, EngineLost) for report in heard.reports) == 1

    with_engine(tmp_path, body)


def test_socket_of_a_helper_comes_with_its_answer(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        asking = asyncio.ensure_future(engine.user_channel(1000))
        asked = await launcher.hear()
        assert (asked["t"], asked["uid"]) == ("helper", 1000)
        ours, theirs = socket.socketpair()
        assert launcher.connection is not None
        socket.send_fds(
            launcher.connection, [encode(messages.helper_started(asked["id"]))], [theirs.fileno()]
        )
        theirs.close()
        with socket.socket(fileno=await asking) as given:
            given.send(b"hello")
            assert ours.recv(5) == b"hello"
        ours.close()

    with_engine(tmp_path, body)


def test_user_for_whom_no_helper_starts_is_named(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        asking = asyncio.ensure_future(engine.user_channel(4))
        asked = await launcher.hear()
        launcher.say(messages.helper_started(asked["id"], error="uid 4 is a system user"))
        with pytest.raises(Conflict, match="uid 4: uid 4 is a system user"):
            await asking

    with_engine(tmp_path, body)


@pytest.mark.long
def test_launch_too_long_to_send_ends_with_a_sentence_and_the_others_start(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        engine.start([launch("long", script=b"x" * messages.FRAME_MAX), launch("short")])
        assert (await launcher.hear())["l"] == "short"
        await until(lambda: isinstance(heard.reports[-1], LaunchEnded))
        ended = heard.reports[-1]
        assert isinstance(ended, LaunchEnded)
        assert (ended.launch_id, ended.token) == ("long", 0)
        assert "16 MiB" in (ended.exit.error or "")

    with_engine(tmp_path, body)


@pytest.mark.long
def test_engine_without_a_launcher_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launchyard.engine.local.ANSWER_S", 0.1)

    async def run() -> None:
        engine = LocalEngine(tmp_path, nodes=NODES)
        with pytest.raises(Unavailable, match="no launcher answers"):
            await engine.open(lambda reports: None)
        await engine.close()

    asyncio.run(run())


def test_launch_on_several_nodes_gets_what_it_has_of_all_of_them(tmp_path: Path) -> None:
    """The nodes are one machine here: a step on the second must find its CPUs and memory too."""

    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        beside = NodeShare(node="b", cpus_milli=1000, memory_mib=50, cpu_ids=(1,))
        engine.start([replace(launch("x"), memory_mib=100, beside=(beside,))])
        engine.start([replace(launch("y"), memory_mib=100, beside=(replace(beside, cpu_ids=()),))])
        engine.start([replace(launch("z"), beside=(beside,))])
        first, second, third = await launcher.hear(), await launcher.hear(), await launcher.hear()
        assert (first["cpu_ids"], first["memory_mib"]) == ([0, 1, 3], 150)
        assert second["cpu_ids"] == []
        assert "memory_mib" not in third

    with_engine(tmp_path, body)


def test_older_launcher_is_asked_for_no_steps(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        assert not engine.steps
        engine.order_steps([SignalRunner(runner_id="x.0.0", signal=15)])
        engine.signal("x", 10, steps_only=True)
        engine.signal("x", 12)
        assert await launcher.hear() == messages.signal("x", 12)

    with_engine(tmp_path, body)


def test_what_a_launcher_tells_of_runners_is_reported(tmp_path: Path) -> None:
    async def body(engine: LocalEngine, launcher: Launcher, heard: Heard) -> None:
        launcher.say(
            messages.runner_ended("x.3.1", at=2.0, signal=9, cpu_s=0.5, memory_peak_mib=7.5, oom=True),
            messages.runner_ended("strange", at=2.0, exit_code=0),
        )
        await until(lambda: isinstance(heard.reports[-1], RunnerEnded))
        report = heard.reports[-1]
        assert isinstance(report, RunnerEnded)
        assert (report.runner_id, report.end.position, report.end.signal) == ("x.3.1", 1, 9)
        assert (report.end.oom, report.end.ending, report.end.cpu_s) == (True, False, 0.5)

    with_engine(tmp_path, body)


def test_the_last_orders_arrive_at_a_launcher_that_is_slow_to_read(tmp_path: Path) -> None:
    """More of them than a socket takes at once, and the leave to rest behind them."""

    async def run() -> None:
        launcher, heard = Launcher(tmp_path), Heard()
        engine = LocalEngine(tmp_path, nodes=NODES)
        await asyncio.gather(engine.open(heard.take), launcher.welcome())
        engine.start([launch("x", script=b"#" * (4 << 20))])
        closing = asyncio.ensure_future(engine.close())
        await asyncio.sleep(0)
        assert not closing.done()
        assert [(await launcher.hear())["t"] for _ in range(2)] == ["launch", "rest"]
        await closing
        launcher.close()

    on_loop(run())
