"""Jobs of unlike parts in a running controller: let in, started, told and ended as one."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from launchyard.model.errors import Infeasible, Invalid
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.parts import as_parts, ids_of
from launchyard.model.state import JobState
from launchyard.model.step import StepRequest
from launchyard.model.submission import PartAsked, Update
from launchyard.slurm.environment import slurm_environment
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, RULES, Yard, running_yard

NODES = tuple(Node(name=f"n{n}", cpus=4, memory_mib=4096) for n in (1, 2))


async def submit(yard: Yard, first: int, *further: int, **asked: Any) -> Job:
    """A job whose parts have so many CPUs on a node each."""
    parts = tuple(PartAsked(cpus_milli=cpus * 1000, metadata={"slurm.ntasks": "1"}) for cpus in further)
    return await yard.submit(cpus_milli=first * 1000, parts=parts, **asked)


def test_ids_of_parts_are_nobody_elses_and_are_kept_over_a_restart() -> None:
    async def run() -> None:
        store = MemoryStore()
        async with running_yard(store=store, nodes=NODES) as yard:
            first, second = await submit(yard, 1, 1, 1), await yard.submit()
            assert list(ids_of(first)) == [first.id, first.id + 1, first.id + 2]
            assert second.id == first.id + 3
        async with running_yard(store=store, nodes=NODES) as yard:
            again = yard.controller.live_job(first.id)
            assert again is not None
            assert again.parts == first.parts
            assert (await yard.submit()).id == second.id + 1

    asyncio.run(run())


def test_all_parts_start_at_once_or_none_does_and_the_reason_says_which_is_short() -> None:
    async def run() -> None:
        async with running_yard(store=MemoryStore(), nodes=NODES) as yard:
            other = await yard.submit(cpus_milli=3000)
            job = await submit(yard, 4, 2)
            await yard.until_state(other.id, JobState.RUNNING)
            assert yard.controller.live_job(job.id).state is JobState.PENDING  # type: ignore[union-attr]
            reason = yard.controller.reason(job.id)
            assert reason is not None
            assert reason.code == "resources"
            yard.engine.finish(await yard.until_launched(other.id))
            await yard.until_state(job.id, JobState.RUNNING)
            started = yard.controller.live_job(job.id)
            assert started is not None
            held = [
                part.attempt.allocation.shares[0].cpus_milli for part in as_parts(started) if part.attempt
            ]
            assert held == [4000, 2000]

    asyncio.run(run())


def test_the_launch_holds_what_its_parts_have_of_each_node() -> None:
    async def run() -> None:
        async with running_yard(store=MemoryStore(), nodes=NODES[:1]) as yard:
            job = await submit(yard, 1, 3)
            launch = await yard.until_launched(job.id)
            (order,) = [one for one in yard.engine.launches if one.launch_id == launch]
            assert (order.cpu_ids, order.beside) == ((0, 1, 2, 3), ())

    asyncio.run(run())


def test_a_step_in_several_parts_counts_its_ranks_over_all() -> None:
    async def run() -> None:
        async with running_yard(store=MemoryStore(), nodes=NODES) as yard:
            job = await submit(yard, 4, 1)
            await yard.until_state(job.id, JobState.RUNNING)
            asked = StepRequest(connect="/s", group=1, overlap=True)
            step = await yard.controller.steps.start(
                job.id, StepRequest(connect="/s", tasks=4, parts=(asked,), overlap=True)
            )
            assert [(share.part, share.position, share.tasks) for share in step.shares] == [
                (0, 0, (0, 1, 2, 3)),
                (1, 1, (4,)),
            ]
            alone = await yard.controller.steps.start(job.id, StepRequest(connect="/s", group=1))
            assert [(share.part, share.tasks) for share in alone.shares] == [(1, (0,))]
            with pytest.raises(Infeasible, match="has no part 2"):
                await yard.controller.steps.start(job.id, StepRequest(connect="/s", group=2))

    asyncio.run(run())


def test_the_script_finds_each_part_by_the_number_of_its_group() -> None:
    async def run() -> None:
        async with running_yard(store=MemoryStore(), nodes=NODES) as yard:
            job = await submit(yard, 4, 1)
            await yard.until_state(job.id, JobState.RUNNING)
            started = yard.controller.live_job(job.id)
            assert started is not None
            found = slurm_environment(started)
            assert (found["SLURM_HET_SIZE"], found["SLURM_JOB_ID"]) == ("2", str(job.id))
            assert found["SLURM_JOB_ID_HET_GROUP_1"] == str(job.id + 1)
            assert found["SLURM_JOB_NODELIST"] == found["SLURM_JOB_NODELIST_HET_GROUP_0"]
            assert {found[f"SLURM_JOB_NODELIST_HET_GROUP_{n}"] for n in (0, 1)} == {"n1", "n2"}
            assert found["SLURM_NTASKS_HET_GROUP_1"] == "1"

    asyncio.run(run())


def test_a_default_time_limit_is_what_all_partitions_of_its_parts_allow() -> None:
    async def run() -> None:
        short = Partition(name="short", time_limit_max_s=600)
        rules = replace(RULES, partitions={**RULES.partitions, "short": short})
        async with running_yard(store=MemoryStore(), nodes=NODES, rules=rules) as yard:
            parts = (PartAsked(partition="short"),)
            job = await yard.submit(parts=parts)
            assert (job.time_limit_s, job.partition, job.parts[1].partition) == (600, "all", "short")
            with pytest.raises(Infeasible, match="partition short allows 600 s"):
                await yard.submit(parts=parts, time_limit_s=1200)
            waiting = await yard.submit(parts=parts, time_limit_s=1200, keep_beyond_limits=True)
            reason = yard.controller.reason(waiting.id)
            assert reason is not None
            assert "partition short allows 10m" in reason.sentence

    asyncio.run(run())


def test_what_cannot_be_with_parts_is_refused_in_one_sentence() -> None:
    async def run() -> None:
        async with running_yard(store=MemoryStore(), nodes=NODES) as yard:
            with pytest.raises(Infeasible, match="3 parts do not fit on the nodes at the same time"):
                await submit(yard, 3, 3, 3)
            with pytest.raises(Infeasible, match="no node has 5 CPUs"):
                await submit(yard, 1, 5)
            waiting = await submit(yard, 1, 1, held=True)
            with pytest.raises(Invalid, match="unlike parts, whose resources and partitions stay"):
                await yard.controller.update(ADA, yard.ref(waiting.id), Update(cpus_milli=2000))
            longer = await yard.controller.update(ADA, yard.ref(waiting.id), Update(time_limit_s=60))
            assert (longer.time_limit_s, longer.parts) == (60, waiting.parts)

    asyncio.run(run())
