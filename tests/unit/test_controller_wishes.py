"""Jobs with wishes in a running controller: licences are booked, and a cluster that changed is said."""

import asyncio
from dataclasses import replace

from launchyard.controller.assembly import assemble
from launchyard.controller.launching import LaunchSettings
from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.state import JobState
from launchyard.model.submission import Submission, Update
from launchyard.model.wishes import Wishes
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, RULES, Yard, running_yard

NODES = (
    Node(name="n1", cpus=2, memory_mib=4096, features=("ib",)),
    Node(name="n2", cpus=2, memory_mib=4096, features=("ib", "old")),
)


def why(yard: Yard, job: Job) -> str:
    reason = yard.controller.reason(job.id)
    assert reason is not None
    return reason.sentence


def test_a_job_that_the_cluster_no_longer_holds_is_told_so() -> None:
    async def run() -> None:
        store = MemoryStore()
        async with running_yard(store=store, nodes=NODES) as yard:
            held = await yard.submit(wishes=Wishes(constraint="old"), held=True)
            named = await yard.submit(wishes=Wishes(nodelist=("n2",)), held=True)
        async with running_yard(store=store, nodes=NODES[:1]) as yard:
            for job in (held, named):
                await yard.controller.release(ADA, yard.ref(job.id))
            assert 'no node of partition all has the features "old"; there are: ib' in why(yard, held)
            assert 'there is no node "n2"' in why(yard, named)
            plain = await yard.submit()
            await yard.until_state(plain.id, JobState.RUNNING)

    asyncio.run(run())


def test_jobs_beyond_a_limit_wait_in_nobodys_way_until_it_is_raised() -> None:
    async def run() -> None:
        partition = RULES.partitions["all"]
        rules = replace(RULES, partitions={"all": replace(partition, time_limit_max_s=60, nodes_max=1)})
        store = MemoryStore()
        async with running_yard(store=store, nodes=NODES, rules=rules) as yard:
            long = await yard.submit(time_limit_s=120, keep_beyond_limits=True)
            wide = await yard.submit(nodes=2, time_limit_s=60, keep_beyond_limits=True)
            huge = await yard.submit(nodes=3, time_limit_s=60, keep_beyond_limits=True)
            plain = await yard.submit(time_limit_s=60)
            await yard.until_state(plain.id, JobState.RUNNING)
            assert why(yard, long) == (
                "waits because partition all allows 1m for a job and this one asks for 2m; "
                f"`ly update {long.id} --time 1m` lets it go on"
            )
            assert "allows 1 node for a job and this one asks for 2" in why(yard, wide)
            yard.engine.finish(await yard.until_launched(plain.id))
            shorter = await yard.controller.update(ADA, yard.ref(long.id), Update(time_limit_s=60))
            await yard.until_state(shorter.id, JobState.RUNNING)
        async with running_yard(store=store, nodes=NODES) as yard:
            await yard.until_state(wide.id, JobState.RUNNING)
            reason = yard.controller.reason(huge.id)
            assert reason is not None
            assert (reason.code, reason.scope) == ("impossible", "nodes")

    asyncio.run(run())


def test_licences_are_held_over_a_restart_and_given_back() -> None:
    async def run() -> None:
        store, clock = MemoryStore(), lambda: 1_000_000.0
        engine = FakeEngine(NODES, now=clock, obedience=Obedience.START)
        for attempt in range(2):
            assembled = await assemble(
                store=store,
                engines={"local": engine},
                nodes=NODES,
                rules=RULES,
                clock=clock,
                launching=LaunchSettings(spool="/spool"),
                licences={"matlab": 1},
            )
            yard = Yard(assembled.controller, engine, store)
            try:
                if attempt == 0:
                    first = await yard.submit(wishes=Wishes(licences=(("matlab", 1),)))
                    await yard.until_durable(first.id, JobState.RUNNING)
                    continue
                second = await yard.submit(wishes=Wishes(licences=(("matlab", 1),)))
                assert "1 of 1 are held by job 1 (ada)" in why(yard, second)
                await yard.controller.cancel(ADA, yard.ref(first.id))
                await yard.until_state(second.id, JobState.RUNNING)
            finally:
                await assembled.close()

    asyncio.run(run())


def test_a_dry_run_says_what_would_be_refused_and_what_would_wait() -> None:
    async def run() -> None:
        async with running_yard(nodes=NODES) as yard:
            submission = Submission(command=("true",), wishes=Wishes(exclusive=True), nodes=2)
            job, outlook = await yard.controller.check(ADA, submission)
            assert (job.request.cpus_milli, outlook.reason) == (4000, None)
            busy = await yard.submit()
            await yard.until_state(busy.id, JobState.RUNNING)
            _, outlook = await yard.controller.check(ADA, submission)
            assert outlook.reason is not None
            assert outlook.reason.sentence == "waits for 2 whole nodes: 1 of 2 is idle"

    asyncio.run(run())
