"""Jobs at work: suspended, resumed, shortened, on nodes that fail; on the fake engine."""

from typing import TypeVar

import pytest

from launchyard.engine.fake import LimitOrder, SuspendOrder
from launchyard.model.array import parse_indexes
from launchyard.model.dependency import Dependency, parse_dependency
from launchyard.model.errors import Conflict, Forbidden, Infeasible, Unavailable
from launchyard.model.node import Node, NodeState
from launchyard.model.state import JobState
from launchyard.model.submission import Update
from launchyard.store.memory import MemoryStore
from tests.unit.test_controller import lives
from tests.unit.yard import ADA, BOB, ROOT, Yard, running_yard

S = JobState
NOW = 1_000_000.0
T = TypeVar("T")


def orders(yard: Yard, kind: type[T]) -> list[T]:
    return [order for order in yard.engine.orders if isinstance(order, kind)]


@lives
async def test_suspended_job_keeps_what_it_holds_and_goes_on_when_it_is_resumed() -> None:
    now = [NOW]
    async with running_yard(clock=lambda: now[0]) as yard:
        job = await yard.submit(cpus_milli=2000)
        launch_id = await yard.until_launched(job.id)
        await yard.until_state(job.id, S.RUNNING)
        assert (await yard.controller.suspend(ADA, yard.ref(job.id))).state is S.SUSPENDED
        waiting = await yard.submit()
        assert (await yard.controller.suspend(ADA, yard.ref(job.id))).state is S.SUSPENDED
        assert yard.state(waiting.id) is S.PENDING
        now[0] += 30
        resumed = await yard.controller.resume(ADA, yard.ref(job.id))
        assert resumed.attempt is not None
        assert (resumed.state, resumed.attempt.suspended_s) == (S.RUNNING, 30)
        assert orders(yard, SuspendOrder) == [
            SuspendOrder(launch_id=launch_id, suspended=True),
            SuspendOrder(launch_id=launch_id, suspended=False),
        ]


@lives
async def test_only_what_runs_can_be_suspended_and_only_what_stands_resumed() -> None:
    async with running_yard() as yard:
        running = await yard.submit(cpus_milli=2000)
        await yard.until_state(running.id, S.RUNNING)
        waiting = await yard.submit()
        with pytest.raises(Conflict, match=f"job {waiting.id} is PENDING; only a running job"):
            await yard.controller.suspend(ADA, yard.ref(waiting.id))
        with pytest.raises(Conflict, match="only a suspended job can be resumed"):
            await yard.controller.resume(ADA, yard.ref(running.id))


@lives
async def test_suspended_job_can_be_cancelled() -> None:
    async with running_yard() as yard:
        job = await yard.submit()
        await yard.until_state(job.id, S.RUNNING)
        await yard.controller.suspend(ADA, yard.ref(job.id))
        await yard.controller.cancel(ADA, yard.ref(job.id))
        assert (await yard.until_ended(job.id)).state is S.CANCELLED


@lives
async def test_array_is_suspended_and_resumed_task_by_task() -> None:
    async with running_yard() as yard:
        array = await yard.submit(indexes=parse_indexes("1-3")[0])
        await yard.until(lambda: len(yard.engine.running) == 2)
        await yard.until_state(array.id + 1, S.RUNNING)
        await yard.until_state(array.id + 2, S.RUNNING)
        await yard.controller.suspend(ADA, yard.ref(array.id))
        assert [yard.state(array.id + n) for n in (1, 2)] == [S.SUSPENDED] * 2
        await yard.controller.resume(ADA, yard.ref(array.id))
        assert [yard.state(array.id + n) for n in (1, 2)] == [S.RUNNING] * 2
        with pytest.raises(Conflict, match="has no suspended task"):
            await yard.controller.resume(ADA, yard.ref(array.id))


