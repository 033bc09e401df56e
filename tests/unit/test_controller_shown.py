"""Who asks is told of jobs whose ids a crash cannot take back, and waits for nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from launchyard.api.routes import joblist, jobs, tables
from launchyard.controller import loop as loops
from launchyard.engine.fake import Obedience
from launchyard.model.array import Indexes
from launchyard.model.change import Change
from launchyard.model.errors import Unavailable
from launchyard.model.state import JobState
from tests.unit.asking import Asking, LateStore
from tests.unit.test_controller import turns
from tests.unit.yard import ADA, Yard, running_yard

PATIENCE_S = 60.0
TWO = Indexes(((1, 2, 1),))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is no database that does not answer."""
    monkeypatch.setattr(loops, "SHOWN_S", PATIENCE_S)


class FailingStore(LateStore):
    """Writes nothing while it `fails`."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    def commit(self, changes: Sequence[Change]) -> None:
        if self.fails:
            raise Unavailable("no disk")
        super().commit(changes)


@asynccontextmanager
async def late_yard(store: LateStore) -> AsyncIterator[tuple[Yard, Asking]]:
    """Nothing begins by itself."""
    async with running_yard(store=store, obedience=Obedience.RECORD) as yard:
        asking = Asking(yard)
        try:
            yield yard, asking
        finally:
            store.open()
            asking.context.readers.shutdown()


async def held_array(yard: Yard) -> int:
    return (await yard.submit(indexes=TWO, held=True)).id


async def split_off(yard: Yard, record_id: int) -> "asyncio.Task[Any]":
    """A task has an id of its own now, which is not durable."""
    kept = asyncio.ensure_future(yard.controller.hold(ADA, yard.ref(record_id, 1)))
    await yard.until(lambda: bool(yard.controller._live.tasks_of.get(record_id)))
    return kept


@pytest.mark.parametrize(
    ("route", "asked"),
    [(jobs.list_jobs, {}), (joblist.joblist, {}), (tables.jobs, {"columns": "id,state"}), (jobs.show, None)],
)
def test_an_answer_waits_for_the_commit_of_a_task_that_it_names(route: Any, asked: Any) -> None:
    async def live() -> None:
        store = LateStore()
        async with late_yard(store) as (yard, asking):
            record_id = await held_array(yard)
            store.commits.shut()
            released = await split_off(yard, record_id)
            by_name = {"in_job": f"{record_id}_1"} if asked is None else asked
            answer = asyncio.ensure_future(asking.ask(route, **by_name))
            await yard.until(lambda: asking.waiting == 1)
            await turns(20)
            assert not answer.done()
            store.open()
            assert await answer
            await released

    asyncio.run(live())


def test_who_asks_does_not_wait_for_a_commit_that_brings_no_job() -> None:
    async def live() -> None:
        store = LateStore()
        async with late_yard(store) as (yard, asking):
            job = await yard.submit(held=True)
            store.commits.shut()
            released = asyncio.ensure_future(yard.controller.release(ADA, yard.ref(job.id)))
            submitted = asyncio.ensure_future(yard.submit())
            await yard.until(lambda: store.commits.waiting == 1)
            assert [one["id"] for one in (await asking.ask(jobs.list_jobs))["jobs"]] == [job.id]
            assert not released.done()
            assert not submitted.done()
            store.open()
            await asyncio.gather(released, submitted)

    asyncio.run(live())


def test_who_asks_waits_for_the_ids_of_now_and_not_for_later_ones() -> None:
    async def live() -> None:
        store = LateStore()
        async with late_yard(store) as (yard, asking):
            first, second = await held_array(yard), await held_array(yard)
            store.commits.shut()
            released = [await split_off(yard, first)]
            answer = asyncio.ensure_future(asking.ask(jobs.show, in_job=f"{first}_1"))
            await yard.until(lambda: asking.waiting == 1 and store.commits.waiting == 1)
            store.news.shut()
            store.commits.open()
            await yard.until(lambda: store.news.waiting == 1)
            store.commits.shut()
            released.append(await split_off(yard, second))
            store.news.open()
            assert (await answer)["array"]["index"] == 1
            assert not released[1].done()
            store.open()
            await asyncio.gather(*released)

    asyncio.run(live())


def test_who_asks_is_told_within_a_bound_that_the_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def live() -> None:
        monkeypatch.setattr(loops, "SHOWN_S", 0.01)
        store = LateStore()
        async with late_yard(store) as (yard, asking):
            record_id = await held_array(yard)
            store.commits.shut()
            released = await split_off(yard, record_id)
            with pytest.raises(Unavailable, match="the database does not answer; ask again in a moment"):
                await asking.ask(jobs.list_jobs)
            store.open()
            await released

    asyncio.run(live())


def test_while_the_store_fails_what_is_durable_is_told_and_nothing_else() -> None:
    async def live() -> None:
        store = FailingStore()
        async with late_yard(store) as (yard, asking):
            record_id = await held_array(yard)
            store.fails = True
            released = await split_off(yard, record_id)
            await yard.until(lambda: yard.controller.degraded is not None)
            assert [one["id"] for one in (await asking.ask(jobs.list_jobs))["jobs"]] == [record_id]
            shown = await asking.ask(jobs.show, in_job=record_id)
            assert (shown["state"], shown["reason"]) == (JobState.PENDING, None)
            assert (await asking.ask(jobs.show, in_job=f"{record_id}_2"))["array"]["index"] == 2
            with pytest.raises(Unavailable, match="when its database works again"):
                await asking.ask(jobs.show, in_job=f"{record_id}_1")
            store.fails = False
            await released
            told = {one["id"] for one in (await asking.ask(jobs.list_jobs))["jobs"]}
            assert told == {record_id, record_id + 1}

    asyncio.run(live())
