"""The writer thread: groups, failures, retries in order, and what the loop hears."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event

import pytest

from launchyard.controller.writer import Writer, Written, deliver
from launchyard.model.change import Change
from launchyard.model.job import Job, JobKind
from launchyard.store.memory import MemoryStore
from launchyard.store.protocol import StoreBusy, StoreDoubtful, StoreFull

Outcomes = list[tuple[int, Exception | None]]


class FailingStore(MemoryStore):
    """A store that can be told to fail, to wait, and that remembers what each commit was asked to keep."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self.commits: list[list[int]] = []
        self.open = Event()
        self.open.set()

    def commit(self, changes: Sequence[Change]) -> None:
        assert self.open.wait(60)
        self.commits.append([change.seq for change in changes])
        if self.failure is not None:
            raise self.failure
        super().commit(changes)


@dataclass
class Rig:
    """A writer on a failing store, and what the loop heard of it."""

    store: FailingStore
    writer: Writer
    outcomes: Outcomes
    batches: list[list[int]]
    degraded: list[str | None] = field(default_factory=list)

    def submit(self, change: Change, *, may_fail: bool = False) -> None:
        self.writer.submit(change, lambda error: self.outcomes.append((change.seq, error)), may_fail=may_fail)

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + 60
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "what the test waits for did not happen"
            await asyncio.sleep(0.001)

    async def until_heard(self, count: int) -> Outcomes:
        await self.until(lambda: len(self.outcomes) >= count)
        return self.outcomes


@asynccontextmanager
async def running_rig() -> AsyncIterator[Rig]:
    store, batches = FailingStore(), list[list[int]]()

    def tell(batch: Sequence[Written]) -> None:
        batches.append([one.change.seq for one in batch])
        deliver(batch)

    writer = Writer(store, tell, retry_s=(0.001, 0.002))
    rig = Rig(store, writer, [], batches)
    writer.on_degraded = rig.degraded.append
    yield rig
    store.failure = None
    store.open.set()
    await asyncio.to_thread(writer.close)


def job(job_id: int, name: str = "job", **more: object) -> Job:
    return Job(
        id=job_id,
        name=name,
        kind=JobKind.COMMAND,
        user="ada",
        uid=1000,
        partition="all",
        submitted_at=1.0,
        **more,  # type: ignore[arg-type]
    )


def change(seq: int, *jobs: Job) -> Change:
    return Change(seq=seq, jobs=jobs, next_job_id=seq + 1)


BAD = job(9, name="a\0b")


def test_what_waits_during_a_commit_is_committed_together() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.open.clear()
            for seq in (1, 2, 3, 4):
                rig.submit(change(seq, job(seq)))
            rig.store.open.set()
            heard = await rig.until_heard(4)

            assert heard == [(1, None), (2, None), (3, None), (4, None)]
            assert [seq for commit in rig.store.commits for seq in commit] == [1, 2, 3, 4]
            assert len(rig.store.commits) <= 2
            assert rig.batches == rig.store.commits  # the loop is told once a commit

    asyncio.run(scene())


@pytest.mark.parametrize("failure", [StoreBusy("busy"), StoreFull("full")])
def test_when_the_store_fails_submissions_fail_and_the_rest_is_kept_in_order(failure: Exception) -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.failure = failure
            rig.submit(change(1, job(1)))
            rig.submit(change(2, job(2)), may_fail=True)
            rig.submit(change(3, job(1, name="renamed")))
            await rig.until_heard(1)
            await rig.until(lambda: rig.writer.degraded == str(failure))
            assert rig.outcomes == [(2, failure)]
            assert rig.writer.failure is failure

            rig.store.failure = None
            await rig.until(lambda: rig.writer.degraded is None)
            assert rig.outcomes == [(2, failure), (1, None), (3, None)]
            assert [kept.name for kept in rig.store.live_jobs()] == ["renamed"]
            assert rig.degraded == [str(failure), None]
            assert rig.writer.failure is None

    asyncio.run(scene())


