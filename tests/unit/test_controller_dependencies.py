"""Who waits for whom, over starts, ends, restarts and cancellations; on the fake engine."""

import asyncio
from typing import Any

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.array import parse_indexes
from launchyard.model.dependency import parse_dependency
from launchyard.model.errors import Infeasible
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.state import JobState
from launchyard.model.submission import Update
from launchyard.store.memory import MemoryStore
from tests.unit.test_controller import lives
from tests.unit.yard import ADA, BOB, Yard, running_yard

S = JobState
BIG = (Node(name="node", cpus=16, memory_mib=65536),)


async def after(yard: Yard, text: str, **asked: Any) -> Job:
    return await yard.submit(dependency=parse_dependency(text), **asked)


def sentence(yard: Yard, job_id: int) -> str:
    reason = yard.controller.reason(job_id)
    assert reason is not None
    return reason.sentence


@lives
async def test_job_after_a_delay_starts_when_it_has_passed() -> None:
    now = [1_000_000.0]
    async with running_yard(clock=lambda: now[0]) as yard:
        first = await yard.submit()
        second = await after(yard, f"after:{first.id}+5")
        await yard.until_state(first.id, S.RUNNING)
        assert sentence(yard, second.id) == f"waits for job 1 (after:{first.id}+5)"
        now[0] += 299
        assert yard.state(second.id) is S.PENDING
        now[0] += 1
        await yard.until_state(second.id, S.RUNNING)


@lives
async def test_kept_job_waits_on_and_says_that_it_waits_in_vain() -> None:
    async with running_yard() as yard:
        first = await yard.submit()
        kept = await after(yard, f"afterok:{first.id}", keep_on_failed_dependency=True)
        yard.engine.finish(await yard.until_launched(first.id), exit_code=1)
        await yard.until_ended(first.id)
        assert yard.state(kept.id) is S.PENDING
        assert sentence(yard, kept.id) == (
            f"dependency afterok:{first.id} can never be satisfied: job {first.id} is FAILED"
        )


@lives
async def test_kept_job_may_be_submitted_though_it_can_never_start() -> None:
    async with running_yard(obedience=Obedience.COMPLETE) as yard:
        first = await yard.submit()
        await yard.until_ended(first.id)
        kept = await after(yard, f"afternotok:{first.id}", keep_on_failed_dependency=True)
        assert "can never be satisfied" in sentence(yard, kept.id)


@lives
async def test_job_that_never_was_and_job_of_somebody_else_are_refused_alike() -> None:
    async with running_yard() as yard:
        others = await yard.submit(BOB)
        for number in (others.id, 999):
            with pytest.raises(Infeasible, match=f"no job {number} to wait for, or it is not yours"):
                await after(yard, f"afterany:{number}")


@lives
async def test_end_that_comes_while_the_dependent_is_on_its_way_is_not_missed() -> None:
    async with running_yard() as yard:
        first = await yard.submit()
        launch_id = await yard.until_launched(first.id)
        await yard.until_state(first.id, S.RUNNING)
        coming = asyncio.ensure_future(after(yard, f"afterok:{first.id}"))
        yard.engine.finish(launch_id)
        second = await coming
        await yard.until_state(second.id, S.RUNNING)


@lives
async def test_tasks_follow_the_tasks_of_the_same_index() -> None:
    async with running_yard(nodes=BIG) as yard:
        first = await yard.submit(indexes=parse_indexes("1-3")[0])
        second = await after(yard, f"aftercorr:{first.id}", indexes=parse_indexes("1-3")[0])
        await yard.until(lambda: len(yard.engine.running) == 3)
        tasks = {n: task for n in (1, 2, 3) if (task := yard.controller.live_task(first.id, n)) is not None}
        yard.engine.finish(yard.launch_id(tasks[2].id))
        await yard.until(lambda: yard.controller.live_task(second.id, 2) is not None)
        assert yard.controller.live_task(second.id, 1) is None
        yard.engine.finish(yard.launch_id(tasks[3].id), exit_code=1)
        await yard.until(lambda: yard.store.job_of_task(second.id, 3) is not None)
        failed = yard.store.job_of_task(second.id, 3)
        assert failed is not None
        assert (failed.state, failed.cause) == (
            S.CANCELLED,
            f"dependency aftercorr:{first.id} can never be satisfied: its task 3 did not complete",
        )


