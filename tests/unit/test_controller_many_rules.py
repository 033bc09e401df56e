"""Other rules for very many waiting jobs: they take their places in parts, and others have turns between."""

import asyncio
from itertools import pairwise

import pytest

from launchyard.controller.live import SETTLED_AT_ONCE
from launchyard.model.account import QOS, Limits
from launchyard.model.errors import Conflict
from launchyard.model.job import Job
from launchyard.model.partition import Partition
from launchyard.model.rules import Rules
from launchyard.model.submission import Submission
from tests.unit.yard import ADA, RULES, Yard, running_yard

MANY = 4 * SETTLED_AT_ONCE


async def full(yard: Yard) -> list[int]:
    """The machine is busy and very many wait behind."""
    first = await yard.submit(cpus_milli=2000)
    await yard.until_launched(first.id)
    asked = Submission(command=("true",), cpus_milli=2000)
    results = await yard.controller.submit(ADA, [asked] * MANY)
    return [first.id, *(job.id for job in results if isinstance(job, Job))]


async def begun(yard: Yard, rules: Rules) -> "asyncio.Task[None]":
    """Other rules are on their way in, and not all jobs have their place."""
    put = asyncio.create_task(yard.controller.administration.put_in_force(rules))
    while not yard.controller._loop.live.unsettled:
        await asyncio.sleep(0)
    return put


def test_each_turn_of_the_loop_settles_a_part_and_nothing_starts_before_all_have_their_place() -> None:
    async def scene() -> None:
        async with running_yard() as yard:
            first, *waiting = await full(yard)
            live = yard.controller._loop.live
            put = await begun(yard, RULES)
            seen = [len(live.unsettled)]
            cancelled = asyncio.create_task(yard.controller.cancel(ADA, yard.ref(waiting[-1])))
            yard.engine.finish(yard.launch_id(first))
            while live.unsettled:
                await asyncio.sleep(0)
                seen.append(len(live.unsettled))
                assert len(yard.engine.launches) == 1 or not live.unsettled
            assert max(a - b for a, b in pairwise(seen)) <= SETTLED_AT_ONCE
            assert sum(a > b for a, b in pairwise(seen)) >= 3
            await asyncio.gather(put, cancelled)
            await yard.until_launched(waiting[0])
            assert list(live.queue.in_order()) == waiting[1:-1]

    asyncio.run(scene())


def test_a_limit_of_waiting_jobs_counts_all_from_the_first_moment() -> None:
    async def scene() -> None:
        async with running_yard() as yard:
            await full(yard)
            limited = Rules(
                partitions={"all": Partition(name="all", default=True)},
                qos={"normal": QOS(name="normal", limits=Limits(waiting=MANY))},
            )
            put = await begun(yard, limited)
            with pytest.raises(Conflict, match=f"{MANY:,}|{MANY}"):
                await yard.submit()
            await put

    asyncio.run(scene())


def test_rules_that_come_while_others_are_taking_their_places_hold_for_all() -> None:
    async def scene() -> None:
        async with running_yard() as yard:
            _, *waiting = await full(yard)
            closed = Rules(partitions={"other": Partition(name="other", default=True)})
            puts = [await begun(yard, closed), await begun(yard, RULES)]
            await asyncio.gather(*puts)
            live = yard.controller._loop.live
            await yard.until(lambda: not live.unsettled)
            assert list(live.queue.in_order()) == waiting
            await yard.controller.administration.put_in_force(closed)
            await yard.until(lambda: not live.unsettled)
            assert len(live.queue) == 0

    asyncio.run(scene())