@lives
async def test_suspension_outlives_a_restart_and_is_ordered_again() -> None:
    store = MemoryStore()
    async with running_yard(store=store) as yard:
        job = await yard.submit()
        await yard.until_state(job.id, S.RUNNING)
        await yard.controller.suspend(ADA, yard.ref(job.id))
        engine = yard.engine
    engine.orders.clear()
    async with running_yard(store=store, engine=engine) as yard:
        await yard.until(lambda: bool(orders(yard, SuspendOrder)))
        assert orders(yard, SuspendOrder)[0].suspended
        assert yard.state(job.id) is S.SUSPENDED


@lives
async def test_engine_of_an_older_version_is_not_asked() -> None:
    async with running_yard() as yard:
        job = await yard.submit()
        await yard.until_state(job.id, S.RUNNING)
        yard.engine.suspends = False
        with pytest.raises(Unavailable, match="older version"):
            await yard.controller.suspend(ADA, yard.ref(job.id))
        assert yard.state(job.id) is S.RUNNING


@lives
async def test_limit_of_a_running_job_falls_and_rises_for_administrators_alone() -> None:
    now = [NOW]
    async with running_yard(clock=lambda: now[0]) as yard:
        job = await yard.submit(time_limit_s=600)
        launch_id = await yard.until_launched(job.id)
        await yard.until_state(job.id, S.RUNNING)
        now[0] += 100
        shorter = await yard.controller.update(ADA, yard.ref(job.id), Update(time_limit_s=300))
        assert shorter.time_limit_s == 300
        with pytest.raises(Forbidden, match="may only fall"):
            await yard.controller.update(ADA, yard.ref(job.id), Update(time_limit_s=301))
        with pytest.raises(Conflict, match="has run for 1 min 40 s already; ask for --time 2m40s or more"):
            await yard.controller.update(ADA, yard.ref(job.id), Update(time_limit_s=90))
        with pytest.raises(Conflict, match="only its time limit"):
            await yard.controller.update(ADA, yard.ref(job.id), Update(cpus_milli=2000))
        await yard.controller.update(ROOT, yard.ref(job.id), Update(time_limit_s=900))
        assert orders(yard, LimitOrder) == [
            LimitOrder(launch_id=launch_id, time_limit_s=300),
            LimitOrder(launch_id=launch_id, time_limit_s=900),
        ]


@lives
async def test_waiting_job_gets_another_dependency_or_none() -> None:
    async with running_yard() as yard:
        first = await yard.submit(cpus_milli=2000)
        await yard.until_state(first.id, S.RUNNING)
        job = await yard.submit()
        other = parse_dependency(f"afterok:{first.id}")
        changed = await yard.controller.update(ADA, yard.ref(job.id), Update(dependency=other))
        reason = yard.controller.reason(job.id)
        assert reason is not None
        assert (changed.dependency, reason.sentence) == (other, f"waits for job 1 (afterok:{first.id})")
        none = await yard.controller.update(ADA, yard.ref(job.id), Update(dependency=Dependency(clauses=())))
        assert none.dependency is None
        assert job.id not in yard.controller._live.blocked
        with pytest.raises(Infeasible, match="no job 99 to wait for"):
            await yard.controller.update(
                ADA, yard.ref(job.id), Update(dependency=parse_dependency("afterok:99"))
            )


@lives
async def test_waiting_job_gets_a_deadline_and_loses_it() -> None:
    async with running_yard() as yard:
        await yard.submit(cpus_milli=2000)
        job = await yard.submit(time_limit_s=100)
        assert (
            await yard.controller.update(ADA, yard.ref(job.id), Update(deadline_at=NOW + 100))
        ).deadline_at == NOW + 100
        with pytest.raises(Infeasible, match="cannot end by its deadline"):
            await yard.controller.update(ADA, yard.ref(job.id), Update(deadline_at=NOW + 99))
        assert (
            await yard.controller.update(ADA, yard.ref(job.id), Update(deadline_at=0.0))
        ).deadline_at is None


TWO = (Node(name="n1", cpus=2, memory_mib=4096), Node(name="n2", cpus=2, memory_mib=4096))


