"""Attempts that follow one another: retries, requeues and their limit, deadlines; on the fake engine."""

import pytest

from launchyard.engine.fake import Obedience
from launchyard.model.array import parse_indexes
from launchyard.model.errors import Infeasible
from launchyard.model.retries import Retries
from launchyard.model.state import JobState
from launchyard.store.memory import MemoryStore
from tests.unit.test_controller import lives
from tests.unit.yard import ADA, running_yard

pytestmark = pytest.mark.long

S = JobState
NOW = 1_000_000.0


@lives
async def test_failed_job_runs_again_after_its_pause_and_tells_its_attempts() -> None:
    now = [NOW]
    async with running_yard(clock=lambda: now[0]) as yard:
        job = await yard.submit(retries=Retries(count=1, backoff_s=60))
        first = await yard.until_launched(job.id)
        yard.engine.finish(first, exit_code=3)
        await yard.until(lambda: yard.job(job.id).retried == 1)
        reason = yard.controller.reason(job.id)
        assert reason is not None
        assert reason.sentence == (
            "is tried again at 1970-01-12T13:47:40Z (attempt 2 of 2); the last one: ended with exit code 3"
        )
        now[0] += 60
        await yard.until(lambda: len(yard.engine.launches) == 2)
        second = yard.launch_id(job.id)
        assert second != first
        yard.engine.finish(second, exit_code=4)
        ended = await yard.until_ended(job.id)
        assert (ended.state, ended.exit_code, ended.attempts) == (S.FAILED, 4, 2)
        assert [(past.number, past.exit_code) for past in ended.past] == [(1, 3)]


@lives
async def test_pause_goes_on_over_a_restart_and_nothing_runs_twice() -> None:
    now, store = [NOW], MemoryStore()
    async with running_yard(clock=lambda: now[0], store=store) as yard:
        job = await yard.submit(retries=Retries(count=3, backoff_s=60))
        yard.engine.finish(await yard.until_launched(job.id), exit_code=1)
        await yard.until(lambda: (kept := store.job(job.id)) is not None and kept.retried == 1)
        engine = yard.engine
    async with running_yard(clock=lambda: now[0], store=store, engine=engine) as yard:
        assert yard.state(job.id) is S.PENDING
        now[0] += 60
        await yard.until_state(job.id, S.RUNNING)
        assert sorted(engine.starts.values()) == [1, 1]


@lives
async def test_end_that_is_told_twice_uses_up_one_retry() -> None:
    async with running_yard() as yard:
        job = await yard.submit(retries=Retries(count=5, backoff_s=3600))
        yard.engine.finish(await yard.until_launched(job.id), exit_code=1)
        await yard.until(lambda: yard.job(job.id).retried == 1)
        yard.engine.lose()
        yard.engine.reconnect()
        await yard.until(lambda: yard.engine.connected)
        assert (yard.job(job.id).retried, yard.state(job.id)) == (1, S.PENDING)


@lives
async def test_task_that_fails_is_tried_again_and_its_array_waits_for_it() -> None:
    async with running_yard() as yard:
        array = await yard.submit(indexes=parse_indexes("1-2")[0], retries=Retries(count=1, backoff_s=0))
        await yard.until(lambda: len(yard.engine.running) == 2)
        good, bad = list(yard.engine.running)
        yard.engine.finish(good)
        yard.engine.finish(bad, exit_code=1)
        await yard.until(lambda: len(yard.engine.launches) == 3)
        assert yard.state(array.id) is S.RUNNING
        yard.engine.finish(next(iter(yard.engine.running)))
        assert (await yard.until_ended(array.id)).state is S.COMPLETED


@lives
async def test_job_requeued_too_often_is_held_until_it_is_released() -> None:
    async with running_yard(requeues_max=1) as yard:
        job = await yard.submit()
        for n in range(2):
            await yard.until(lambda n=n: len(yard.engine.launches) == n + 1)  # type: ignore[misc]
            await yard.until_state(job.id, S.RUNNING)
            await yard.controller.requeue(ADA, yard.ref(job.id))
        await yard.until(lambda: yard.job(job.id).held)
        reason = yard.controller.reason(job.id)
        assert reason is not None
        assert reason.sentence == (
            "was put back into the queue 2 times, more than the 1 allowed; `ly release 1` lets it go on"
        )
        await yard.controller.release(ADA, yard.ref(job.id))
        await yard.until_state(job.id, S.RUNNING)
        assert yard.job(job.id).requeues == 0


@lives
async def test_waiting_job_that_cannot_end_by_its_deadline_ends_at_once() -> None:
    now = [NOW]
    async with running_yard(clock=lambda: now[0]) as yard:
        await yard.submit(cpus_milli=2000)
        late = await yard.submit(time_limit_s=100, deadline_at=NOW + 150)
        now[0] += 50
        assert yard.state(late.id) is S.PENDING
        now[0] += 1
        ended = await yard.until_ended(late.id)
        assert (ended.state, ended.cause) == (
            S.DEADLINE,
            "it could not end by its deadline 1970-01-12T13:49:10Z: its time limit is 1 min 40 s",
        )


@lives
async def test_waiting_tasks_of_an_array_miss_their_deadline_together() -> None:
    now = [NOW]
    async with running_yard(clock=lambda: now[0]) as yard:
        array = await yard.submit(
            indexes=parse_indexes("1-5")[0], time_limit_s=100, deadline_at=NOW + 100, cpus_milli=2000
        )
        await yard.until(lambda: len(yard.engine.running) == 1)
        now[0] += 1
        await yard.until(lambda: (yard.job(array.id).array or array.array).counts.get(S.DEADLINE) == 4)  # type: ignore[union-attr]
        yard.engine.finish(next(iter(yard.engine.running)))
        assert (await yard.until_ended(array.id)).state is S.DEADLINE


@lives
async def test_job_without_a_limit_is_cut_at_its_deadline() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await yard.submit(deadline_at=NOW + 90_000, time_limit_s=86_400)
        await yard.until_launched(job.id)
        assert yard.engine.launches[0].time_limit_s == 86_400
        with pytest.raises(Infeasible, match="ask for --time 500s or less"):
            await yard.submit(deadline_at=NOW + 500, time_limit_s=501)
        with pytest.raises(Infeasible, match="is over before it may begin"):
            await yard.submit(deadline_at=NOW - 1, time_limit_s=501)


@lives
async def test_tasks_of_an_array_are_requeued_together() -> None:
    async with running_yard() as yard:
        array = await yard.submit(indexes=parse_indexes("1-2")[0])
        await yard.until(lambda: len(yard.engine.running) == 2)
        await yard.controller.requeue(ADA, yard.ref(array.id))
        await yard.until(lambda: len(yard.engine.launches) == 4)
        assert len({launch.launch_id for launch in yard.engine.launches}) == 4
