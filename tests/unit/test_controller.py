"""What the controller makes of requests and of what the engine reports, from submission to record."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.array import parse_indexes
from launchyard.model.change import Change
from launchyard.model.dependency import parse_dependency
from launchyard.model.errors import Conflict, Infeasible, LaunchyardError, NotFound
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.state import ENDED, TRANSITIONS, JobState
from launchyard.model.submission import Submission, Update
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, BOB, NODES, ROOT, running_yard

S = JobState


def lives(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test."""

    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 120))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@lives
async def test_job_goes_from_submission_to_recorded_end() -> None:
    async with running_yard() as yard:
        job = await yard.submit(command=("python", "train.py"), cpus_milli=2000, memory_mib=100)
        launch_id = await yard.until_launched(job.id)
        await yard.until_state(job.id, S.RUNNING)
        yard.engine.finish(launch_id, exit_code=3)
        ended = await yard.until_ended(job.id)
        assert (ended.state, ended.exit_code) == (S.FAILED, 3)
        (launch,) = yard.engine.launches
        assert (launch.argv, launch.cpu_ids, launch.memory_mib) == (("python", "train.py"), (0, 1), 100)
        await yard.until(lambda: yard.engine.acknowledged > 0)
        assert yard.controller.live_job(job.id) is None


@lives
async def test_what_is_answered_is_durable() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await yard.submit()
        assert yard.store.job(job.id) is not None


@lives
async def test_nothing_is_launched_before_its_allocation_is_durable() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await yard.submit()
        launch_id = await yard.until_launched(job.id)
        stored = yard.store.job(job.id)
        assert stored is not None
        assert stored.attempt is not None
        assert (stored.state, stored.attempt.launch_id) == (S.STARTING, launch_id)


@lives
async def test_waiting_job_starts_when_another_ends() -> None:
    async with running_yard() as yard:
        first = await yard.submit(cpus_milli=2000)
        second = await yard.submit(cpus_milli=1000)
        await yard.until_state(first.id, S.RUNNING)
        assert yard.state(second.id) is S.PENDING
        reason = yard.controller.reason(second.id)
        assert reason is not None
        assert reason.sentence == "waits for 1 CPU: 2 of 2 are held by job 1 (ada)"
        yard.engine.finish(yard.launch_id(first.id))
        await yard.until_state(second.id, S.RUNNING)


@lives
async def test_array_runs_all_its_tasks_with_records_of_their_own() -> None:
    async with running_yard(obedience=Obedience.COMPLETE) as yard:
        indexes, throttle = parse_indexes("1-20%3")
        record = await yard.submit(indexes=indexes, throttle=throttle)
        ended = await yard.until_ended(record.id)
        tasks = [job for n in range(1, 21) if (job := yard.store.job_of_task(record.id, n)) is not None]
        assert (ended.state, len(tasks), {task.state for task in tasks}) == (S.COMPLETED, 20, {S.COMPLETED})
        assert len({task.id for task in tasks}) == 20


@lives
async def test_dependent_job_waits_for_the_array_and_then_runs() -> None:
    async with running_yard() as yard:
        record = await yard.submit(indexes=parse_indexes("1-2")[0])
        after = await yard.submit(dependency=parse_dependency(f"afterok:{record.id}"))
        await yard.until(lambda: len(yard.engine.running) == 2)
        assert yard.state(after.id) is S.PENDING
        for launch_id in list(yard.engine.running):
            yard.engine.finish(launch_id)
        await yard.until_state(after.id, S.RUNNING)


@lives
async def test_job_whose_dependency_failed_is_cancelled_with_the_reason() -> None:
    async with running_yard() as yard:
        first = await yard.submit()
        after = await yard.submit(dependency=parse_dependency(f"afterok:{first.id}"))
        yard.engine.finish(await yard.until_launched(first.id), exit_code=1)
        ended = await yard.until_ended(after.id)
        assert (ended.state, ended.cause) == (
            S.CANCELLED,
            f"dependency afterok:{first.id} can never be satisfied: job {first.id} is FAILED",
        )