@lives
async def test_throttle_holds_for_tasks_that_follow_others() -> None:
    async with running_yard(nodes=BIG) as yard:
        first = await yard.submit(indexes=parse_indexes("1-6")[0])
        indexes, throttle = parse_indexes("1-6%2")
        second = await after(yard, f"aftercorr:{first.id}", indexes=indexes, throttle=throttle)
        await yard.until(lambda: len(yard.engine.running) == 6)
        held = await after(yard, f"afterany:{first.id}", cpus_milli=16_000)
        for launch_id in list(yard.engine.running)[:5]:
            yard.engine.finish(launch_id)
        most = 0
        for _ in range(5):
            await yard.until(lambda: any(launch.job_id > held.id for launch in yard.engine.running.values()))
            mine = [id for id, launch in yard.engine.running.items() if launch.job_id > held.id]
            most = max(most, len(mine))
            yard.engine.finish(mine[0])
        assert most <= 2
        assert yard.state(second.id) is S.RUNNING


@lives
async def test_array_that_ended_before_lets_its_counterpart_go_on_by_task() -> None:
    async with running_yard(nodes=BIG) as yard:
        first = await yard.submit(indexes=parse_indexes("1-2")[0])
        await yard.until(lambda: len(yard.engine.running) == 2)
        good, bad = list(yard.engine.running)
        yard.engine.finish(good)
        yard.engine.finish(bad, exit_code=1)
        await yard.until_ended(first.id)
        second = await after(yard, f"aftercorr:{first.id}", indexes=parse_indexes("1-2")[0])
        await yard.until(lambda: len(yard.engine.running) == 1)
        yard.engine.finish(next(iter(yard.engine.running)))
        ended = await yard.until_ended(second.id)
        assert ended.array is not None
        assert ended.array.counts == {S.COMPLETED: 1, S.CANCELLED: 1}


@lives
async def test_one_of_a_name_and_user_runs_at_a_time_the_earliest_first() -> None:
    async with running_yard(nodes=BIG) as yard:
        ids = [(await after(yard, "singleton", name="nightly")).id for _ in range(3)]
        other = await after(yard, "singleton", name="weekly")
        bobs = await yard.submit(BOB, dependency=parse_dependency("singleton"), name="nightly")
        await yard.until_state(other.id, S.RUNNING)
        await yard.until_state(bobs.id, S.RUNNING)
        for n, job_id in enumerate(ids):
            await yard.until_state(job_id, S.RUNNING)
            assert [yard.state(one) for one in ids[n + 1 :]] == [S.PENDING] * (2 - n)
            if n < 2:
                assert sentence(yard, ids[2]) == (
                    "waits until no other job named nightly of ada goes before it (singleton)"
                )
            yard.engine.finish(yard.launch_id(job_id))


@lives
async def test_requeued_singleton_waits_for_the_one_that_went_ahead() -> None:
    async with running_yard(nodes=BIG) as yard:
        first = await after(yard, "singleton", name="nightly")
        second = await after(yard, "singleton", name="nightly")
        await yard.until_state(first.id, S.RUNNING)
        await yard.controller.hold(ADA, yard.ref(second.id))
        await yard.controller.requeue(ADA, yard.ref(first.id))
        await yard.controller.release(ADA, yard.ref(second.id))
        await yard.until(lambda: len(yard.engine.launches) >= 2)
        assert sum(yard.state(one.id) is S.PENDING for one in (first, second)) == 1


