"""Urgent jobs make others go, through the controller: who goes, what becomes of them, who gets the place."""

from launchyard.model.account import QOS, PreemptMode
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.rules import Rules
from launchyard.model.state import JobState as S
from tests.unit.test_controller import lives
from tests.unit.yard import running_yard

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
