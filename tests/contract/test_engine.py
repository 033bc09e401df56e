"""What every engine promises the controller: the same sentences for fakes, our launcher, Ray and Slurm."""

import asyncio
import itertools
import signal
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from launchyard.engine.fake import FakeEngine
from launchyard.engine.protocol import (
    EngineConnected,
    EngineDescribed,
    EngineLost,
    ForgetRunners,
    Launch,
    LaunchEnded,
    LaunchStarted,
    LaunchTaken,
    LaunchWaits,
    NodesChanged,
    RunnerEnded,
    SignalRunner,
    StartRunner,
)
from launchyard.engine.queue import Queue
from launchyard.model.ability import Lack, Placing
from tests.contract.engines import (
    Heard,
    fake,
    local,
    old_ray,
    placing,
    ray,
    ray_of_one_node,
    slurm,
    slurm_of_one_node,
)
from tests.ray.lab import Lab as RayLab
from tests.slurm.lab import Lab as SlurmLab

REAL = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(300)]
ENGINES = [fake, placing, local, *(pytest.param(one, marks=REAL) for one in (ray, old_ray, slurm))]
Run = Callable[[Callable[[Heard], Awaitable[None]]], None]


@pytest.fixture(scope="module")
def ray_lab() -> Iterator[RayLab]:
    with ray_of_one_node() as lab:
        yield lab


@pytest.fixture(scope="module")
def old_ray_lab() -> Iterator[RayLab]:
    with ray_of_one_node("old") as lab:
        yield lab


@pytest.fixture(scope="module")
def slurm_lab() -> Iterator[SlurmLab]:
    with slurm_of_one_node() as lab:
        yield lab


