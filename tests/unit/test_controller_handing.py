"""Jobs in the queue of an engine that places: handed over at once, waiting there, started where it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from launchyard.engine.fake import AmendOrder, FakeEngine, HoldOrder
from launchyard.engine.protocol import (
    EngineConnected,
    LaunchFound,
    LaunchSuspended,
    LaunchTaken,
    LaunchWaits,
    NodesChanged,
)
from launchyard.model.ability import Abilities, Placing
from launchyard.model.array import Indexes
from launchyard.model.errors import Conflict
from launchyard.model.job import Job, JobKind
from launchyard.model.node import Node
from launchyard.model.reason import Estimate, Reason
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.rules import Rules
from launchyard.model.state import JobState
from launchyard.model.submission import Update
from launchyard.store.memory import MemoryStore
from tests.unit.test_controller_preparing import ENV, Breaking
from tests.unit.yard import ADA, BOB, Yard, running_yard

PLACES = Abilities(places=Placing.ENGINE)
NODES = (Node(name="s1", cpus=2, memory_mib=1024), Node(name="s2", cpus=2, memory_mib=1024))
ON_S2 = Allocation(shares=(NodeShare(node="s2", cpus_milli=4000, memory_mib=512),))


def site() -> FakeEngine:
    return FakeEngine(NODES, now=lambda: 1_000_000.0, abilities=PLACES)


@asynccontextmanager
async def two(store: MemoryStore | None = None, engine: FakeEngine | None = None) -> AsyncIterator[Yard]:
    """This machine, and a site whose engine places; the yard's engine is the site's."""
    engine = engine or site()
    async with running_yard(store=store, rules=Rules(), others={"site": engine}) as yard:
        yard.engine = engine
        yield yard


def handed(yard: Yard, job_id: int) -> str:
    known = yard.job(job_id).handed
    assert known is not None
    return known.launch_id


async def there(yard: Yard, **asked: Any) -> tuple[Job, str]:
    """A job that waits in the site's queue, and its launch."""
    job = await yard.submit(cluster="site", **asked)
    await yard.until(lambda: any(one.job_id == job.id for one in yard.engine.launches))
    return job, handed(yard, job.id)


def test_job_is_handed_over_with_all_that_it_asks_for_and_goes_on_waiting() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard, cpus_milli=64_000, name="wide", nodes=32)
            (launch,) = yard.engine.launches
            assert (launch.launch_id, launch.node, launch.cpus_milli) == (launch_id, "", 64_000)
            assert launch.job is not None
            assert (launch.job.name, launch.job.request.nodes, launch.job.request.memory_mib) == (
                "wide",
                32,
                0,
            )
            assert not [name for name in launch.environment if name.startswith("SLURM_")]
            assert yard.state(job.id) is JobState.PENDING
            reason = yard.controller.reason(job.id)
            assert reason is not None
            assert (reason.code, reason.sentence) == (
                "engine",
                "waits in cluster site, whose engine decides when it starts",
            )

    asyncio.run(run())


def test_job_of_rays_clients_waits_here_for_more_than_there_is() -> None:
    async def run() -> None:
        async with two() as yard:
            large = await yard.submit(cluster="site", submission_id="large", cpus_milli=64_000)
            small = await yard.submit(cluster="site", submission_id="small", cpus_milli=1_000)
            await yard.until(lambda: any(one.job_id == small.id for one in yard.engine.launches))
            assert yard.job(large.id).handed is None
            reason = yard.controller.reason(large.id)
            assert reason is not None
            assert reason.code == "impossible"

    asyncio.run(run())


def test_reason_and_estimate_are_those_of_the_engine() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            when = Estimate(start=1_000_600.0, low=1_000_600.0, high=1_001_200.0)
            told = Reason(code="priority", sentence="waits behind 3 jobs in Slurm", estimate=when)
            yard.engine.tell(LaunchWaits(launch_id=launch_id, reason=told))
            await yard.until(lambda: yard.controller.reason(job.id) == told)
            outlook = await yard.controller.outlook(ADA, yard.job(job.id))
            assert outlook.reason == told

    asyncio.run(run())


