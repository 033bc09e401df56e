"""Jobs with a runtime environment in a running controller: what a set-up that breaks makes of them."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from launchyard.engine.environments import SetUpOrder
from launchyard.model.array import parse_indexes
from launchyard.model.errors import Unavailable
from launchyard.model.runtimeenv import RuntimeEnv
from launchyard.model.state import JobState
from launchyard.store.memory import MemoryStore
from tests.unit.yard import running_yard

ENV = {"pip": ["requests"]}


class Breaking:
    """Set-ups of which those of one task break, by an error that nobody foresaw."""

    container = ""

    def __init__(self, task: str) -> None:
        self.task = task
        self.done: list[str] = []

    async def set_up(self, order: SetUpOrder, told: Callable[[str], None]) -> None:
        if order.task == self.task:
            raise KeyError("nobody foresaw this")
        self.done.append(order.task)

    async def remove(self, uid: int, job_id: int) -> None:
        self.done.append("remove")

    def on(self, cluster: str, node: str | None) -> "Breaking":
        return self

    def directory(self, uid: int, job_id: int) -> str:
        return f"/env/{uid}/jobs/{job_id}"

    def log(self, uid: int, job_id: int) -> str:
        return f"/env/{uid}/logs/{job_id}.log"

    def refuse(self, env: RuntimeEnv, path: str, *, script: bool) -> None:
        return

    def refuse_addresses(self, env: RuntimeEnv, path: str) -> None:
        return


class LateStore(MemoryStore):
    """Its texts cannot be read at first."""

    refusals = 2

    def texts(self, digests):  # type: ignore[no-untyped-def]
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("the store is locked")
        return super().texts(digests)


@pytest.mark.parametrize("task", ["prepare", "furnish"])
def test_a_set_up_that_breaks_in_a_way_nobody_foresaw_fails_the_job_and_is_logged(
    task: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with running_yard(environments=Breaking(task)) as yard:
            job = await yard.submit(runtime_env=ENV)
            ended = await yard.until_ended(job.id)
            assert ended.state is JobState.FAILED
            assert ended.cause is not None
            assert "fault of this server" in ended.cause
            assert yard.engine.launches == []

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "nobody foresaw this" in caplog.text


def test_tasks_of_an_array_fail_too() -> None:
    async def run() -> None:
        async with running_yard(environments=Breaking("prepare")) as yard:
            job = await yard.submit(runtime_env=ENV, indexes=parse_indexes("1-3")[0])
            assert (await yard.until_ended(job.id)).state is JobState.FAILED

    asyncio.run(run())


def test_a_store_that_does_not_answer_is_waited_for() -> None:
    async def run() -> None:
        store = LateStore()
        async with running_yard(store=store) as yard:
            job = await yard.submit(begin_at=2_000_000.0, runtime_env=ENV)
        store.refusals = 2
        environments = Breaking("none")
        async with running_yard(store=store, environments=environments) as yard:
            await yard.until(lambda: "prepare" in environments.done)
            await yard.until(lambda: yard.job(job.id).prepared_at is not None)
            assert yard.state(job.id) is JobState.PENDING
            assert store.refusals == 0

    asyncio.run(run())
