"""Urgent jobs make others go, through the controller: who goes, what becomes of them, who gets the place."""

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.account import QOS, PreemptMode
from launchyard.model.errors import Conflict
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.rules import Rules
from launchyard.model.state import JobState as S
from launchyard.store.memory import MemoryStore
from tests.unit.test_controller import lives
from tests.unit.yard import ROOT, running_yard

NODES = (Node(name="a", cpus=2, memory_mib=100),)


def rules(mode: PreemptMode) -> Rules:
    return Rules(
        partitions={"all": Partition(name="all", default=True)},
        qos={
            "normal": QOS(name="normal"),
            "low": QOS(name="low", preempt_mode=mode, grace_s=7),
            "urgent": QOS(name="urgent", tier=10, preempts=("low",)),
        },
    )


@lives
async def test_a_preempted_job_waits_again_and_runs_when_the_urgent_one_is_done() -> None:
    async with running_yard(nodes=NODES, rules=rules(PreemptMode.REQUEUE)) as yard:
        low = await yard.submit(cpus_milli=2000, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        first = yard.launch_id(low.id)
        urgent = await yard.submit(cpus_milli=1000, qos="urgent")
        await yard.until_state(urgent.id, S.RUNNING)
        waiting = yard.job(low.id)
        assert (waiting.state, waiting.past[-1].state) == (S.PENDING, S.PREEMPTED)
        assert waiting.past[-1].cause == f"made room for job {urgent.id}"
        yard.engine.finish(yard.launch_id(urgent.id), exit_code=0)
        await yard.until_state(low.id, S.RUNNING)
        assert yard.launch_id(low.id) != first


@lives
async def test_a_preempted_job_of_a_qos_that_is_cancelled_ends() -> None:
    async with running_yard(nodes=NODES, rules=rules(PreemptMode.CANCEL)) as yard:
        low = await yard.submit(cpus_milli=2000, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        urgent = await yard.submit(cpus_milli=1000, qos="urgent")
        ended = await yard.until_ended(low.id)
        assert (ended.state, ended.cause) == (S.PREEMPTED, f"made room for job {urgent.id}")
        await yard.until_state(urgent.id, S.RUNNING)


@lives
async def test_jobs_whose_qos_does_not_allow_it_are_left_alone() -> None:
    async with running_yard(nodes=NODES, rules=rules(PreemptMode.OFF)) as yard:
        low = await yard.submit(cpus_milli=2000, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        urgent = await yard.submit(cpus_milli=1000, qos="urgent")
        await yard.submit(held=True)
        assert (yard.state(low.id), yard.state(urgent.id)) == (S.RUNNING, S.PENDING)


@lives
async def test_a_job_that_stands_still_gives_its_cpus_and_goes_on_when_the_urgent_one_is_done() -> None:
    async with running_yard(nodes=NODES, rules=rules(PreemptMode.SUSPEND)) as yard:
        low = await yard.submit(cpus_milli=2000, memory_mib=40, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        first = yard.launch_id(low.id)
        urgent = await yard.submit(cpus_milli=1000, memory_mib=60, qos="urgent")
        await yard.until_state(urgent.id, S.RUNNING)
        assert yard.state(low.id) is S.SUSPENDED
        (use,) = yard.controller.node_uses()
        assert (use.cpus_milli, use.memory_mib) == (1000, 100)
        yard.engine.finish(yard.launch_id(urgent.id), exit_code=0)
        await yard.until_state(low.id, S.RUNNING)
        assert (yard.launch_id(low.id), yard.engine.starts[first]) == (first, 1)
        (use,) = yard.controller.node_uses()
        assert use.cpus_milli == 2000


@lives
async def test_nobody_stands_still_for_memory_that_he_would_keep() -> None:
    async with running_yard(nodes=NODES, rules=rules(PreemptMode.SUSPEND)) as yard:
        low = await yard.submit(cpus_milli=2000, memory_mib=60, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        urgent = await yard.submit(cpus_milli=1000, memory_mib=60, qos="urgent")
        await yard.submit(held=True)
        assert (yard.state(low.id), yard.state(urgent.id)) == (S.RUNNING, S.PENDING)


@lives
async def test_a_job_that_makes_room_is_not_let_go_on_by_hand_before_there_is_room() -> None:
    async with running_yard(nodes=NODES, rules=rules(PreemptMode.SUSPEND)) as yard:
        low = await yard.submit(cpus_milli=2000, memory_mib=10, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        urgent = await yard.submit(cpus_milli=1000, memory_mib=10, qos="urgent")
        await yard.until_state(urgent.id, S.RUNNING)
        with pytest.raises(Conflict, match=f"makes room for job {urgent.id}"):
            await yard.controller.resume(ROOT, yard.ref(low.id))


@lives
async def test_a_job_that_makes_room_may_be_cancelled_and_the_room_counts_once() -> None:
    async with running_yard(nodes=NODES, rules=rules(PreemptMode.SUSPEND)) as yard:
        low = await yard.submit(cpus_milli=2000, memory_mib=10, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        urgent = await yard.submit(cpus_milli=1000, memory_mib=10, qos="urgent")
        await yard.until_state(urgent.id, S.RUNNING)
        await yard.controller.cancel(ROOT, yard.ref(low.id))
        await yard.until_ended(low.id)
        (use,) = yard.controller.node_uses()
        assert (use.cpus_milli, use.memory_mib) == (1000, 10)


@lives
async def test_who_makes_room_still_does_after_a_restart_of_the_server() -> None:
    store, engine = MemoryStore(), FakeEngine(NODES, obedience=Obedience.START)
    suspending = rules(PreemptMode.SUSPEND)
    async with running_yard(store=store, engine=engine, nodes=NODES, rules=suspending) as yard:
        low = await yard.submit(cpus_milli=2000, memory_mib=10, qos="low")
        await yard.until_state(low.id, S.RUNNING)
        urgent = await yard.submit(cpus_milli=2000, memory_mib=10, qos="urgent")
        await yard.until_state(urgent.id, S.RUNNING)
    async with running_yard(store=store, engine=engine, nodes=NODES, rules=suspending) as yard:
        assert yard.state(low.id) is S.SUSPENDED
        yard.engine.finish(yard.launch_id(urgent.id), exit_code=0)
        await yard.until_state(low.id, S.RUNNING)