def test_start_brings_what_the_engine_gave_even_if_more_than_is_known_to_be_there() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            yard.engine.tell(LaunchTaken(launch_id=launch_id, engine_id="4711", log="/home/ada/slurm.log"))
            yard.engine.begin(launch_id, ON_S2)
            await yard.until_state(job.id, JobState.RUNNING)
            running = yard.job(job.id)
            assert running.attempt is not None
            assert (running.engine_id, running.handed) == ("4711", None)
            assert (running.attempt.launch_id, running.attempt.number) == (launch_id, 1)
            assert (running.attempt.allocation, running.attempt.log) == (ON_S2, "/home/ada/slurm.log")
            yard.engine.finish(launch_id, exit_code=3)
            ended = await yard.until_ended(job.id)
            assert (ended.state, ended.exit_code) == (JobState.FAILED, 3)

    asyncio.run(run())


def test_cancelled_job_ends_when_the_engine_has_it_no_more() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            waiting = await yard.controller.cancel(ADA, yard.ref(job.id))
            assert (waiting.state, waiting.stop_requested) == (JobState.PENDING, "cancelled by ada")
            assert [one.launch_id for one in yard.engine.stops] == [launch_id]
            yard.engine.finish(launch_id, cancelled=True)
            assert (await yard.until_ended(job.id)).state is JobState.CANCELLED

    asyncio.run(run())


def test_job_that_somebody_cancelled_past_us_is_cancelled() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            yard.engine.finish(launch_id, cancelled=True, error="cancelled in Slurm")
            ended = await yard.until_ended(job.id)
            assert (ended.state, ended.handed) == (JobState.CANCELLED, None)

    asyncio.run(run())


def test_job_that_the_engine_refuses_fails_with_its_sentence() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            yard.engine.finish(launch_id, error="Slurm refused it: invalid account")
            ended = await yard.until_ended(job.id)
            assert (ended.state, ended.cause) == (JobState.FAILED, "Slurm refused it: invalid account")

    asyncio.run(run())


def test_end_that_is_told_before_the_start_is_taken_for_both() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            yard.engine.finish(launch_id, exit_code=0)
            ended = await yard.until_ended(job.id)
            assert (ended.state, ended.attempts) == (JobState.COMPLETED, 1)

    asyncio.run(run())


def test_hold_release_and_update_are_passed_on_while_it_waits_there() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            yard.engine.orders.clear()
            await yard.controller.hold(ADA, yard.ref(job.id))
            await yard.controller.release(ADA, yard.ref(job.id))
            await yard.controller.update(ADA, yard.ref(job.id), Update(time_limit_s=60, name="short"))
            hold, release, amend = yard.engine.orders
            assert hold == HoldOrder(launch_id=launch_id, held=True)
            assert release == HoldOrder(launch_id=launch_id, held=False)
            assert isinstance(amend, AmendOrder)
            assert (amend.job.time_limit_s, amend.job.name) == (60, "short")
            with pytest.raises(Conflict, match="waits in cluster site already, so its cluster cannot be"):
                await yard.controller.update(ADA, yard.ref(job.id), Update(partition="main"))

    asyncio.run(run())


def test_held_job_is_not_handed_over_before_its_release() -> None:
    async def run() -> None:
        async with two() as yard:
            job = await yard.submit(cluster="site", held=True)
            await yard.submit(cluster="site")
            await yard.until(lambda: len(yard.engine.launches) == 1)
            assert yard.job(job.id).handed is None
            await yard.controller.release(ADA, yard.ref(job.id))
            await yard.until(lambda: len(yard.engine.launches) == 2)

    asyncio.run(run())


