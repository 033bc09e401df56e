"""A signal to a job that is being started waits for its start, and reaches no other attempt."""

import asyncio

import pytest

from launchyard.api.routes import acts, many
from launchyard.controller import beginning
from launchyard.engine.fake import Obedience, SignalOrder
from launchyard.model.errors import Conflict
from launchyard.model.job import Job
from launchyard.model.state import JobState
from tests.unit.asking import Asking
from tests.unit.test_controller import lives, turns
from tests.unit.yard import ADA, Yard, running_yard

S = JobState
USR1 = 10


def signals(yard: Yard) -> list[SignalOrder]:
    return [order for order in yard.engine.orders if isinstance(order, SignalOrder)]


async def starting(yard: Yard) -> Job:
    """A job whose start was ordered and is not known yet, as when its script is at its first line."""
    job = await yard.submit(requeue=True)
    await yard.until_launched(job.id)
    return yard.job(job.id)


async def waiting(yard: Yard, job: Job) -> "asyncio.Task[Job]":
    """Somebody who sent it a signal."""
    asked = asyncio.ensure_future(yard.controller.signal(ADA, yard.ref(job.id), USR1, "batch"))
    await yard.until(lambda: job.id in yard.controller._loop._of_jobs)
    return asked


@lives
async def test_a_signal_to_a_job_that_is_being_started_is_sent_when_its_start_is_known() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await starting(yard)
        asked = await waiting(yard, job)
        await turns(20)
        assert signals(yard) == []

        yard.engine.begin(yard.launch_id(job.id))

        assert (await asked).state is S.RUNNING
        order = SignalOrder(launch_id=yard.launch_id(job.id), signal=USR1, main_only=True, steps_only=False)
        assert signals(yard) == [order]


@lives
async def test_any_signal_is_sent_or_refused_by_its_name() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await starting(yard)
        yard.engine.begin(yard.launch_id(job.id))
        await yard.until(lambda: yard.job(job.id).state is S.RUNNING)

        waits = await yard.submit(held=True)
        for number, name in ((10, "SIGUSR1"), (35, "signal 35"), (64, "signal 64")):
            await yard.controller.signal(ADA, yard.ref(job.id), number)
            with pytest.raises(Conflict, match=f"only a running job can be sent {name}$"):
                await yard.controller.signal(ADA, yard.ref(waits.id), number)

        assert [order.signal for order in signals(yard)] == [10, 35, 64]


@lives
async def test_who_sent_a_signal_to_a_job_that_ended_before_it_ran_is_told_so() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await starting(yard)
        asked = await waiting(yard, job)

        yard.engine.finish(yard.launch_id(job.id), error="no such program")

        with pytest.raises(Conflict, match=f"job {job.id} is FAILED; only a running job can be sent SIGUSR1"):
            await asked
        assert signals(yard) == []


@lives
async def test_a_signal_reaches_no_later_attempt() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await starting(yard)
        first = yard.launch_id(job.id)
        asked = await waiting(yard, job)

        requeued = asyncio.ensure_future(yard.controller.requeue(ADA, yard.ref(job.id)))
        await yard.until(lambda: bool(yard.engine.stops))
        yard.engine.finish(first, signal=15)
        await requeued

        with pytest.raises(Conflict, match=f"job {job.id} was requeued before it could be sent SIGUSR1"):
            await asked
        await yard.until(lambda: len(yard.engine.launches) == 2)
        yard.engine.begin(yard.launch_id(job.id))
        await yard.until_state(job.id, S.RUNNING)
        assert signals(yard) == []


@lives
async def test_who_sends_a_signal_waits_for_a_start_within_a_bound() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        job = await starting(yard)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(beginning, "BEGIN_S", 0.01)
            with pytest.raises(Conflict, match=f"job {job.id} is STARTING; only a running job can be sent"):
                await yard.controller.signal(ADA, yard.ref(job.id), USR1)
        assert yard.controller._loop._of_jobs == {}


@lives
async def test_each_way_of_sending_a_signal_waits_for_the_start() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        asking = Asking(yard)
        job = await starting(yard)
        one = asking.ask(acts.signal, in_job=job.id, body={"signal": "USR1"})
        of_many = asking.ask(many.many, body={"act": "signal", "jobs": [str(job.id)], "signal": "USR1"})
        asked = asyncio.gather(one, of_many)
        await yard.until(lambda: len(yard.controller._loop._of_jobs.get(job.id, ())) == 2)
        yard.engine.begin(yard.launch_id(job.id))

        shown, results = await asked

        assert shown["state"] == S.RUNNING
        assert results == {"results": [{"job": str(job.id), "status": 200, "state": S.RUNNING}]}
        assert len(signals(yard)) == 2
        asking.context.readers.shutdown()


@lives
async def test_of_many_that_were_sent_a_signal_one_that_ended_meanwhile_is_told_with_its_end() -> None:
    async with running_yard(obedience=Obedience.RECORD) as yard:
        asking = Asking(yard)
        job = await starting(yard)
        asked = asyncio.ensure_future(
            asking.ask(many.many, body={"act": "signal", "jobs": [str(job.id)], "signal": "USR1"})
        )
        await yard.until(lambda: job.id in yard.controller._loop._of_jobs)
        yard.engine.finish(yard.launch_id(job.id), error="no such program")

        (told,) = (await asked)["results"]

        assert (told["status"], told["state"]) == (409, S.FAILED)
        asking.context.readers.shutdown()