@lives
async def test_dependency_on_a_job_that_ended_long_ago_is_known_from_the_store() -> None:
    async with running_yard(obedience=Obedience.COMPLETE) as yard:
        first = await yard.submit()
        await yard.until_ended(first.id)
        after = await yard.submit(dependency=parse_dependency(f"afterok:{first.id}"))
        assert (await yard.until_ended(after.id)).state is S.COMPLETED
        with pytest.raises(Infeasible):
            await yard.submit(dependency=parse_dependency(f"afternotok:{first.id}"))
        with pytest.raises(Infeasible):
            await yard.submit(dependency=parse_dependency("afterok:999"))


@lives
async def test_cancelled_running_job_ends_when_its_processes_are_gone() -> None:
    async with running_yard() as yard:
        job = await yard.submit()
        await yard.until_state(job.id, S.RUNNING)
        asked = await yard.controller.cancel(ADA, yard.ref(job.id))
        assert asked.stop_requested == "cancelled by ada"
        assert (await yard.until_ended(job.id)).state is S.CANCELLED


@lives
async def test_cancelled_array_cancels_what_runs_and_what_waits() -> None:
    async with running_yard() as yard:
        record = await yard.submit(indexes=parse_indexes("1-1000")[0])
        await yard.until(lambda: len(yard.engine.running) == 2)
        await yard.controller.cancel(ADA, yard.ref(record.id))
        ended = await yard.until_ended(record.id)
        assert ended.state is S.CANCELLED
        assert ended.array is not None
        assert ended.array.counts == {S.CANCELLED: 1000}
        assert len(yard.engine.launches) == 2


@lives
async def test_one_waiting_task_can_be_cancelled_alone() -> None:
    async with running_yard() as yard:
        record = await yard.submit(indexes=parse_indexes("1-10")[0])
        await yard.until(lambda: len(yard.engine.running) == 2)
        cancelled = await yard.controller.cancel(ADA, yard.ref(record.id, 7))
        assert cancelled.task is not None
        assert (cancelled.state, cancelled.task.index) == (S.CANCELLED, 7)
        array = yard.job(record.id).array
        assert array is not None
        assert 7 not in array.waiting


@lives
async def test_held_job_waits_until_it_is_released() -> None:
    async with running_yard() as yard:
        job = await yard.submit(held=True)
        reason = yard.controller.reason(job.id)
        assert (yard.state(job.id), reason and reason.code) == (S.PENDING, "held")
        await yard.controller.release(ADA, yard.ref(job.id))
        await yard.until_state(job.id, S.RUNNING)


@lives
async def test_requeued_job_runs_again_under_a_new_launch() -> None:
    async with running_yard() as yard:
        job = await yard.submit()
        await yard.until_state(job.id, S.RUNNING)
        first = yard.launch_id(job.id)
        await yard.controller.requeue(ADA, yard.ref(job.id))
        await yard.until(lambda: yard.job(job.id).attempts == 2 and yard.state(job.id) is S.RUNNING)
        assert yard.launch_id(job.id) != first


@lives
async def test_objects_of_others_are_as_good_as_missing() -> None:
    """Threat 10."""
    async with running_yard() as yard:
        job = await yard.submit()
        errors = []
        for caller, job_id in ((BOB, job.id), (BOB, 999)):
            with pytest.raises(NotFound) as caught:
                await yard.controller.cancel(caller, yard.ref(job_id))
            errors.append(str(caught.value).replace(str(job_id), "N"))
        assert errors[0] == errors[1]
        assert (await yard.controller.cancel(ROOT, yard.ref(job.id))).stop_requested == "cancelled by root"


class TellsLate(MemoryStore):
    """What ends is durable some time before the loop hears that it is."""

    def __init__(self) -> None:
        super().__init__()
        self.tell = threading.Event()

    def commit(self, changes: Sequence[Change]) -> None:
        super().commit(changes)
        if any(job.state in ENDED for change in changes for job in change.jobs):
            self.tell.wait(60)


async def turns(count: int) -> None:
    """Let the loop turn, so that what needs no other thread is done."""
    for _ in range(count):
        await asyncio.sleep(0)


