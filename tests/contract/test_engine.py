"""What every engine promises the controller: the same sentences for the fake one and for a real launcher."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.engine.keeper import launch_keeper
from launchyard.engine.local import LocalEngine
from launchyard.engine.protocol import (
    Engine,
    EngineConnected,
    EngineLost,
    EngineReport,
    ForgetRunners,
    Launch,
    LaunchEnded,
    LaunchStarted,
    RunnerEnded,
    SignalRunner,
    StartRunner,
)
from launchyard.model.node import Node
from tests.system.product import Product

NODE = Node(name="node", cpus=2, memory_mib=1024, pinned=False)
Report = TypeVar("Report", bound=EngineReport)


@dataclass
class Heard:
    """The engine, and all that it has reported."""

    engine: Engine
    interrupt: Callable[[], None]
    """Make the engine lose its connection; it comes back."""
    reports: list[EngineReport] = field(default_factory=list)

    def take(self, reports: Sequence[EngineReport]) -> None:
        self.reports += reports

    def of(self, kind: type[Report]) -> list[Report]:
        return [report for report in self.reports if isinstance(report, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + 30
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, f"not reported: {self.reports}"
            await asyncio.sleep(0.005)

    async def ended(self, launch_id: str) -> LaunchEnded:
        await self.until(lambda: any(one.launch_id == launch_id for one in self.of(LaunchEnded)))
        return next(one for one in self.of(LaunchEnded) if one.launch_id == launch_id)


@asynccontextmanager
async def fake(directory: Path) -> AsyncIterator[Heard]:
    """Obeys: what is started runs until it is stopped."""
    engine = FakeEngine((NODE,), obedience=Obedience.START)

    def interrupt() -> None:
        engine.lose()
        engine.reconnect()

    yield Heard(engine, interrupt)
    await engine.close()


@asynccontextmanager
async def local(directory: Path) -> AsyncIterator[Heard]:
    """A real keeper and launcher; what is started sleeps until it is stopped."""
    state = directory / "state"
    launch_keeper(state, daemon_uid=os.geteuid(), allow_root_jobs=True)
    engine, product = LocalEngine(state, nodes=(NODE,)), Product(state)
    yield Heard(engine, lambda: product.kill_all("launcher"))
    await engine.close()
    product.destroy()


@pytest.fixture(params=[fake, local], ids=["fake", "local"])
def run(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[Callable[[Heard], Awaitable[None]]], None]:
    """Run a test's body with an open engine."""

    def runner(body: Callable[[Heard], Awaitable[None]]) -> None:
        async def inside() -> None:
            async with request.param(tmp_path) as heard:
                await heard.engine.open(heard.take)
                await heard.until(lambda: bool(heard.of(EngineConnected)))
                await body(heard)

        asyncio.run(asyncio.wait_for(inside(), 60))

    return runner


Run = Callable[[Callable[[Heard], Awaitable[None]]], None]


def launch() -> Launch:
    launch_id = secrets.token_hex(8)
    return Launch(
        launch_id=launch_id,
        job_id=1,
        uid=os.geteuid(),
        node="node",
        argv=("sleep", "60"),
        environment={"PATH": "/usr/bin:/bin"},
        working_dir="/",
        spool_log=f"1-{launch_id}.log",
    )


