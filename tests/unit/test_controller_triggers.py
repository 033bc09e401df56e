"""Programs that are run once something has happened: at once, as their users, and once for each event."""

import asyncio

import pytest

from launchyard.engine.protocol import Launch
from launchyard.model.cron import Cron
from launchyard.model.errors import Conflict, Invalid, NotFound
from launchyard.model.node import Node, NodeState
from launchyard.model.state import JobState
from launchyard.model.submission import Caller, Submission
from launchyard.model.trigger import Happening, Trigger
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, BOB, ROOT, Yard, running_yard

NODES = tuple(Node(name=name, cpus=2, memory_mib=4096) for name in ("n1", "n2", "n3"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def trigger(*happenings: Happening, caller: Caller = ADA, **more: object) -> Trigger:
    more.setdefault("command", ("/bin/tell", "me"))
    return Trigger(id=0, uid=caller.uid, user=caller.user, happenings=happenings, **more)  # type: ignore[arg-type]


def programs(yard: Yard) -> list[Launch]:
    return [one for one in yard.engine.launches if one.argv[:1] == ("/bin/tell",)]


def told(yard: Yard) -> list[str]:
    """What each program was told, in order."""
    return [one.argv[-1] for one in programs(yard)]


async def looked_again(yard: Yard) -> None:
    """The duties have looked at least once more: a trigger set now for what is there already has gone off."""
    before = len(programs(yard))
    fini = await yard.submit()
    await yard.until_state(fini.id, JobState.RUNNING)
    yard.engine.finish(yard.launch_id(fini.id))
    await yard.until_durable(fini.id, JobState.COMPLETED)
    await yard.controller.triggers.add(ADA, trigger(Happening.FINI, job_id=fini.id))
    await yard.until(lambda: told(yard)[before:][-1:] == [str(fini.id)])


def test_the_end_of_a_job_runs_the_program_once_as_its_user() -> None:
    async def scenario() -> None:
        async with running_yard(nodes=NODES) as yard:
            job = await yard.submit()
            await yard.until_state(job.id, JobState.RUNNING)
            made = await yard.controller.triggers.add(ADA, trigger(Happening.FINI, job_id=job.id))
            assert made.id == 1

            yard.engine.finish(yard.launch_id(job.id), exit_code=3)

            await yard.until(lambda: len(programs(yard)) == 1)
            (launch,) = programs(yard)
            assert launch.argv == ("/bin/tell", "me", str(job.id))
            assert (launch.uid, launch.time_limit_s, launch.memory_mib, launch.cpus_milli) == (
                1000,
                300,
                256,
                0,
            )
            assert yard.controller.triggers.all(ADA) == []
            (use, *_) = yard.controller.node_uses()
            assert (use.cpus_milli, use.memory_mib) == (0, 0)
            yard.engine.finish(launch.launch_id)
            assert (await yard.until_ended(launch.job_id)).name == "trigger-1"
            assert yard.store.triggers().next_id == 2

    asyncio.run(scenario())


def test_states_of_nodes_set_off_those_that_wait_for_them() -> None:
    async def scenario() -> None:
        async with running_yard(nodes=NODES) as yard:
            triggers, mark = yard.controller.triggers, yard.controller.mark_node
            await triggers.add(ADA, trigger(Happening.DOWN, nodes=("n2",)))
            await triggers.add(BOB, trigger(Happening.UP, caller=BOB))
            lasting = await triggers.add(ROOT, trigger(Happening.DRAINED, caller=ROOT, permanent=True))

            await mark("n1", NodeState.DOWN, "")
            await looked_again(yard)
            assert told(yard)[:-1] == []
            await mark("n2", NodeState.DOWN, "")
            await yard.until(lambda: told(yard)[1:] == ["n2"])
            await mark("n2", NodeState.UP, "")
            await yard.until(lambda: told(yard)[2:] == ["n2"])
            for name in ("n2", "n3"):
                await mark(name, NodeState.DRAIN, "")
            await yard.until(lambda: {*told(yard)[3:]} in ({"n[2-3]"}, {"n2", "n3"}))

            assert triggers.all(ROOT) == [lasting]
            assert [one.uid for one in programs(yard)][:3] == [1000, 1000, 1001]

    asyncio.run(scenario())


def test_a_node_is_drained_when_its_last_job_has_left_and_a_program_is_no_job() -> None:
    async def scenario() -> None:
        async with running_yard() as yard:
            job = await yard.submit()
            await yard.until_state(job.id, JobState.RUNNING)
            drained = trigger(Happening.DRAINED, permanent=True)
            await yard.controller.triggers.add(ADA, drained)

            await yard.controller.mark_node("node", NodeState.DRAIN, "")
            yard.engine.finish(yard.launch_id(job.id))
            await yard.until(lambda: told(yard) == ["node"])
            yard.engine.finish(programs(yard)[0].launch_id)
            await yard.until_ended(programs(yard)[0].job_id)
            await yard.controller.mark_node("node", NodeState.UP, "")

            await looked_again(yard)
            assert told(yard)[:-1] == ["node"]

    asyncio.run(scenario())


def test_time_limits_and_idle_nodes_are_looked_at() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with running_yard(nodes=NODES, clock=clock) as yard:
            job = await yard.submit(time_limit_s=600)
            await yard.until_state(job.id, JobState.RUNNING)
            triggers, offset = yard.controller.triggers, -60
            limit = trigger(Happening.TIME, job_id=job.id, offset_s=offset)
            await triggers.add(ADA, limit)
            await triggers.add(ADA, trigger(Happening.IDLE, nodes=("n3",), offset_s=300))
            clock.now += 299
            await looked_again(yard)
            assert told(yard)[:-1] == []

            clock.now += 2
            await yard.until(lambda: told(yard)[1:] == ["n3"])
            clock.now += 300
            await yard.until(lambda: told(yard)[2:] == [str(job.id)])

    asyncio.run(scenario())


def test_an_offset_waits_after_the_event_and_the_rest_goes_with_the_job() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with running_yard(nodes=NODES, clock=clock) as yard:
            job = await yard.submit()
            await yard.until_state(job.id, JobState.RUNNING)
            triggers = yard.controller.triggers
            await triggers.add(ADA, trigger(Happening.FINI, job_id=job.id, offset_s=30))
            await triggers.add(ADA, trigger(Happening.TIME, Happening.DOWN, job_id=job.id))

            yard.engine.finish(yard.launch_id(job.id))
            await yard.until_durable(job.id, JobState.COMPLETED)

            (left,) = triggers.all(ADA)
            assert left.due_at == clock.now + 30
            clock.now += 31
            await yard.until(lambda: told(yard) == [str(job.id)])

    asyncio.run(scenario())


def test_a_permanent_one_about_a_job_stays_until_the_job_has_ended() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with running_yard(nodes=NODES, clock=clock) as yard:
            line = Submission(command=("true",), cron=Cron("* * * * *", 1, 1))
            (job,) = await yard.controller.crontabs.replace(ADA, "* * * * * true\n", [line])
            fini = trigger(Happening.FINI, Happening.DOWN, job_id=job.id, permanent=True)
            await yard.controller.triggers.add(ADA, fini)
            for count in (1, 2):
                clock.now += 60
                await yard.until_state(job.id, JobState.RUNNING)
                yard.engine.finish(yard.launch_id(job.id))
                await yard.until(lambda count=count: told(yard) == [str(job.id)] * count)  # type: ignore[misc]

            await yard.controller.cancel(ADA, yard.ref(job.id))

            await yard.until(lambda: told(yard) == [str(job.id)] * 3)
            assert yard.controller.triggers.all(ADA) == []

    asyncio.run(scenario())


def test_triggers_outlive_the_daemon_with_what_has_happened() -> None:
    async def scenario() -> None:
        store, clock = MemoryStore(), Clock()
        async with running_yard(store=store, nodes=NODES, clock=clock) as yard:
            job = await yard.submit()
            await yard.until_state(job.id, JobState.RUNNING)
            await yard.controller.triggers.add(ADA, trigger(Happening.FINI, job_id=job.id, offset_s=30))
            await yard.controller.triggers.add(ADA, trigger(Happening.RESUMED))
            yard.engine.finish(yard.launch_id(job.id))
            await yard.until_durable(job.id, JobState.COMPLETED)
            assert told(yard) == []
        clock.now += 60

        async with running_yard(store=store, nodes=NODES, clock=clock) as yard:
            await yard.until(lambda: sorted(told(yard)) == ["*", str(job.id)])
            assert yard.controller.triggers.all(ADA) == []

    asyncio.run(scenario())


def test_others_do_not_see_or_clear_a_trigger_and_jobs_of_others_are_not_there() -> None:
    async def scenario() -> None:
        async with running_yard(nodes=NODES) as yard:
            triggers = yard.controller.triggers
            job = await yard.submit()
            made = await triggers.add(ADA, trigger(Happening.UP))

            assert triggers.all(BOB) == []
            assert triggers.all(ROOT) == [made]
            with pytest.raises(NotFound):
                await triggers.clear(BOB, id=made.id)
            with pytest.raises(NotFound):
                await triggers.add(BOB, trigger(Happening.FINI, caller=BOB, job_id=job.id))
            assert await triggers.clear(ROOT, uid=ADA.uid) == 1
            assert triggers.all(ROOT) == []

    asyncio.run(scenario())


def test_triggers_that_cannot_be_are_refused() -> None:
    async def scenario() -> None:
        async with running_yard(nodes=NODES) as yard:
            triggers = yard.controller.triggers
            await triggers.add(ADA, trigger(Happening.UP))
            with pytest.raises(Conflict, match="such a trigger already"):
                await triggers.add(ADA, trigger(Happening.UP))
            with pytest.raises(NotFound, match="no node n9"):
                await triggers.add(ADA, trigger(Happening.UP, nodes=("n9",)))
            for wrong in (
                trigger(),
                trigger(Happening.FINI),
                trigger(Happening.UP, offset_s=-1),
                trigger(Happening.TIME, job_id=1, offset_s=40_000),
                trigger(Happening.IDLE, job_id=1),
            ):
                with pytest.raises(Invalid):
                    await triggers.add(ADA, wrong)
            for number in range(99):
                await triggers.add(ADA, trigger(Happening.UP, command=("/bin/tell", str(number))))
            with pytest.raises(Conflict, match="at most 100"):
                await triggers.add(ADA, trigger(Happening.DOWN))

    asyncio.run(scenario())