@lives
async def test_dependency_on_a_job_whose_end_the_loop_hears_of_meanwhile_is_known() -> None:
    store = TellsLate()
    async with running_yard(store=store, obedience=Obedience.COMPLETE) as yard:
        first = await yard.submit()
        await yard.until_ended(first.id)
        coming = asyncio.create_task(yard.submit(dependency=parse_dependency(f"afterok:{first.id}")))
        await turns(20)
        store.tell.set()
        after = await coming
        assert (await yard.until_ended(after.id)).state is S.COMPLETED


@lives
async def test_job_whose_end_the_loop_has_not_heard_of_has_ended_for_every_order() -> None:
    store = TellsLate()
    async with running_yard(store=store, obedience=Obedience.COMPLETE) as yard:
        job = await yard.submit()
        await yard.until_ended(job.id)
        asking = [asyncio.ensure_future(yard.controller.cancel(ADA, yard.ref(job.id)))]
        asking.append(asyncio.ensure_future(yard.controller.hold(ADA, yard.ref(job.id))))
        await turns(20)
        store.tell.set()
        for one in asking:
            with pytest.raises(Conflict, match="has ended"):
                await one


@lives
async def test_job_whose_end_the_loop_has_not_heard_of_is_forgotten_once_it_has() -> None:
    store = TellsLate()
    async with running_yard(store=store, obedience=Obedience.COMPLETE) as yard:
        ended = await yard.until_ended((await yard.submit(submission_id="known")).id)
        forgetting = asyncio.ensure_future(yard.controller.reviving.forget(ended))
        await turns(20)
        store.tell.set()
        await forgetting
        kept = yard.store.job(ended.id)
        assert kept is not None
        assert kept.forgotten


@lives
async def test_ended_job_cannot_be_cancelled_again() -> None:
    async with running_yard(obedience=Obedience.COMPLETE) as yard:
        job = await yard.submit()
        await yard.until_ended(job.id)
        with pytest.raises(Conflict, match="has ended"):
            await yard.controller.cancel(ADA, yard.ref(job.id))


@lives
async def test_impossible_request_is_refused_with_the_largest_there_is() -> None:
    async with running_yard() as yard:
        with pytest.raises(Infeasible, match="no node has 512 GiB; the largest has 4 GiB"):
            await yard.submit(memory_mib=512 * 1024)


@lives
async def test_one_bad_item_of_a_list_does_not_spoil_the_others() -> None:
    async with running_yard() as yard:
        good, bad = Submission(command=("true",)), Submission(command=("true",), gpus=3)
        results = await yard.controller.submit(ADA, [good, bad, good])
        assert [isinstance(result, LaunchyardError) for result in results] == [False, True, False]


@lives
async def test_same_idempotency_key_answers_the_same_jobs() -> None:
    async with running_yard() as yard:
        one = Submission(command=("true",))

        async def ask(digest: str = "d1") -> list[Job | LaunchyardError]:
            return await yard.controller.submit(ADA, [one], idempotency=("k1", digest))

        answers = await asyncio.gather(*(ask() for _ in range(20)))
        ids = {result.id for answer in answers for result in answer if isinstance(result, Job)}
        assert len(ids) == 1
        with pytest.raises(Conflict, match="another request"):
            await ask("d2")


@lives
async def test_submission_id_is_given_once_also_when_asked_at_once() -> None:
    async with running_yard() as yard:
        one = Submission(command=("true",), submission_id="mine")
        answers = await asyncio.gather(*(yard.controller.submit(ADA, [one]) for _ in range(10)))
        made = [answer[0] for answer in answers if isinstance(answer[0], Job)]
        refused = [answer[0] for answer in answers if isinstance(answer[0], LaunchyardError)]
        assert len(made) == 1
        assert all("already exists" in str(error) for error in refused)


@lives
async def test_lost_order_is_sent_again_in_the_same_epoch_only() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await yard.submit()
        launch_id = await yard.until_launched(job.id)
        yard.engine.lose()
        yard.engine.reconnect(forget=[launch_id])
        await yard.until(lambda: len(yard.engine.launches) == 2)
        assert yard.engine.launches[1].launch_id == launch_id


