"""A calm cluster: whoever heads the line starts no later than what it was told when it came there.

The promise is reckoned here, from what runs and its time limits; jobs end earlier than that, which may only
help. Others go ahead all the time, on any of the nodes.
"""

import asyncio
import random

import pytest

from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.rules import Order, Rules, SchedulerRules
from launchyard.model.state import ALLOCATED, JobState
from tests.unit.yard import Yard, running_yard

NODES = tuple(Node(name=name, cpus=cpus, memory_mib=1000) for name, cpus in (("a", 8), ("b", 4), ("c", 2)))
RULES = Rules(
    partitions={"all": Partition(name="all", default=True)}, scheduler=SchedulerRules(order=Order.FIFO)
)
JOBS = 40


class Calm:
    """Jobs that come and end in time; `promised` to those who headed the line."""

    def __init__(self, yard: Yard, seed: int, now: list[float]) -> None:
        self.yard = yard
        self.chance = random.Random(seed)
        self.now = now
        self.run_s: dict[int, int] = {}
        self.started: dict[int, float] = {}
        self.promised: dict[int, float] = {}

    async def run(self) -> None:
        for _ in range(JOBS):
            await self.submit()
            if self.chance.random() < 0.5:
                await self.go_on()
        while any(not job.ended for job in self.yard.controller.live_jobs()):
            await self.go_on()

    async def submit(self) -> None:
        limit_s = self.chance.choice((60, 600, 3600))
        cpus = self.chance.choice((1, 1, 2, 3, 4, 6, 8))
        job = await self.yard.submit(cpus_milli=cpus * 1000, memory_mib=1, time_limit_s=limit_s)
        self.run_s[job.id] = self.chance.choice((limit_s, limit_s, limit_s // 2, limit_s // 10))

    async def go_on(self) -> None:
        """Whoever heads the line and fits has started; then the next end comes."""
        while (head := self.head()) is not None:
            at = self.earliest(head)
            self.promised.setdefault(head.id, at)
            if at > self.now[0]:
                break
            await self.yard.until_launched(head.id)
        for job in self.holding():
            await self.yard.until_state(job.id, JobState.RUNNING)
            self.started[job.id] = self.yard.job(job.id).started_at or 0.0
        ends = {job.id: self.started[job.id] + self.run_s[job.id] for job in self.holding()}
        self.now[0] = max(self.now[0], min(ends.values(), default=0.0))
        due = [job_id for job_id, at in ends.items() if at <= self.now[0]]
        for job_id in due:
            self.yard.engine.finish(self.yard.launch_id(job_id))
        for job_id in due:
            await self.yard.until_ended(job_id)

    def head(self) -> Job | None:
        waiting = (job for job in self.yard.controller.live_jobs() if job.state is JobState.PENDING)
        return min(waiting, key=lambda job: job.id, default=None)

    def holding(self) -> list[Job]:
        return [job for job in self.yard.controller.live_jobs() if job.state in ALLOCATED]

    def earliest(self, job: Job) -> float:
        """The first time at which some node has room, when all that runs uses its time limit."""
        times = sorted({self.now[0], *(self.until(other) for other in self.holding())})
        return next(at for at in times for node in NODES if self.free(node, at) >= job.request.cpus_milli)

    def until(self, job: Job) -> float:
        return (job.started_at or self.now[0]) + (job.time_limit_s or 0)

    def free(self, node: Node, at: float) -> int:
        held = (
            share.cpus_milli
            for job in self.holding()
            if job.attempt is not None and self.until(job) > at
            for share in job.attempt.allocation.shares
            if share.node == node.name
        )
        return node.cpus * 1000 - sum(held)


async def _run(seed: int) -> Calm:
    now = [1_000_000.0]
    async with running_yard(nodes=NODES, rules=RULES, clock=lambda: now[0], unkillable_s=1e9) as yard:
        calm = Calm(yard, seed, now)
        await asyncio.wait_for(calm.run(), 60)
        return calm


@pytest.mark.parametrize("seed", range(4))
def test_the_head_of_the_line_starts_no_later_than_promised(seed: int) -> None:
    calm = asyncio.run(_run(seed))
    assert len(calm.started) == JOBS
    late = {job_id: calm.started[job_id] - at for job_id, at in calm.promised.items()}
    assert {job_id: by for job_id, by in late.items() if by > 0} == {}
    overtaken = [
        one for one in calm.started if any(calm.started[one] < calm.started[n] for n in range(1, one))
    ]
    assert len(overtaken) >= 3, "nobody went ahead, so the promise was never in danger"