def test_what_may_have_been_written_fails_for_nobody_and_comes_again_as_it_was() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.open.clear()
            rig.store.failure = StoreDoubtful("the connection broke")
            rig.submit(change(1, job(1)), may_fail=True)
            rig.submit(change(2, job(2)))
            rig.store.open.set()
            await rig.until(lambda: rig.writer.degraded is not None)
            rig.submit(change(3, job(3)), may_fail=True)
            await rig.until(lambda: len(rig.store.commits) > 2)
            assert rig.outcomes == []

            rig.store.failure = None
            assert await rig.until_heard(3) == [(1, None), (2, None), (3, None)]
            assert rig.store.commits[-1][:2] == [1, 2]

    asyncio.run(scene())


def test_a_store_that_works_again_is_noticed_when_nothing_waits() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.failure = StoreFull("full")
            rig.submit(change(1, job(1)), may_fail=True)
            await rig.until(lambda: rig.writer.degraded is not None)
            rig.store.failure = None
            await rig.until(lambda: rig.writer.degraded is None)
            assert rig.store.last_seq() == 0

    asyncio.run(scene())


def test_a_value_that_cannot_be_stored_fails_alone() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.open.clear()
            rig.submit(change(1, job(1)))
            rig.submit(change(2, BAD), may_fail=True)
            rig.submit(change(3, job(3)), may_fail=True)
            rig.store.open.set()
            heard = dict(await rig.until_heard(3))

            assert heard[1] is None
            assert heard[3] is None
            assert isinstance(heard[2], ValueError)
            assert [kept.id for kept in rig.store.live_jobs()] == [1, 3]
            assert rig.degraded == []

    asyncio.run(scene())


def test_a_transition_that_cannot_be_stored_degrades_and_nothing_passes_it() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.open.clear()
            rig.submit(change(1, job(1)))
            rig.submit(change(2, BAD))
            rig.submit(change(3, job(3)))
            rig.submit(change(4, job(4)), may_fail=True)
            rig.store.open.set()
            await rig.until(lambda: rig.writer.degraded is not None)
            await rig.until_heard(2)

            assert [seq for seq, _ in rig.outcomes] == [1, 4]
            assert "change 2 cannot be stored" in str(rig.writer.degraded)
            assert [kept.id for kept in rig.store.live_jobs()] == [1]

    asyncio.run(scene())


@pytest.mark.long
def test_a_commit_is_bounded() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.open.clear()
            for seq in range(1, 3_501):
                rig.submit(Change(seq=seq))
            rig.store.open.set()
            heard = await rig.until_heard(3_500)

            assert [seq for seq, _ in heard] == list(range(1, 3_501))
            assert max(len(commit) for commit in rig.store.commits) == 1_000

    asyncio.run(scene())


def test_close_commits_what_waits_and_tells_before_it_returns() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            rig.store.open.clear()
            for seq in (1, 2, 3):
                rig.submit(change(seq, job(seq)))
            rig.store.open.set()
            await asyncio.to_thread(rig.writer.close)

            assert rig.outcomes == [(1, None), (2, None), (3, None)]
            rig.submit(change(4, job(4)))
            ((_, error),) = (await rig.until_heard(4))[3:]
            assert "shutting down" in str(error)

    asyncio.run(scene())


def test_close_does_not_wait_for_a_store_that_fails() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            failure = StoreBusy("busy")
            rig.store.failure = failure
            rig.submit(change(1, job(1)))
            await rig.until(lambda: rig.writer.degraded is not None)
            await asyncio.to_thread(rig.writer.close)

            assert rig.outcomes == [(1, failure)]

    asyncio.run(scene())


def test_one_who_raises_when_told_does_not_keep_the_news_from_others() -> None:
    async def scene() -> None:
        async with running_rig() as rig:
            reported: list[dict[str, object]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

            def raises(error: Exception | None) -> None:
                raise RuntimeError("told")

            rig.store.open.clear()
            rig.submit(change(1))
            rig.writer.submit(change(2), raises)
            rig.submit(change(3))
            rig.store.open.set()
            assert await rig.until_heard(2) == [(1, None), (3, None)]
            assert "after change 2" in str(reported[0]["message"])

    asyncio.run(scene())


def test_a_writer_that_wrote_nothing_closes_at_once() -> None:
    Writer(MemoryStore()).close()