@lives
async def test_launch_unknown_in_another_epoch_is_lost() -> None:
    async with running_yard() as yard:
        job = await yard.submit()
        await yard.until_state(job.id, S.RUNNING)
        yard.engine.lose()
        yard.engine.reconnect(epoch="epoch-2")
        ended = await yard.until_ended(job.id)
        assert (ended.state, ended.exit_code) == (S.LOST, None)


@lives
async def test_nothing_starts_while_the_engine_does_not_answer() -> None:
    async with running_yard() as yard:
        yard.engine.lose()
        await yard.until(lambda: yard.controller.engine_lost_since is not None)
        job = await yard.submit()
        reason = yard.controller.reason(job.id)
        assert (yard.state(job.id), reason and reason.code) == (S.PENDING, "node-down")
        yard.engine.reconnect()
        await yard.until_state(job.id, S.RUNNING)


@lives
async def test_restarted_controller_takes_up_what_ran_and_what_waited() -> None:
    store = MemoryStore()
    engine = FakeEngine(NODES, obedience=Obedience.START)
    async with running_yard(store=store, engine=engine) as yard:
        first = await yard.submit(cpus_milli=2000)
        waiting = await yard.submit()
        await yard.until_durable(first.id, S.RUNNING)
    async with running_yard(store=store, engine=engine) as yard:
        assert (yard.state(first.id), yard.state(waiting.id)) == (S.RUNNING, S.PENDING)
        yard.engine.finish(yard.launch_id(first.id))
        await yard.until_state(waiting.id, S.RUNNING)
        assert (await yard.submit()).id > waiting.id


@lives
async def test_drained_node_takes_no_new_work_and_stays_drained_over_a_restart() -> None:
    store = MemoryStore()
    async with running_yard(store=store) as yard:
        await yard.controller.mark_node("node", NodeState.DRAIN, "new disk")
        job = await yard.submit()
        reason = yard.controller.reason(job.id)
        assert reason is not None
        assert "node (new disk)" in reason.sentence
    async with running_yard(store=store) as yard:
        assert yard.state(job.id) is S.PENDING
        await yard.controller.mark_node("node", NodeState.UP, "")
        await yard.until_state(job.id, S.RUNNING)


@lives
async def test_many_cancels_of_one_job_have_one_outcome() -> None:
    """F32: cancel against start against exit."""
    async with running_yard(obedience=Obedience.COMPLETE) as yard:
        jobs = [await yard.submit() for _ in range(20)]
        ids = [job.id for job in jobs]

        async def cancel(job: Job) -> None:
            with contextlib.suppress(Conflict):
                await yard.controller.cancel(ADA, yard.ref(job.id))

        await asyncio.gather(*(cancel(job) for job in jobs for _ in range(10)))
        for job in jobs:
            await yard.until_ended(job.id)
        # What is durable is told in another turn of the loop.
        await yard.until(lambda: {event.job_id for event in yard.seen if event.state in ENDED} == set(ids))
        moves = [(event.previous, event.state) for event in yard.seen if event.previous is not None]
        assert all(after in TRANSITIONS[before].values() for before, after in moves)
        ends = [event.job_id for event in yard.seen if event.state not in TRANSITIONS]
        assert len(ends) == len(set(ends)) == 20
        assert all(count <= 1 for count in yard.engine.starts.values())


@lives
async def test_waiting_job_can_be_changed_and_of_a_running_one_little() -> None:
    async with running_yard() as yard:
        first = await yard.submit(cpus_milli=2000)
        second = await yard.submit(cpus_milli=2000)
        await yard.until_state(first.id, S.RUNNING)
        changed = await yard.controller.update(ADA, yard.ref(second.id), Update(time_limit_s=60))
        assert changed.time_limit_s == 60
        with pytest.raises(Conflict, match="only its time limit"):
            await yard.controller.update(ADA, yard.ref(first.id), Update(cpus_milli=1000))


