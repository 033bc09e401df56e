"""Who waits for one job hears of that job alone, until it has had enough."""

import asyncio

from launchyard.model.state import ENDED
from tests.unit.yard import Yard, running_yard


def told(yard: Yard, job_id: int, since: int = 0) -> int:
    """How many events of this job were published."""
    return sum(event.job_id == job_id for event in yard.seen[since:])


async def has_ended(yard: Yard, job_id: int) -> None:
    """And everybody was told."""
    yard.engine.finish(await yard.until_launched(job_id), exit_code=0)
    await yard.until(lambda: any(event.job_id == job_id and event.state in ENDED for event in yard.seen))


def test_who_raises_when_told_keeps_the_others_from_nothing() -> None:
    def fail(*given: object) -> None:
        raise ValueError("a fault of one of us")

    async def run() -> None:
        async with running_yard() as yard:
            faults: list[str] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told["message"]))
            heard: list[str] = []
            yard.controller._loop._watchers.insert(0, fail)
            job = await yard.submit()
            yard.controller.watch_job(job.id, fail)
            yard.controller.watch_job(job.id, lambda: heard.append("moved"))
            yard.controller._loop.effect(fail)
            await yard.controller._loop.committed()

            await has_ended(yard, job.id)

            assert heard
            assert set(faults) == {"after a commit: a fault of one of us"}

    asyncio.run(run())


def test_of_many_who_wait_for_one_job_each_none_hears_of_the_others() -> None:
    async def run() -> None:
        async with running_yard() as yard:
            heard: list[str] = []
            one, other = await yard.submit(), await yard.submit()
            since = len(yard.seen)
            ends = [
                yard.controller.watch_job(one.id, lambda: heard.append("one")),
                yard.controller.watch_job(one.id, lambda: heard.append("again")),
                yard.controller.watch_job(other.id, lambda: heard.append("other")),
            ]
            await has_ended(yard, one.id)
            assert heard.count("one") == heard.count("again") == told(yard, one.id, since) > 0
            assert heard.count("other") == told(yard, other.id, since)
            for end in ends:
                end()
            before = len(heard)
            await has_ended(yard, other.id)
            assert len(heard) == before

    asyncio.run(run())


def test_who_has_had_enough_when_told_keeps_nobody_from_hearing() -> None:
    async def run() -> None:
        async with running_yard() as yard:
            heard: list[str] = []
            job = await yard.submit()

            def once() -> None:
                heard.append("once")
                end()

            end = yard.controller.watch_job(job.id, once)
            yard.controller.watch_job(job.id, lambda: heard.append("all"))
            since = len(yard.seen)
            await has_ended(yard, job.id)
            assert heard.count("once") == 1
            assert heard.count("all") == told(yard, job.id, since) > 0

    asyncio.run(run())
