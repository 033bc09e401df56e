"""What is told of jobs between the moment that something is decided and that everybody heard of it.

Once somebody was told of a job, every later answer tells the same of it, or something later.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from launchyard.api import history
from launchyard.api.ray_jobs import routes as ray
from launchyard.api.routes import accounting, efficiency, joblist, jobs, sessions, steptable, tables, tasks
from launchyard.engine.fake import Obedience
from launchyard.model.array import Indexes
from launchyard.model.job import Job, JobKind
from launchyard.model.session import Session
from launchyard.model.state import JobState
from tests.unit.asking import Asking, LateStore
from tests.unit.test_controller import lives, turns
from tests.unit.yard import ADA, Yard, running_yard

S = JobState


@asynccontextmanager
async def asked(**given: Any) -> AsyncIterator[tuple[Yard, Asking, LateStore]]:
    store = LateStore()
    async with running_yard(store=store, **given) as yard:
        asking = Asking(yard)
        try:
            yield yard, asking, store
        finally:
            store.open()
            asking.context.readers.shutdown()


async def running(yard: Yard, **given: Any) -> Job:
    job = await yard.submit(**given)
    await yard.until_durable(job.id, S.RUNNING)
    return yard.job(job.id)


async def ends_unheard(yard: Yard, store: LateStore, job: Job, **how: Any) -> None:
    """It ends, in memory; nothing of that is durable yet."""
    store.commits.shut()
    yard.engine.finish(yard.launch_id(job.id), **how)
    await yard.until(lambda: yard.job(job.id).ended)


async def gone(yard: Yard, store: LateStore, job_id: int) -> None:
    """Its end is durable, and everybody heard of it."""
    store.commits.open()
    await yard.until(lambda: yard.controller.live_job(job_id) is None)


async def read_before(yard: Yard, store: LateStore, asking: Any, job_id: int) -> Any:
    """What is answered by who read the store before the end of the job was there, and goes on after it."""
    store.reads.shut()
    answering = asyncio.ensure_future(asking)
    await yard.until(lambda: store.reads.waiting > 0 or answering.done())
    await gone(yard, store, job_id)
    store.reads.open()
    return await answering


@lives
async def test_no_list_tells_the_state_of_a_row_that_was_read_before_its_job_ended() -> None:
    async with asked() as (yard, asking, store):
        job = await running(yard)
        await ends_unheard(yard, store, job)
        assert (await asking.ask(jobs.show, in_job=job.id))["state"] == "COMPLETED"

        states = "RUNNING,FAILED"
        told = await read_before(yard, store, asking.ask(jobs.list_jobs, state=states), job.id)

        assert told["jobs"] == []


@lives
async def test_accounting_of_a_named_job_tells_its_end_once_another_answer_did() -> None:
    async with asked() as (yard, asking, store):
        job = await running(yard)
        await ends_unheard(yard, store, job)
        assert (await asking.ask(jobs.show, in_job=job.id))["state"] == "COMPLETED"

        table = asking.ask(accounting.accounting, ids=job.id, columns="id,state")
        told = await read_before(yard, store, table, job.id)

        assert told["rows"] == [[job.id, "COMPLETED"]]


@lives
async def test_accounting_of_an_array_has_a_task_that_split_off_and_ended_a_moment_ago() -> None:
    async with asked(obedience=Obedience.RECORD) as (yard, asking, store):
        record = await yard.submit(indexes=Indexes(((1, 9, 1),)), held=True)
        store.commits.shut()
        cancelling = asyncio.ensure_future(yard.controller.cancel(ADA, yard.ref(record.id, 3)))
        await yard.until(lambda: yard.controller.live_task(record.id, 3) is not None)

        found: dict[int, Job] = {}
        store.reads.shut()
        answering = asyncio.ensure_future(accounting._add_tasks(asking.context, record, found))
        await yard.until(lambda: store.reads.waiting > 0)
        store.commits.open()
        task = await cancelling
        await yard.until(lambda: yard.controller.live_job(task.id) is None)
        store.reads.open()
        await answering

        assert [one.state for one in found.values()] == [S.CANCELLED]


@lives
async def test_the_steps_table_tells_the_end_of_a_task_once_another_answer_did() -> None:
    async with asked() as (yard, asking, store):
        record = await yard.submit(indexes=Indexes(((1, 2, 1),)))
        await yard.until(lambda: len(yard.controller.live_tasks(record.id)) == 2)
        task = yard.controller.live_tasks(record.id)[0]
        await yard.until_durable(task.id, S.RUNNING)
        await ends_unheard(yard, store, task)

        named = steptable._named(asking.context, [yard.ref(record.id)])
        told = await read_before(yard, store, named, task.id)

        assert told[task.id].state is S.COMPLETED


@lives
async def test_the_grid_of_an_array_whose_end_is_on_its_way_to_the_store_has_all_its_tasks() -> None:
    async with asked() as (yard, asking, store):
        record = await yard.submit(indexes=Indexes(((1, 2, 1),)))
        await yard.until(lambda: len(yard.controller.live_tasks(record.id)) == 2)
        good, bad = yard.controller.live_tasks(record.id)
        for task in (good, bad):
            await yard.until_durable(task.id, S.RUNNING)
        await ends_unheard(yard, store, good)
        await ends_unheard(yard, store, bad, exit_code=3)
        assert yard.job(record.id).ended

        told = await asking.ask(tasks.tasks, in_job=record.id)

        assert (told["indexes"], told["states"]) == ("1-2", "CF")
        assert told["counts"] == {"COMPLETED": 1, "FAILED": 1}
        assert [one["id"] for one in told["not_completed"]] == [bad.id]


@lives
async def test_who_cancels_a_job_that_ends_meanwhile_is_told_how_it_ended() -> None:
    async with asked(obedience=Obedience.RECORD) as (yard, _asking, store):
        job = await yard.submit()
        yard.engine.begin(await yard.until_launched(job.id))
        await yard.until_durable(job.id, S.RUNNING)
        store.news.shut()
        cancelling = asyncio.ensure_future(yard.controller.cancel(ADA, yard.ref(job.id)))
        await yard.until(lambda: store.news.waiting > 0)
        yard.engine.finish(yard.launch_id(job.id), signal=15)
        await yard.until(lambda: yard.job(job.id).ended)
        store.news.open()

        # Whether it is told of before or after it heard that the job is gone.
        assert (await cancelling).state in (S.COMPLETED, S.CANCELLED)


@lives
async def test_a_card_that_is_deleted_in_the_turn_in_which_its_session_ends_is_gone() -> None:
    async with asked() as (yard, asking, _store):
        session = Session(app="tool", title="Tool", folder="/apps/tool")
        job = await running(yard, kind=JobKind.SESSION, session=session)
        yard.engine.finish(yard.launch_id(job.id))
        while not yard.job(job.id).ended:
            await turns(1)
        await asking.ask(sessions.delete, in_session=job.id)

        assert yard.controller.live_job(job.id) is None
        assert (await asking.ask(sessions.list_sessions))["sessions"] == []


@lives
async def test_who_submits_a_job_that_ends_before_the_answer_is_told_that_it_ended() -> None:
    async with asked(obedience=Obedience.COMPLETE) as (yard, asking, store):
        store.reads.shut()
        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(history, "PATIENCE_S", 60)
            submitting = asyncio.ensure_future(asking.ask(jobs.submit, body={"command": "true"}))
            await yard.until(lambda: any(event.state is S.COMPLETED for event in yard.seen))
            store.reads.open()

            assert (await submitting)["state"] == "COMPLETED"


@lives
async def test_efficiency_tells_of_a_job_whose_end_is_on_its_way_to_the_store() -> None:
    async with asked() as (yard, asking, store):
        job = await running(yard)
        await ends_unheard(yard, store, job)

        told = await asking.ask(efficiency.of_jobs, since="1970-01-01T00:00:00Z")

        assert [one["id"] for one in told["jobs"]] == [job.id]


@lives
async def test_nothing_of_rays_is_active_once_it_was_told_that_all_jobs_ended() -> None:
    async with asked() as (yard, asking, store):
        job = await running(yard, submission_id="mine")
        await ends_unheard(yard, store, job)
        assert (await asking.ask(ray.show, in_submission="mine"))["status"] == "SUCCEEDED"

        told = (await asking.ask(ray.activities))["driver"]

        assert (told["is_active"], told["last_activity_at"]) == ("INACTIVE", yard.job(job.id).ended_at)


@lives
async def test_a_job_that_comes_back_into_the_queue_is_in_every_list_while_it_comes() -> None:
    async with asked() as (yard, asking, store):
        job = await running(yard)
        yard.engine.finish(yard.launch_id(job.id))
        await yard.until(lambda: yard.controller.live_job(job.id) is None)
        store.news.shut()
        coming = asyncio.ensure_future(
            yard.controller.requeue(ADA, yard.ref(job.id), held=True, even_ended=True)
        )
        await yard.until_durable(job.id, S.PENDING)

        listed = await asking.ask(jobs.list_jobs, state="PENDING")
        table = await asking.ask(joblist.joblist)
        queue = await asking.ask(tables.jobs, columns="id,state")
        store.news.open()
        await coming

        assert [one["id"] for one in listed["jobs"]] == [job.id]
        assert table["columns"]["state"] == ["PENDING"]
        assert queue["rows"] == [[job.id, "PENDING"]]


@lives
async def test_a_task_that_comes_back_counts_in_its_array() -> None:
    async with asked(obedience=Obedience.RECORD) as (yard, _asking, _store):
        record = await yard.submit(indexes=Indexes(((1, 2, 1),)))
        await yard.until(lambda: len(yard.engine.launches) == 2)
        first, second = yard.controller.live_tasks(record.id)
        for task in (first, second):
            yard.engine.begin(yard.launch_id(task.id))
        yard.engine.finish(yard.launch_id(first.id), exit_code=1)
        await yard.until(lambda: yard.controller.live_job(first.id) is None)

        await yard.controller.requeue(ADA, yard.ref(first.id), even_ended=True)
        await yard.until(lambda: len(yard.engine.launches) == 3)
        yard.engine.begin(yard.launch_id(first.id))
        yard.engine.finish(yard.launch_id(first.id))
        await yard.until(lambda: yard.controller.live_job(first.id) is None)

        array = yard.job(record.id).array
        assert array is not None
        assert dict(array.counts) == {S.COMPLETED: 1, S.RUNNING: 1}
        assert not yard.job(record.id).ended
        yard.engine.finish(yard.launch_id(second.id))
        assert (await yard.until_ended(record.id)).state is S.COMPLETED


@lives
async def test_a_session_that_comes_back_while_the_ended_ones_are_read_is_in_every_list() -> None:
    async with asked(obedience=Obedience.RECORD) as (yard, asking, store):
        session = Session(app="tool", title="Tool", folder="/apps/tool")
        job = await yard.submit(kind=JobKind.SESSION, session=session)
        yard.engine.finish(await yard.until_launched(job.id))
        await yard.until(lambda: yard.controller.live_job(job.id) is None)
        lists: tuple[tuple[Any, dict[str, Any]], ...] = (
            (sessions.list_sessions, {}),
            (accounting.accounting, {"columns": "id"}),
            (tables.jobs, {"columns": "id", "recent": 1}),
        )
        store.before_reads.shut()
        answering = [asyncio.ensure_future(asking.ask(route, **given)) for route, given in lists]
        await yard.until(lambda: store.before_reads.waiting == len(lists))
        await yard.controller.requeue(ADA, yard.ref(job.id), even_ended=True)
        store.before_reads.open()
        cards, accounts, queue = [await one for one in answering]

        assert [one["id"] for one in cards["sessions"]] == [job.id]
        assert (accounts["rows"], queue["rows"]) == ([[job.id]], [[job.id]])
