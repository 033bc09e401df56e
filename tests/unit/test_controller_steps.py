"""Steps of running jobs: durable before they start, ended by their runners, their job, or nobody's word."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.engine.protocol import ForgetRunners, SignalRunner, StartRunner
from launchyard.model.errors import Conflict, Infeasible, NotFound
from launchyard.model.node import Node
from launchyard.model.state import JobState
from launchyard.model.step import Step, StepRequest, StepState
from launchyard.store.memory import MemoryStore
from launchyard.store.protocol import StepQuery
from tests.unit.helper_process import on_loop
from tests.unit.yard import Yard, running_yard

TWO = (Node(name="n1", cpus=2, memory_mib=4096), Node(name="n2", cpus=2, memory_mib=4096))


def looped(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """A test that runs on a loop of its own."""

    @wraps(test)
    def run() -> None:
        on_loop(test())

    return run


async def running_job(yard: Yard, **asked: Any) -> int:
    job = await yard.submit(**({"cpus_milli": 2000, "memory_mib": 1000} | asked))
    await yard.until_state(job.id, JobState.RUNNING)
    return job.id


async def start(yard: Yard, job_id: int, **asked: Any) -> Step:
    return await yard.controller.steps.start(job_id, StepRequest(connect="/run/s", **asked))


def stored(yard: Yard, job_id: int) -> list[Step]:
    return yard.store.steps(StepQuery(job_ids=(job_id,)))


async def until_closed(yard: Yard, step: Step) -> Step:
    def found() -> list[Step]:
        return [one for one in stored(yard, step.job_id) if one.key == step.key and one.ended]

    await yard.until(lambda: bool(found()))
    return found()[0]


@looped
async def test_a_step_is_durable_when_its_runner_starts() -> None:
    async with running_yard() as yard:
        job_id = await running_job(yard)

        step = await start(yard, job_id, name="solve", tasks=1, cpus_per_task_milli=1000)

        assert stored(yard, job_id) == [step]
        (order,) = [one for one in yard.engine.orders if isinstance(one, StartRunner)]
        assert order.runner_id == f"{yard.launch_id(job_id)}.0.0"
        words = ("--connect", "/run/s", "--node", "node", "--job", str(job_id), "--step", "0")
        assert order.arguments == words


@looped
async def test_a_step_ends_with_the_worst_of_its_runners() -> None:
    async with running_yard(nodes=TWO) as yard:
        job_id = await running_job(yard, nodes=2, cpus_milli=4000)
        step = await start(yard, job_id, tasks=4)

        assert [(share.node, share.tasks) for share in step.shares] == [("n1", (0, 1)), ("n2", (2, 3))]
        yard.engine.end_runner(step.runner_id(1), exit_code=3, cpu_s=0.5, memory_peak_mib=7.0)
        yard.engine.end_runner(step.runner_id(0), exit_code=0, cpu_s=0.25, memory_peak_mib=9.0)
        step = await until_closed(yard, step)

        assert (step.state, step.exit_code, step.signal) == (StepState.FAILED, 3, None)
        assert (step.usage.cpu_s, step.usage.memory_peak_mib) == (0.75, 9.0)
        await yard.until(lambda: sum(isinstance(one, ForgetRunners) for one in yard.engine.orders) == 2)


@looped
async def test_steps_wait_for_cpus_that_others_hold_unless_they_overlap() -> None:
    async with running_yard() as yard:
        job_id = await running_job(yard)
        first = await start(yard, job_id, tasks=2, cpus_per_task_milli=1000)

        with pytest.raises(Conflict) as busy:
            await start(yard, job_id, tasks=1, cpus_per_task_milli=1000)
        assert busy.value.code == "step-busy"
        with pytest.raises(Infeasible, match="room for 2"):
            await start(yard, job_id, tasks=3, cpus_per_task_milli=1000)
        assert (await start(yard, job_id, tasks=1, overlap=True)).number == 1

        yard.engine.end_runner(first.runner_id(0), exit_code=0)
        await until_closed(yard, first)
        assert (await start(yard, job_id, tasks=2, cpus_per_task_milli=1000)).number == 2


@looped
async def test_who_waits_hears_of_the_end_of_a_step() -> None:
    async with running_yard() as yard:
        job_id = await running_job(yard)
        steps = yard.controller.steps
        assert await steps.freed(job_id, 30)
        step = await start(yard, job_id)
        assert not await steps.freed(job_id, 0)

        both = [asyncio.create_task(steps.freed(job_id, 30)) for _ in range(2)]
        await asyncio.sleep(0)
        yard.engine.end_runner(step.runner_id(0), exit_code=0)

        assert await asyncio.gather(*both) == [True, True]


@looped
async def test_a_step_ends_with_its_job() -> None:
    async with running_yard(obedience=Obedience.START) as yard:
        job_id = await running_job(yard)
        step = await start(yard, job_id)

        yard.engine.finish(yard.launch_id(job_id), signal=15, timed_out=True)
        step = await until_closed(yard, step)

        assert (step.state, step.exit_code, step.signal) == (StepState.TIMEOUT, None, None)
        with pytest.raises(Conflict) as over:
            await start(yard, job_id)
        assert over.value.code == "job-not-running"


@looped
async def test_a_cancelled_step_is_told_to_end_and_its_job_goes_on() -> None:
    async with running_yard() as yard:
        job_id = await running_job(yard)
        step = await start(yard, job_id)

        await yard.controller.steps.cancel(job_id, 0, "ada")
        assert SignalRunner(runner_id=step.runner_id(0), signal=15, grace_s=30) in yard.engine.orders
        yard.engine.end_runner(step.runner_id(0), signal=15)

        step = await until_closed(yard, step)
        assert (step.state, step.signal) == (StepState.CANCELLED, 15)
        assert yard.state(job_id) is JobState.RUNNING
        with pytest.raises(NotFound):
            await yard.controller.steps.signal(job_id, 0, 10)


@looped
async def test_after_a_restart_steps_go_on_and_orders_that_were_lost_are_given_again() -> None:
    store, nodes = MemoryStore(), (Node(name="node", cpus=4, memory_mib=4096),)
    engine = FakeEngine(nodes, obedience=Obedience.START)
    one = {"tasks": 1, "cpus_per_task_milli": 1000}
    async with running_yard(store=store, engine=engine, nodes=nodes) as yard:
        job_id = await running_job(yard, cpus_milli=4000)
        first, second, third = [await start(yard, job_id, **one) for _ in range(3)]
        await yard.controller.steps.cancel(job_id, 2, "ada")
    engine.end_runner(second.runner_id(0), exit_code=4)
    # As if the daemon had died before its orders left.
    engine.runners.clear()
    async with running_yard(store=store, engine=engine, nodes=nodes) as yard:
        second, third = await until_closed(yard, second), await until_closed(yard, third)

        assert (second.state, second.exit_code) == (StepState.FAILED, 4)
        assert (third.state, third.exit_code) == (StepState.CANCELLED, None)
        assert "no record" in str(third.cause)
        await yard.until(lambda: list(engine.runners) == [first.runner_id(0)])
        assert (await start(yard, job_id, **one)).number == 3
        engine.end_runner(first.runner_id(0), exit_code=0)
        assert (await until_closed(yard, first)).state is StepState.COMPLETED


@looped
async def test_steps_of_a_journal_that_is_gone_are_closed_without_an_exit_code() -> None:
    async with running_yard() as yard:
        job_id = await running_job(yard)
        step = await start(yard, job_id)

        yard.engine.lose()
        yard.engine.reconnect(epoch="another")
        step = await until_closed(yard, step)

        assert (step.state, step.exit_code, step.signal) == (StepState.CANCELLED, None, None)
        assert (await yard.until_ended(job_id)).state is JobState.LOST


@looped
async def test_a_step_may_be_asked_for_before_we_know_that_the_job_runs() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await yard.submit()
        launch_id = await yard.until_launched(job.id)

        yard.engine.begin(launch_id)
        step = await start(yard, job.id)

        assert step.number == 0