@lives
async def test_what_was_satisfied_once_stays_so_over_a_restart() -> None:
    store = MemoryStore()
    async with running_yard(store=store) as yard:
        first = await yard.submit(cpus_milli=2000)
        second = await after(yard, f"after:{first.id}", cpus_milli=2000)
        await yard.until_state(first.id, S.RUNNING)
        await yard.until(lambda: (job := store.job(second.id)) is not None and job.dependency_met)
        engine = yard.engine
    async with running_yard(store=store, engine=engine) as yard:
        assert second.id not in yard.controller._live.blocked
        yard.engine.finish(yard.launch_id(first.id))
        await yard.until_state(second.id, S.RUNNING)


@lives
async def test_task_touched_alone_still_waits_for_what_its_array_waits_for() -> None:
    async with running_yard(nodes=BIG) as yard:
        first = await yard.submit()
        array = await after(yard, f"afterok:{first.id}", indexes=parse_indexes("1-2")[0])
        task = await yard.controller.hold(ADA, yard.ref(array.id, 1))
        await yard.controller.release(ADA, yard.ref(array.id, 1))
        assert yard.state(task.id) is S.PENDING
        assert "waits for job 1" in sentence(yard, task.id)
        yard.engine.finish(await yard.until_launched(first.id))
        await yard.until_state(task.id, S.RUNNING)


@lives
async def test_array_whose_dependency_failed_ends_with_all_its_tasks() -> None:
    async with running_yard() as yard:
        first = await yard.submit()
        array = await after(yard, f"afterok:{first.id}", indexes=parse_indexes("1-5")[0])
        yard.engine.finish(await yard.until_launched(first.id), exit_code=1)
        ended = await yard.until_ended(array.id)
        assert ended.array is not None
        assert (ended.state, ended.array.counts) == (S.CANCELLED, {S.CANCELLED: 5})
        assert ended.cause is not None
        assert "can never be satisfied" in ended.cause


@lives
async def test_long_line_of_dependents_is_walked_once() -> None:
    async with running_yard(engine=FakeEngine(BIG, obedience=Obedience.START), nodes=BIG) as yard:
        previous = await yard.submit()
        jobs = [previous]
        for _ in range(20):
            previous = await after(yard, f"afterok:{previous.id}")
            jobs.append(previous)
        yard.engine.finish(await yard.until_launched(jobs[0].id), exit_code=1)
        ends = [await yard.until_ended(job.id) for job in jobs[1:]]
        assert {job.state for job in ends} == {S.CANCELLED}


@lives
async def test_tasks_that_wait_for_others_still_do_after_a_restart() -> None:
    store = MemoryStore()
    async with running_yard(nodes=BIG, store=store) as yard:
        first = await yard.submit(indexes=parse_indexes("1-3")[0])
        second = await after(yard, f"aftercorr:{first.id}", indexes=parse_indexes("1-3")[0])
        await yard.until(lambda: len(yard.engine.running) == 3)
        yard.engine.finish(next(iter(yard.engine.running)))
        await yard.until_state(second.id, S.RUNNING)
        engine = yard.engine
    async with running_yard(nodes=BIG, store=store, engine=engine) as yard:
        await yard.until(lambda: len(engine.running) == 3)
        assert second.id in yard.controller._live.blocked
        assert len(engine.launches) == 4
        while not yard.job(second.id).ended:
            for launch_id in list(engine.running):
                engine.finish(launch_id)
            await asyncio.sleep(0.001)
        assert yard.job(second.id).state is S.COMPLETED


@lives
async def test_rest_of_an_array_gets_another_dependency() -> None:
    async with running_yard() as yard:
        other = await yard.submit(held=True)
        array = await yard.submit(indexes=parse_indexes("1-5")[0])
        await yard.until(lambda: len(yard.engine.running) == 2)
        wish = Update(dependency=parse_dependency(f"afterany:{other.id}"))
        await yard.controller.update(ADA, yard.ref(array.id), wish)
        for launch_id in list(yard.engine.running):
            yard.engine.finish(launch_id)
        await yard.until(lambda: not yard.engine.running)
        assert "waits for job 1" in sentence(yard, array.id)
        await yard.controller.cancel(ADA, yard.ref(other.id))
        await yard.until(lambda: len(yard.engine.running) == 2)