@pytest.fixture(params=ENGINES, ids=["fake", "placing", "local", "ray", "old ray", "slurm"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Run a test's body with an open engine."""
    labs = {ray: "ray_lab", old_ray: "old_ray_lab", slurm: "slurm_lab"}
    make = request.param
    if make in labs:
        make = partial(make, request.getfixturevalue(labs[make]))

    def runner(body: Callable[[Heard], Awaitable[None]]) -> None:
        async def inside() -> None:
            async with make(tmp_path) as heard:
                await heard.engine.open(heard.take)
                await heard.until(lambda: bool(heard.of(EngineConnected)))
                await body(heard)

        asyncio.run(asyncio.wait_for(inside(), 250 if request.param in labs else 60))

    return runner


def test_launch_is_reported_as_started_and_after_a_stop_as_ended(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = heard.launch()
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        heard.engine.stop(one.launch_id, signal=signal.SIGTERM, grace_s=5)
        ended = await heard.ended(one.launch_id)
        assert ended.exit.signal == signal.SIGTERM or ended.exit.cancelled
        assert (ended.exit.exit_code, ended.exit.lost) == (None, False)

    run(body)


def test_same_launch_ordered_twice_is_started_once(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = heard.launch()
        heard.engine.start([one, one])
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=5)
        await heard.ended(one.launch_id)
        assert len({report.token for report in heard.of(LaunchStarted)}) == 1

    run(body)


def test_launch_that_was_stopped_before_it_was_known_never_starts(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = heard.launch()
        heard.engine.stop(one.launch_id, signal=signal.SIGTERM, grace_s=5)
        heard.engine.start([one])
        ended = await heard.ended(one.launch_id)
        assert ended.exit.error is not None
        assert not heard.of(LaunchStarted)

    run(body)


def test_tokens_rise_in_the_order_of_reports(run: Run) -> None:
    async def body(heard: Heard) -> None:
        some = [heard.launch() for _ in range(5)]
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
        first, second = heard.launch(), heard.launch()
        heard.engine.start([first])
        await heard.until(lambda: len(heard.of(LaunchStarted)) == 1)
        heard.engine.stop(first.launch_id, signal=signal.SIGKILL, grace_s=5)
        heard.engine.acknowledge((await heard.ended(first.launch_id)).token)
        heard.engine.start([second])
        await heard.until(lambda: len(heard.of(LaunchStarted)) == 2)
        token = heard.of(LaunchStarted)[1].token
        before = len(heard.reports)
        await heard.interrupt()
        await heard.until(lambda: len(heard.of(LaunchStarted)) == 3)
        beside = (EngineDescribed, LaunchTaken, LaunchWaits, NodesChanged)
        lost, connected, *repeated = (one for one in heard.reports[before:] if not isinstance(one, beside))
        assert isinstance(lost, EngineLost)
        assert isinstance(connected, EngineConnected)
        assert second.launch_id in connected.known
        (again,) = heard.of(LaunchStarted)[2:]
        assert again.launch_id == second.launch_id
        assert again.token >= token
        assert len(repeated) == 1
        heard.engine.stop(second.launch_id, signal=signal.SIGKILL, grace_s=5)
        await heard.ended(second.launch_id)

    run(body)


def test_launch_that_ended_and_was_acknowledged_is_not_started_by_the_same_order_again(run: Run) -> None:
    """Threat 35."""

    async def body(heard: Heard) -> None:
        one, other = heard.launch(), heard.launch()
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
        order, engine = heard.launch(), heard.engine
        assert engine.suspends is engine.abilities.suspends
        if not engine.suspends:
            return
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
        one = heard.launch()
        if Lack.STEPS in heard.engine.abilities.lacks:
            assert not heard.engine.steps
            return
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        order = runner(one)
        heard.engine.order_steps([order])
        if isinstance(heard.engine, FakeEngine):
            heard.engine.end_runner(order.runner_id, exit_code=1)
        await heard.until(lambda: len(heard.of(RunnerEnded)) == 1)
        (ended,) = heard.of(RunnerEnded)
        assert (ended.runner_id, ended.end.exit_code, ended.end.position) == (order.runner_id, 1, 0)

        await heard.interrupt()
        await heard.until(lambda: len(heard.of(RunnerEnded)) == 2)
        assert heard.of(RunnerEnded)[1] == ended
        assert heard.of(EngineConnected)[-1].runners == {order.runner_id}
        for connected in itertools.count(2):
            # An order may be lost with its connection; it is given again each time that the end is told.
            heard.engine.order_steps([ForgetRunners(runner_ids=(order.runner_id,))])
            await heard.interrupt()
            await heard.until(partial(heard.connected_more_than, connected))
            if not heard.of(EngineConnected)[-1].runners:
                break
            assert heard.of(RunnerEnded)[-1] == ended
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=0)
        await heard.ended(one.launch_id)

    run(body)


def test_orders_for_runners_that_are_not_there_change_nothing(run: Run) -> None:
    async def body(heard: Heard) -> None:
        one = heard.launch()
        heard.engine.order_steps([SignalRunner(runner_id="gone.0.0", signal=15, grace_s=1)])
        heard.engine.order_steps([ForgetRunners(runner_ids=("gone.0.0",))])
        heard.engine.signal("gone", 10, steps_only=True)
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=0)
        await heard.ended(one.launch_id)

    run(body)


def test_engine_that_places_says_by_which_id_it_knows_a_launch(run: Run) -> None:
    async def body(heard: Heard) -> None:
        if heard.engine.abilities.places is not Placing.ENGINE or isinstance(heard.engine, FakeEngine):
            return
        one = heard.launch()
        heard.engine.start([one])
        await heard.until(lambda: bool(heard.of(LaunchTaken)))
        assert heard.of(LaunchTaken)[0].launch_id == one.launch_id
        heard.engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=5)
        await heard.ended(one.launch_id)

    run(body)


def test_held_launch_starts_only_when_it_may_in_engines_that_place(run: Run) -> None:
    async def body(heard: Heard) -> None:
        engine = heard.engine
        if engine.abilities.places is not Placing.ENGINE:
            assert not isinstance(engine, Queue) or isinstance(engine, FakeEngine)
            return
        assert isinstance(engine, Queue)
        engine.hold("nobody", held=True)
        one = heard.launch()
        engine.start([one])
        engine.hold(one.launch_id, held=False)
        await heard.until(lambda: bool(heard.of(LaunchStarted)))
        engine.stop(one.launch_id, signal=signal.SIGKILL, grace_s=5)
        await heard.ended(one.launch_id)

    run(body)


def test_engine_declares_each_lack_with_a_sentence(run: Run) -> None:
    async def body(heard: Heard) -> None:
        abilities = heard.engine.abilities
        assert len(abilities.lacks) <= 8
        for sentence in abilities.lacks.values():
            assert " " in sentence
            assert not sentence.endswith(".")
        if Lack.STEPS in abilities.lacks:
            assert not heard.engine.steps

    run(body)
