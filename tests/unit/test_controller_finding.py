"""Jobs that an engine was given past us are jobs like others: listed, seen to start and end, kept."""

import asyncio

from launchyard.engine.fake import FakeEngine
from launchyard.engine.protocol import LaunchFound
from launchyard.model.ability import Abilities, Placing
from launchyard.model.job import Job, JobKind
from launchyard.model.node import Node
from launchyard.model.rules import Rules
from launchyard.model.state import JobState
from launchyard.store.memory import MemoryStore
from tests.unit.yard import Yard, running_yard

FOUND = LaunchFound(
    launch_id="s50t7",
    engine_id="50",
    job=Job(
        id=0,
        name="theirs",
        kind=JobKind.BATCH,
        user="ada",
        uid=1000,
        partition="nobody-knows-it",
        submitted_at=7,
        qos="of-slurm",
    ),
)


def site() -> FakeEngine:
    nodes = (Node(name="s1", cpus=2, memory_mib=1024),)
    return FakeEngine(nodes, now=lambda: 1_000_000.0, abilities=Abilities(places=Placing.ENGINE))


async def found(yard: Yard) -> Job:
    await yard.until(lambda: any(job.name == "theirs" for job in yard.controller.live_jobs()))
    return next(job for job in yard.controller.live_jobs() if job.name == "theirs")


def test_it_is_listed_once_and_lives_through_its_states() -> None:
    async def run() -> None:
        engine = site()
        async with running_yard(rules=Rules(), others={"site": engine}) as yard:
            engine.tell(FOUND)
            engine.tell(FOUND)
            job = await found(yard)
            assert (job.cluster, job.engine_id, job.state) == ("site", "50", JobState.PENDING)
            assert [one.name for one in yard.controller.live_jobs()] == ["theirs"]
            assert not engine.launches
            engine.begin("s50t7")
            await yard.until_state(job.id, JobState.RUNNING)
            engine.finish("s50t7", exit_code=0)
            assert (await yard.until_ended(job.id)).state is JobState.COMPLETED

    asyncio.run(run())


def test_what_is_told_of_it_in_the_same_breath_finds_it() -> None:
    async def run() -> None:
        engine = site()
        async with running_yard(rules=Rules(), others={"site": engine}) as yard:
            engine.tell(FOUND)
            engine.begin("s50t7")
            job = await found(yard)
            await yard.until_state(job.id, JobState.RUNNING)
            assert not engine.stops

    asyncio.run(run())


def test_it_is_known_after_a_restart() -> None:
    async def run() -> None:
        store, engine = MemoryStore(), site()
        async with running_yard(store=store, rules=Rules(), others={"site": engine}) as yard:
            engine.tell(FOUND)
            job = await found(yard)
            await yard.until(lambda: bool(store.live_jobs()))
        async with running_yard(store=store, rules=Rules(), others={"site": engine}) as yard:
            assert (await found(yard)).id == job.id

    asyncio.run(run())