def test_tasks_of_an_array_are_handed_over_one_by_one_within_the_throttle() -> None:
    async def run() -> None:
        async with two() as yard:
            array = await yard.submit(cluster="site", indexes=Indexes(ranges=((0, 4, 1),)), throttle=2)
            await yard.until(lambda: len(yard.engine.launches) == 2)
            first, second = yard.engine.launches
            yard.engine.begin(first.launch_id, ON_S2)
            yard.engine.finish(first.launch_id)
            await yard.until(lambda: len(yard.engine.launches) == 3)
            for launch in (second, yard.engine.launches[2]):
                yard.engine.begin(launch.launch_id, ON_S2)
                yard.engine.finish(launch.launch_id)
            await yard.until(lambda: len(yard.engine.launches) == 5)
            for launch in yard.engine.launches[3:]:
                yard.engine.finish(launch.launch_id)
            assert (await yard.until_ended(array.id)).state is JobState.COMPLETED

    asyncio.run(run())


def test_many_are_handed_over_in_turns() -> None:
    async def run() -> None:
        async with two() as yard:
            await yard.submit(cluster="site", indexes=Indexes(ranges=((0, 599, 1),)))
            await yard.until(lambda: len(yard.engine.launches) == 600)
            assert len({one.launch_id for one in yard.engine.launches}) == 600

    asyncio.run(run())


def test_order_that_was_lost_on_the_way_is_given_again_and_a_known_one_is_not() -> None:
    async def run() -> None:
        async with two() as yard:
            lost, lost_launch = await there(yard)
            _, known = await there(yard)
            yard.engine.lose()
            await yard.until(lambda: yard.controller.clusters.named("site").lost_since is not None)
            yard.engine.reconnect(forget=[lost_launch])
            await yard.until(lambda: len(yard.engine.launches) == 3)
            assert yard.engine.launches[-1].launch_id == lost_launch
            assert yard.engine.starts == {known: 1, lost_launch: 1}
            assert yard.state(lost.id) is JobState.PENDING

    asyncio.run(run())


def test_job_that_another_journal_does_not_know_is_lost_and_never_run_twice() -> None:
    async def run() -> None:
        async with two() as yard:
            job, _ = await there(yard)
            yard.engine.reconnect(epoch="another")
            assert (await yard.until_ended(job.id)).state is JobState.LOST
            assert len(yard.engine.launches) == 1

    asyncio.run(run())


def test_what_waits_there_is_found_again_after_a_restart_and_told_what_was_asked_meanwhile() -> None:
    async def run() -> None:
        store, engine = MemoryStore(), site()
        async with two(store, engine) as yard:
            job, launch_id = await there(yard)
            other, other_launch = await there(yard)
            await yard.controller.cancel(ADA, yard.ref(other.id))
            engine.orders.clear()
        async with two(store, engine) as yard:
            await yard.until(lambda: [one.launch_id for one in engine.stops] == [other_launch])
            engine.begin(launch_id, ON_S2)
            await yard.until_state(job.id, JobState.RUNNING)
            assert engine.launches == []

    asyncio.run(run())


def test_job_that_was_let_stand_still_past_us_is_suspended() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard)
            yard.engine.begin(launch_id, ON_S2)
            await yard.until_state(job.id, JobState.RUNNING)
            yard.engine.tell(LaunchSuspended(launch_id=launch_id, suspended=True))
            await yard.until_state(job.id, JobState.SUSPENDED)
            yard.engine.tell(LaunchSuspended(launch_id=launch_id, suspended=False))
            await yard.until_state(job.id, JobState.RUNNING)

    asyncio.run(run())


def test_node_failure_lets_it_wait_again_under_another_launch_where_that_is_allowed() -> None:
    async def run() -> None:
        async with two() as yard:
            job, launch_id = await there(yard, requeue=True)
            yard.engine.begin(launch_id, ON_S2)
            await yard.until_state(job.id, JobState.RUNNING)
            yard.engine.finish(launch_id, lost=True, node_lost=True, error="its node failed")
            await yard.until(lambda: len(yard.engine.launches) == 2)
            assert handed(yard, job.id) != launch_id

    asyncio.run(run())


def test_dry_run_of_a_job_for_an_engine_that_places_foretells_nothing() -> None:
    async def run() -> None:
        async with two() as yard:
            job, _ = await there(yard)
            outlook = await yard.controller.outlook(ADA, yard.job(job.id))
            assert outlook.ahead_count == 0

    asyncio.run(run())


