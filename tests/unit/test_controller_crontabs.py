"""Jobs that come again and again: a table is taken as a whole, and its jobs wait for their next times."""

import asyncio

import pytest

from launchyard.controller.crontabs import BadLine
from launchyard.model.change import Change
from launchyard.model.cron import Cron
from launchyard.model.errors import Conflict, NotFound
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.model.submission import Submission, Update
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, BOB, Yard, running_yard

T0 = 1_000_000_020.0
MINUTE = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> float:
        return self.now


def line(number: int, spec: str = "* * * * *", **more: object) -> Submission:
    return Submission(command=("true",), cron=Cron(spec, number, number), **more)  # type: ignore[arg-type]


async def comes_again(yard: Yard, job: Job, clock: Clock, exit_code: int = 0) -> Job:
    """Let its time come, run it, and end it half a minute later."""
    assert job.begin_at is not None
    clock.now = job.begin_at + 1
    await yard.until_state(job.id, JobState.RUNNING)
    clock.now += 30
    yard.engine.finish(yard.launch_id(job.id), exit_code=exit_code)
    await yard.until_state(job.id, JobState.PENDING)
    return yard.job(job.id)


def test_a_job_of_a_table_waits_for_each_of_its_times_however_it_ended() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with running_yard(clock=clock) as yard:
            (job,) = await yard.controller.crontabs.replace(ADA, "* * * * * true\n", [line(1)])
            assert job.begin_at == 1_000_000_080.0

            job = await comes_again(yard, job, clock)
            assert (job.begin_at, job.eligible_at) == (1_000_000_140.0, 1_000_000_140.0)
            job = await comes_again(yard, job, clock, exit_code=3)
            assert job.begin_at == 1_000_000_200.0
            assert [one.state for one in job.past] == [JobState.COMPLETED, JobState.FAILED]
            assert (job.attempts, job.requeues, job.exit_code) == (2, 0, None)

    asyncio.run(scenario())


def test_another_table_ends_what_waits_and_what_runs_does_not_come_again() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with running_yard(clock=clock) as yard:
            crontabs = yard.controller.crontabs
            runs, waits = await crontabs.replace(ADA, "a\nb\n", [line(1), line(2, "0 0 1 1 *")])
            (other,) = await crontabs.replace(BOB, "c\n", [line(1)])
            clock.now += MINUTE
            await yard.until_state(runs.id, JobState.RUNNING)

            (new,) = await crontabs.replace(ADA, "d\n", [line(1, "0 0 1 1 *")])

            assert crontabs.text(ADA.uid) == "d\n"
            await yard.until_durable(waits.id, JobState.CANCELLED)
            yard.engine.finish(yard.launch_id(runs.id))
            await yard.until_durable(runs.id, JobState.COMPLETED)
            assert yard.state(new.id) is JobState.PENDING
            assert yard.job(other.id).cron is not None

            await crontabs.remove(ADA)
            await yard.until_durable(new.id, JobState.CANCELLED)
            with pytest.raises(NotFound):
                crontabs.text(ADA.uid)

    asyncio.run(scenario())


def test_one_refused_line_refuses_the_table() -> None:
    async def scenario() -> None:
        async with running_yard() as yard:
            crontabs = yard.controller.crontabs
            (job,) = await crontabs.replace(ADA, "a\n", [line(1)])

            with pytest.raises(BadLine) as refused:
                await crontabs.replace(ADA, "b\nc\n", [line(1), line(2, partition="nowhere")])

            assert refused.value.position == 1
            assert crontabs.text(ADA.uid) == "a\n"
            assert [one.id for one in yard.controller.live_jobs()] == [job.id]

    asyncio.run(scenario())


def test_a_cancelled_job_leaves_its_line_as_a_comment() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with running_yard(clock=clock) as yard:
            crontabs = yard.controller.crontabs
            waits, runs = await crontabs.replace(ADA, "#\na\nb\n", [line(2, "0 0 1 1 *"), line(3)])
            clock.now += MINUTE
            await yard.until_state(runs.id, JobState.RUNNING)

            await yard.controller.cancel(ADA, yard.ref(waits.id))
            await yard.controller.cancel(ADA, yard.ref(runs.id))

            yard.engine.finish(yard.launch_id(runs.id), signal=15)
            await yard.until_durable(runs.id, JobState.CANCELLED)
            assert yard.state(waits.id) is JobState.CANCELLED
            assert crontabs.text(ADA.uid) == "#\n#DISABLED: a\n#DISABLED: b\n"

    asyncio.run(scenario())


def test_a_line_is_changed_in_its_table_alone() -> None:
    async def scenario() -> None:
        async with running_yard() as yard:
            (job,) = await yard.controller.crontabs.replace(ADA, "a\n", [line(1)])

            with pytest.raises(Conflict, match="scrontab -e"):
                await yard.controller.update(ADA, yard.ref(job.id), Update(name="other"))

    asyncio.run(scenario())


def test_tables_and_their_jobs_outlive_the_daemon() -> None:
    async def scenario() -> None:
        store = MemoryStore()
        async with running_yard(store=store) as yard:
            (old,) = await yard.controller.crontabs.replace(ADA, "a\n", [line(1)])
            (new,) = await yard.controller.crontabs.replace(ADA, "b\n", [line(1)])
            left_over = yard.job(new.id)
        # As a daemon leaves it that ends between the new table and the end of the old one's jobs.
        orphan = await submitted_before(store, left_over)

        async with running_yard(store=store) as yard:
            assert yard.controller.crontabs.text(ADA.uid) == "b\n"
            assert yard.state(new.id) is JobState.PENDING
            await yard.until_durable(orphan, JobState.CANCELLED)
            assert yard.state(old.id) is JobState.CANCELLED

    asyncio.run(scenario())


async def submitted_before(store: MemoryStore, job: Job) -> int:
    orphan = changed(job, id=store.next_job_id())
    await asyncio.to_thread(store.commit, [Change(seq=store.last_seq() + 1, jobs=(orphan,))])
    return orphan.id