@pytest.mark.long
@lives
async def test_never_more_is_allocated_than_exists() -> None:
    """P6."""
    nodes = (Node(name="a", cpus=3, memory_mib=1000, gpus=2), Node(name="b", cpus=2, memory_mib=500))
    async with running_yard(nodes=nodes) as yard:
        for n in range(30):
            await yard.submit(cpus_milli=500 * (1 + n % 4), memory_mib=100 * (1 + n % 5), gpus=n % 2)
        for _ in range(30):
            for use in yard.controller.node_uses():
                assert use.cpus_milli <= use.node.cpus * 1000
                assert use.memory_mib <= use.node.memory_mib
                assert use.gpus <= use.node.gpus
            for launch_id in list(yard.engine.running)[:1]:
                yard.engine.finish(launch_id)
            await asyncio.sleep(0.002)


@lives
async def test_job_that_cannot_be_killed_keeps_what_it_holds_and_its_node_is_drained() -> None:
    """F20."""
    nodes = (Node(name="a", cpus=1, memory_mib=100), Node(name="b", cpus=1, memory_mib=100))
    async with running_yard(nodes=nodes, unkillable_s=0) as yard:
        stuck = await yard.submit(memory_mib=1)
        await yard.until_state(stuck.id, S.RUNNING)
        yard.engine.main_ended(yard.launch_id(stuck.id))
        await yard.until_state(stuck.id, S.COMPLETING)
        attempt = yard.job(stuck.id).attempt
        assert attempt is not None
        (name,) = attempt.allocation.nodes
        await yard.until(
            lambda: any(use.node.state is NodeState.DRAIN for use in yard.controller.node_uses())
        )
        (use,) = [use for use in yard.controller.node_uses() if use.node.name == name]
        assert (use.node.state, use.cpus_milli) == (NodeState.DRAIN, 1000)
        assert use.node.reason == f"job {stuck.id} cannot be killed"
        other = await yard.submit(memory_mib=1)
        await yard.until_state(other.id, S.RUNNING)
        yard.engine.finish(yard.launch_id(stuck.id), exit_code=0)
        assert (await yard.until_ended(stuck.id)).state is S.COMPLETED


@lives
async def test_jumps_of_the_clock_end_no_job_and_move_none_outside_the_table() -> None:
    """F9: an hour on, an hour back, ten years back, and a step with every look."""
    now = [1_000_000_000.0]
    async with running_yard(clock=lambda: now[0]) as yard:
        running = await yard.submit(time_limit_s=60)
        waiting = await yard.submit(cpus_milli=2000, time_limit_s=60)
        await yard.until_state(running.id, S.RUNNING)
        for jump in (3600, -3600, -10 * 365 * 86400, *[(-1) ** n * 1000 * n for n in range(20)]):
            now[0] += jump
            await yard.controller.outlook(ADA, yard.job(waiting.id))
            await yard.submit(held=True)
            assert (yard.state(running.id), yard.state(waiting.id)) == (S.RUNNING, S.PENDING)
        yard.engine.finish(yard.launch_id(running.id))
        await yard.until_state(waiting.id, S.RUNNING)
        moves = [(event.previous, event.state) for event in yard.seen if event.previous is not None]
        assert all(after in TRANSITIONS[before].values() for before, after in moves)


@lives
async def test_all_starts_of_a_pass_count_from_the_moment_that_it_was_planned_for() -> None:
    """Else a job could stay longer than the plan believed, into what it keeps for another."""
    told = [1_000_000.0]

    def clock() -> float:
        told[0] += 0.25
        return told[0]

    async with running_yard(clock=clock) as yard:
        blocker = await yard.submit(cpus_milli=2000)
        await yard.until_launched(blocker.id)
        array = await yard.submit(indexes=parse_indexes("1-2")[0])
        yard.engine.finish(yard.launch_id(blocker.id))
        await yard.until(lambda: len(yard.engine.launches) == 3)
        tasks = [yard.job(one.job_id) for one in yard.engine.launches[1:]]
        moments = {task.attempt.allocated_at for task in tasks if task.attempt is not None}
        assert len(moments) == 1
        assert {task.task.job_id for task in tasks if task.task is not None} == {array.id}
