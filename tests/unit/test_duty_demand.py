"""Clusters that can grow are told what waits for them, and for nobody else."""

import asyncio
from collections.abc import Sequence

from launchyard.controller.duties import demand
from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.array import Indexes
from launchyard.model.node import Node
from launchyard.model.resources import Request
from launchyard.model.rules import Rules
from launchyard.model.state import JobState
from tests.unit.yard import running_yard


class Growing(FakeEngine):
    """Remembers what it was told."""

    def __init__(self) -> None:
        far = Node(name="far", cpus=4, memory_mib=8192)
        super().__init__((far,), now=lambda: 1_000_000.0, obedience=Obedience.START)
        self.told: list[list[int]] = []

    def demand(self, waiting: Sequence[Request]) -> None:
        self.told.append([one.cpus_milli for one in waiting])


def test_cluster_that_can_grow_is_told_what_waits_for_it() -> None:
    async def run() -> None:
        growing = Growing()
        async with running_yard(rules=Rules(), others={"far": growing}) as yard:
            running = await yard.submit(cluster="far", cpus_milli=4000)
            await yard.until_state(running.id, JobState.RUNNING)
            await yard.submit(cluster="far", cpus_milli=3000)
            await yard.submit(cluster="far", cpus_milli=1000, indexes=Indexes(((0, 2, 1),)))
            await yard.submit(cpus_milli=2000)
            duty = demand.Demand(yard.controller._loop, clock=lambda: 10.0, every_s=0)
            duty.look()
            assert sorted(growing.told[-1]) == [1000, 1000, 1000, 3000]

    asyncio.run(run())


def test_it_is_told_only_every_few_seconds_and_not_of_thousands() -> None:
    async def run() -> None:
        growing, now = Growing(), [0.0]
        async with running_yard(rules=Rules(), others={"far": growing}) as yard:
            duty = demand.Demand(yard.controller._loop, clock=lambda: now[0])
            running = await yard.submit(cluster="far", cpus_milli=4000)
            await yard.until_state(running.id, JobState.RUNNING)
            for _ in range(2):
                tasks = Indexes(((0, demand.TOLD_MAX - 1, 1),))
                await yard.submit(cluster="far", cpus_milli=1000, indexes=tasks)
            growing.told.clear()
            for now[0] in (1.0, 4.9, 5.0, 6.0):
                duty.look()
            assert [len(told) for told in growing.told] == [demand.TOLD_MAX]

    asyncio.run(run())