@lives
async def test_jobs_of_a_node_that_fails_end_or_wait_again() -> None:
    async with running_yard(nodes=TWO) as yard:
        stays = await yard.submit(cpus_milli=2000)
        await yard.until_state(stays.id, S.RUNNING)
        goes = await yard.submit(cpus_milli=1000)
        again = await yard.submit(cpus_milli=1000, requeue=True)
        await yard.until_state(again.id, S.RUNNING)
        node = yard.job(again.id).attempt
        assert node is not None
        yard.engine.fail_node(node.allocation.nodes[0], "its power is gone")
        ended = await yard.until_ended(goes.id)
        assert (ended.state, ended.cause) == (
            S.NODE_FAIL,
            f"node {node.allocation.nodes[0]} failed: its power is gone",
        )
        assert yard.state(stays.id) is S.RUNNING
        assert (yard.state(again.id), yard.job(again.id).requeues) == (S.PENDING, 1)
        yard.engine.finish(yard.launch_id(stays.id))
        await yard.until_state(again.id, S.RUNNING)


@lives
async def test_node_taken_down_ends_what_runs_there_before_it_runs_again() -> None:
    async with running_yard(nodes=TWO) as yard:
        job = await yard.submit(requeue=True)
        first = await yard.until_launched(job.id)
        await yard.until_state(job.id, S.RUNNING)
        name = yard.engine.launches[0].node
        await yard.controller.mark_node(name, NodeState.DOWN, "smells burnt")
        await yard.until(lambda: len(yard.engine.launches) == 2)
        assert yard.engine.launches[1].node != name
        assert [stop.launch_id for stop in yard.engine.stops] == [first]


@lives
async def test_node_given_up_while_nothing_answers_frees_its_jobs_and_what_comes_back_is_killed() -> None:
    async with running_yard() as yard:
        job = await yard.submit()
        launch_id = await yard.until_launched(job.id)
        await yard.until_state(job.id, S.RUNNING)
        yard.engine.lose()
        await yard.until(lambda: yard.controller.engine_lost_since is not None)
        await yard.controller.mark_node("node", NodeState.DOWN, "")
        assert (await yard.until_ended(job.id)).state is S.NODE_FAIL
        yard.engine.reconnect()
        await yard.until(lambda: launch_id in [stop.launch_id for stop in yard.engine.stops])


@lives
async def test_job_of_a_node_that_was_restarted_has_lost_its_node() -> None:
    async with running_yard() as yard:
        job = await yard.submit(requeue=True)
        await yard.until_state(job.id, S.RUNNING)
        yard.engine.finish(yard.launch_id(job.id), lost=True, node_lost=True, error="the node was restarted")
        await yard.until(lambda: yard.job(job.id).requeues == 1)
        assert yard.job(job.id).past[0].cause == "the node was restarted"


@lives
async def test_job_put_to_the_top_starts_before_the_others_of_its_user() -> None:
    async with running_yard() as yard:
        first = await yard.submit(cpus_milli=2000)
        await yard.until_state(first.id, S.RUNNING)
        others = [await yard.submit(cpus_milli=2000) for _ in range(2)]
        bobs = await yard.submit(BOB, cpus_milli=2000)
        last = await yard.submit(cpus_milli=2000)
        await yard.controller.top(ADA, yard.ref(last.id))
        started = []
        for _ in range(4):
            running = next(iter(yard.engine.running.values()))
            yard.engine.finish(running.launch_id)
            await yard.until(lambda gone=running: list(yard.engine.running.values()) not in ([], [gone]))  # type: ignore[misc]
            started.append(next(iter(yard.engine.running.values())).job_id)
        assert started == [last.id, others[0].id, bobs.id, others[1].id]


@lives
async def test_job_that_does_not_wait_for_its_turn_cannot_be_put_to_the_top() -> None:
    async with running_yard() as yard:
        first = await yard.submit(cpus_milli=2000)
        await yard.until_state(first.id, S.RUNNING)
        held = await yard.submit(held=True)
        with pytest.raises(Conflict, match="is RUNNING"):
            await yard.controller.top(ADA, yard.ref(first.id))
        with pytest.raises(Conflict, match="it is held"):
            await yard.controller.top(ADA, yard.ref(held.id))