def test_launch_is_reported_as_started_and_after_a_stop_as_ended(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = launch()
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        heard.engine.stop(one.launch_id, signal=signal.SIGTERM, grace_s=5)
        ended = await heard.ended(one.launch_id)
        assert (ended.exit.signal, ended.exit.exit_code, ended.exit.lost) == (signal.SIGTERM, None, False)

    run(body)


def test_same_launch_ordered_twice_is_started_once(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = launch()
        heard.engine.start([one, one])
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=5)
        await heard.ended(one.launch_id)
        assert len({report.token for report in heard.of(LaunchStarted)}) == 1

    run(body)


def test_launch_that_was_stopped_before_it_was_known_never_starts(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = launch()
        heard.engine.stop(one.launch_id, signal=signal.SIGTERM, grace_s=5)
        heard.engine.start([one])
        ended = await heard.ended(one.launch_id)
        assert ended.exit.error is not None
        assert not heard.of(LaunchStarted)

    run(body)


def test_tokens_rise_in_the_order_of_reports(run: Run) -> None:
    async def body(heard: Heard) -> None:
        some = [launch() for _ in range(5)]
        heard.engine.start(some)
        await heard.until(lambda: len(heard.of(LaunchStarted)) == 5)
        for one in some:
            heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=5)
        for one in some:
            await heard.ended(one.launch_id)
        tokens = [one.token for one in heard.reports if isinstance(one, LaunchStarted | LaunchEnded)]
        assert tokens == sorted(tokens)

    run(body)


def test_engine_that_was_lost_knows_its_launches_and_repeats_what_was_not_acknowledged(run: Run) -> None:
    async def body(heard: Heard) -> None:
        first, second = launch(), launch()
        heard.engine.start([first])
        await heard.until(lambda: len(heard.of(LaunchStarted)) == 1)
        heard.engine.stop(first.launch_id, signal=signal.SIGKILL, grace_s=5)
        heard.engine.acknowledge((await heard.ended(first.launch_id)).token)
        heard.engine.start([second])
        await heard.until(lambda: len(heard.of(LaunchStarted)) == 2)
        token = heard.of(LaunchStarted)[1].token
        before = len(heard.reports)
        heard.interrupt()
        await heard.until(lambda: len(heard.of(LaunchStarted)) == 3)
        lost, connected, *repeated = heard.reports[before:]
        assert isinstance(lost, EngineLost)
        assert isinstance(connected, EngineConnected)
        assert second.launch_id in connected.known
        assert [(one.launch_id, one.token) for one in heard.of(LaunchStarted)[2:]] == [
            (second.launch_id, token)
        ]
        assert len(repeated) == 1
        heard.engine.stop(second.launch_id, signal=signal.SIGKILL, grace_s=5)
        await heard.ended(second.launch_id)

    run(body)


def test_launch_that_ended_and_was_acknowledged_is_not_started_by_the_same_order_again(run: Run) -> None:
    """Threat 35."""

    async def body(heard: Heard) -> None:
        one, other = launch(), launch()
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=5)
        heard.engine.acknowledge((await heard.ended(one.launch_id)).token)
        heard.engine.start([one, other])
        await heard.until(
            lambda: any(report.launch_id == other.launch_id for report in heard.of(LaunchStarted))
        )
        assert len(heard.of(LaunchStarted)) == 2
        heard.engine.stop(other.launch_id, signal=signal.SIGKILL, grace_s=5)
        await heard.ended(other.launch_id)

    run(body)


def test_suspended_launch_can_be_resumed_and_stopped_however_often_it_is_told(run: Run) -> None:
    async def body(heard: Heard) -> None:
        order, engine = launch(), heard.engine
        assert engine.suspends
        engine.start([order])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        for suspended in (True, True, False, False, True):
            engine.suspend(order.launch_id, suspended=suspended)
        engine.limit(order.launch_id, 3600)
        engine.stop(order.launch_id, signal=signal.SIGTERM, grace_s=20)
        assert (await heard.ended(order.launch_id)).exit.signal == signal.SIGTERM

    run(body)


def runner(one: Launch, number: int = 0) -> StartRunner:
    return StartRunner(
        runner_id=f"{one.launch_id}.{number}.0",
        launch_id=one.launch_id,
        uid=one.uid,
        arguments=("--connect", "/nobody/listens"),
        environment={"PATH": "/usr/bin:/bin"},
    )


def test_end_of_a_runner_is_repeated_until_it_is_to_be_forgotten(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = launch()
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        order = runner(one)
        heard.engine.order_steps([order])
        if isinstance(heard.engine, FakeEngine):
            heard.engine.end_runner(order.runner_id, exit_code=1)
        await heard.until(lambda: len(heard.of(RunnerEnded)) == 1)
        (ended,) = heard.of(RunnerEnded)
        assert (ended.runner_id, ended.end.exit_code, ended.end.position) == (order.runner_id, 1, 0)

        heard.interrupt()
        await heard.until(lambda: len(heard.of(RunnerEnded)) == 2)
        assert heard.of(RunnerEnded)[1] == ended
        assert heard.of(EngineConnected)[-1].runners == {order.runner_id}
        heard.engine.order_steps([ForgetRunners(runner_ids=(order.runner_id,))])
        heard.interrupt()
        await heard.until(lambda: len(heard.of(EngineConnected)) == 3)
        assert heard.of(EngineConnected)[-1].runners == frozenset()
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=0)
        await heard.ended(one.launch_id)

    run(body)


def test_orders_for_runners_that_are_not_there_change_nothing(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = launch()
        heard.engine.order_steps([SignalRunner(runner_id="gone.0.0", signal=15, grace_s=1)])
        heard.engine.order_steps([ForgetRunners(runner_ids=("gone.0.0",))])
        heard.engine.signal("gone", 10, steps_only=True)
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=0)
        await heard.ended(one.launch_id)

    run(body)