THEIRS = Job(
    id=0, name="theirs", kind=JobKind.BATCH, user="bob", uid=1001, partition="site", submitted_at=999_000.0
)


def test_job_that_its_user_gave_the_engine_past_us_is_listed_and_followed() -> None:
    async def run() -> None:
        async with two() as yard:
            found = LaunchFound(launch_id="s12", engine_id="12", job=THEIRS)
            yard.engine.tell(found)
            yard.engine.tell(found)
            await yard.until(lambda: len(list(yard.controller.live_jobs())) == 1)
            (job,) = yard.controller.live_jobs()
            assert (job.name, job.user, job.engine_id, job.cluster) == ("theirs", "bob", "12", "site")
            yard.engine.begin("s12", ON_S2)
            await yard.until_state(job.id, JobState.RUNNING)
            await yard.controller.cancel(BOB, yard.ref(job.id))
            assert [one.launch_id for one in yard.engine.stops] == ["s12"]
            yard.engine.finish("s12", signal=15)
            assert (await yard.until_ended(job.id)).state is JobState.CANCELLED

    asyncio.run(run())


def test_nothing_of_what_users_gave_the_engine_past_us_is_ended_for_want_of_a_record() -> None:
    async def run() -> None:
        async with two() as yard:
            await there(yard)
            known = frozenset({"s12", "ours"})
            again = EngineConnected(epoch="epoch-1", known=known, found=frozenset({"s12"}))
            yard.engine.tell(again)
            yard.engine.begin("s12", ON_S2)
            await yard.until(lambda: bool(yard.engine.stops))
            assert [one.launch_id for one in yard.engine.stops] == ["ours"]

    asyncio.run(run())


@pytest.mark.parametrize("task", ["none", "furnish"])
def test_job_is_handed_over_with_its_runtime_environment_or_not_at_all(task: str) -> None:
    async def run() -> None:
        environments, engine = Breaking(task), site()
        async with running_yard(rules=Rules(), others={"site": engine}, environments=environments) as yard:
            yard.engine = engine
            job = await yard.submit(cluster="site", runtime_env=ENV)
            if task == "furnish":
                ended = await yard.until_ended(job.id)
                assert (ended.state, engine.launches) == (JobState.FAILED, [])
                return
            await yard.until(lambda: bool(engine.launches))
            assert environments.done == ["prepare", "furnish"]
            assert engine.launches[0].needs == environments.directory(job.uid, job.id)
            engine.tell(LaunchTaken(launch_id=handed(yard, job.id), engine_id="17"))
            await yard.until(lambda: yard.job(job.id).engine_id == "17")
            await yard.controller.cancel(ADA, yard.ref(job.id))
            engine.finish(engine.launches[0].launch_id, cancelled=True)
            await yard.until_ended(job.id)
            await yard.until(lambda: "remove" in environments.done)

    asyncio.run(run())


def test_job_that_names_no_account_has_the_one_that_its_engine_has_for_its_user() -> None:
    async def run() -> None:
        async with two() as yard:
            before, _ = await there(yard)
            user = yard.job(before.id).user
            site = yard.controller.clusters.named("site")
            yard.engine.tell(NodesChanged(nodes=NODES, accounts={user: "theirs", "nobody": "none"}))
            await yard.until(lambda: user in site.accounts)
            yard.engine.tell(NodesChanged(nodes=NODES))
            after, _ = await there(yard)
            named, _ = await there(yard, account="mine")
            found = [yard.job(one.id).account for one in (before, after, named)]
            assert found == [None, "theirs", "mine"]
            assert yard.controller.counters.cycles > 0

    asyncio.run(run())


def test_job_with_names_that_only_its_engine_knows_is_handed_over() -> None:
    async def run() -> None:
        async with two() as yard:
            job, _ = await there(yard, qos="urgent", account="theirs")
            launched = yard.engine.launches[0].job
            assert launched is not None
            assert (launched.qos, launched.account) == ("urgent", "theirs")
            reason = yard.controller.reason(job.id)
            assert reason is not None
            assert reason.code == "engine"

    asyncio.run(run())
