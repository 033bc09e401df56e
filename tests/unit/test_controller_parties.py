"""Accounts, limits and charges as the running controller keeps them."""

import asyncio
from dataclasses import replace

import pytest

from launchyard.controller.duties.charging import charge
from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.account import QOS, Account, Association, Limits
from launchyard.model.array import Indexes, parse_indexes
from launchyard.model.errors import Conflict, Infeasible
from launchyard.model.node import Node
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.rules import Rules
from launchyard.model.state import JobState as S
from launchyard.model.submission import Submission, Update
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, BOB, ROOT, Yard, running_yard

NODES = (Node(name="node", cpus=8, memory_mib=8192, gpus=4),)
ALL = Partition(name="all", default=True)
PHYSICS = Account(name="physics", everyone=True)
HOUR = 3600


def rules(**changes: object) -> Rules:
    return replace(Rules(partitions={"all": ALL}), **changes)  # type: ignore[arg-type]


def accounts(*some: Account) -> dict[str, Account]:
    return {one.name: one for one in some}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def reason(yard: Yard, job_id: int) -> str:
    found = yard.controller.reason(job_id)
    assert found is not None
    return found.sentence


def test_a_limit_holds_a_job_until_another_one_ends() -> None:
    async def scene() -> None:
        held = accounts(replace(PHYSICS, limits=Limits(gpus=2)))
        async with running_yard(nodes=NODES, rules=rules(accounts=held)) as yard:
            first = await yard.submit(gpus=2)
            second = await yard.submit(BOB, gpus=1)
            third = await yard.submit(BOB)
            await yard.until_state(first.id, S.RUNNING)
            await yard.until_state(third.id, S.RUNNING)
            assert first.account == "physics"
            assert yard.state(second.id) is S.PENDING
            assert await reason(yard, second.id) == "waits because account physics uses 2 of 2 GPUs"
            yard.engine.finish(yard.launch_id(first.id))
            await yard.until_state(second.id, S.RUNNING)

    asyncio.run(scene())


def test_tasks_of_an_array_are_held_to_the_limits_one_by_one() -> None:
    async def scene() -> None:
        qos = {"normal": QOS(name="normal", per_user=Limits(jobs=3))}
        async with running_yard(nodes=NODES, rules=rules(qos=qos)) as yard:
            array = await yard.submit(indexes=_indexes("1-6"))
            await yard.until(lambda: len(yard.engine.launches) == 3)
            record = yard.job(array.id)
            assert record.array is not None
            assert len(record.array.waiting) == 3
            sentence = await reason(yard, array.id)
            assert sentence == "waits because user ada runs 3 of 3 jobs of QOS normal"

    asyncio.run(scene())


def test_what_can_never_be_is_refused_and_so_is_one_waiting_job_too_many() -> None:
    async def scene() -> None:
        own = accounts(replace(PHYSICS, limits=Limits(gpus=2), per_user=Limits(waiting=3)))
        async with running_yard(nodes=NODES, rules=rules(accounts=own)) as yard:
            with pytest.raises(Infeasible, match="may use 2 GPUs, 3 asked for; ask for --gpus 2 or less"):
                await yard.submit(gpus=3)
            some = [Submission(command=("true",), held=True) for _ in range(5)]
            results = await yard.controller.submit(ADA, some)
            refused = [str(one) for one in results if isinstance(one, Conflict)]
            assert len(refused) == 2
            assert refused[0].startswith("user ada has 3 of 3 waiting jobs in account physics")
            await yard.submit(BOB, held=True)
            with pytest.raises(Conflict):
                await yard.submit(held=True)
            await yard.controller.cancel(ADA, yard.ref(1))
            await yard.submit(held=True)

    asyncio.run(scene())


def test_a_change_of_the_qos_does_not_lead_around_a_limit_of_waiting_jobs() -> None:
    async def scene() -> None:
        qos = {"normal": QOS(name="normal"), "few": QOS(name="few", per_user=Limits(waiting=1))}
        async with running_yard(nodes=NODES, rules=rules(qos=qos)) as yard:
            first = await yard.submit(held=True, qos="few")
            second = await yard.submit(held=True)
            with pytest.raises(Conflict, match="user ada has 1 of 1 waiting jobs of QOS few"):
                await yard.controller.update(ADA, yard.ref(second.id), Update(qos="few"))
            await yard.controller.update(ADA, yard.ref(first.id), Update(qos="normal"))
            await yard.controller.update(ADA, yard.ref(second.id), Update(qos="few"))
            assert [yard.job(one.id).qos for one in (first, second)] == ["normal", "few"]

    asyncio.run(scene())


def test_account_and_qos_are_the_users_own() -> None:
    async def scene() -> None:
        those = rules(
            accounts=accounts(Account(name="physics", qos=("normal",)), Account(name="optics")),
            associations={
                ("physics", "ada"): Association(user="ada", account="physics", default=True),
                ("optics", "ada"): Association(user="ada", account="optics", default_qos="interactive"),
            },
        )
        async with running_yard(nodes=NODES, rules=those) as yard:
            plain = await yard.submit()
            assert (plain.account, plain.qos) == ("physics", "normal")
            other = await yard.submit(account="optics")
            assert (other.account, other.qos) == ("optics", "interactive")
            for asked, sentence in (
                (
                    Submission(account="chemistry"),
                    "there is no account 'chemistry'; ada may use: optics, physics",
                ),
                (Submission(qos="fast"), "there is no QOS 'fast'; there are: normal"),
                (Submission(qos="interactive"), "user ada may not use QOS interactive in account physics"),
            ):
                (refused,) = await yard.controller.submit(ADA, [replace(asked, command=("true",))])
                assert sentence in str(refused)
            with pytest.raises(Infeasible, match="user bob is in no account; an administrator adds one"):
                await yard.submit(BOB)

    asyncio.run(scene())


def test_without_accounts_nobody_needs_one_and_a_name_is_a_label() -> None:
    async def scene() -> None:
        async with running_yard(nodes=NODES, rules=rules()) as yard:
            assert (await yard.submit()).account is None
            labelled = await yard.submit(account="of-another-site")
            assert (labelled.account, labelled.qos) == ("of-another-site", "normal")

    asyncio.run(scene())


def test_partitions_are_for_some() -> None:
    async def scene() -> None:
        those = rules(
            partitions={
                "all": ALL,
                "staff": Partition(name="staff", groups=("staff",)),
                "wide": Partition(name="wide", nodes_min=2),
                "old": Partition(name="old", state=PartitionState.DRAIN),
                "fast": Partition(name="fast", qos=("interactive",), default_qos="interactive"),
            }
        )
        async with running_yard(nodes=NODES, rules=those) as yard:
            member = replace(ADA, groups=("users", "staff"))
            assert (await yard.submit(member, partition="staff")).partition == "staff"
            assert (await yard.submit(ROOT, partition="staff")).partition == "staff"
            assert (await yard.submit(partition="fast")).qos == "interactive"
            for name, sentence in (
                ("staff", "partition staff is for members of the group staff; there are: all, wide"),
                ("wide", "partition wide is for jobs of 2 nodes or more, 1 asked for; ask for --nodes 2"),
                ("old", "partition old takes no jobs: it is being drained; there are: all, wide"),
            ):
                with pytest.raises(Infeasible) as caught:
                    await yard.submit(partition=name)
                assert sentence in str(caught.value)
            waiting = await yard.submit(held=True)
            with pytest.raises(Infeasible, match="is for members of the group staff"):
                await yard.controller.update(ADA, yard.ref(waiting.id), Update(partition="staff"))

    asyncio.run(scene())


def test_usage_is_charged_while_running_and_at_the_end_and_never_twice() -> None:
    async def scene() -> None:
        clock, store = Clock(), MemoryStore()
        engine = FakeEngine(NODES, now=clock, obedience=Obedience.START)
        async with running_yard(store=store, engine=engine, nodes=NODES, rules=rules(), clock=clock) as yard:
            job = await yard.submit(cpus_milli=2000)
            await yard.until_state(job.id, S.RUNNING)
            clock.now += 60
            charge(yard.controller._loop)
            await yard.until(lambda: bool(store.spent()))
            assert [one.cpu_s for one in store.spent()] == [120.0]
            clock.now += 30
        async with running_yard(store=store, engine=engine, nodes=NODES, rules=rules(), clock=clock) as yard:
            yard.engine.finish(yard.launch_id(job.id))
            await yard.until_ended(job.id)
            (spent,) = store.spent()
            assert spent.cpu_s == pytest.approx(180.0, rel=1e-3)
            assert spent.billed_s == pytest.approx(180.0, rel=1e-3)
            clock.now += 60
            charge(yard.controller._loop)
            assert store.spent() == [spent]

    asyncio.run(scene())


def test_who_used_less_goes_first() -> None:
    async def scene() -> None:
        clock, store = Clock(), MemoryStore()
        engine = FakeEngine(NODES, now=clock, obedience=Obedience.START)
        those = rules(accounts=accounts(PHYSICS))
        async with running_yard(store=store, engine=engine, nodes=NODES, rules=those, clock=clock) as yard:
            first = await yard.submit(cpus_milli=8000)
            await yard.until_state(first.id, S.RUNNING)
            again = await yard.submit(cpus_milli=8000)
            other = await yard.submit(BOB, cpus_milli=8000)
            clock.now += 60
            charge(yard.controller._loop)
            assert list(yard.controller._loop.live.queue.in_order()) == [other.id, again.id]

    asyncio.run(scene())


def test_other_rules_hold_at_once_and_waiting_jobs_wait_for_what_is_gone() -> None:
    async def scene() -> None:
        before = rules(
            partitions={"all": ALL, "extra": Partition(name="extra")},
            qos={"normal": QOS(name="normal"), "fast": QOS(name="fast")},
        )
        async with running_yard(nodes=NODES, rules=before) as yard:
            live = yard.controller._loop.live
            running = await yard.submit(cpus_milli=8000, partition="extra", time_limit_s=HOUR)
            await yard.until_state(running.id, S.RUNNING)
            extra = await yard.submit(partition="extra")
            fast = await yard.submit(qos="fast")
            plain = await yard.submit()
            after = rules(qos={"normal": QOS(name="normal", limits=Limits(jobs=2))})
            live.use_rules(after, 1_000_000.0)
            assert list(live.queue.in_order()) == [plain.id]
            assert await reason(yard, extra.id) == (
                f"waits for partition extra, which is not there any more; go on with "
                f"`ly update {extra.id} --partition all`"
            )
            assert await reason(yard, fast.id) == (
                f"waits for QOS fast, which is not there any more; go on with "
                f"`ly update {fast.id} --qos normal`"
            )
            with pytest.raises(Infeasible, match="there is no partition 'extra'; there are: all"):
                await yard.submit(partition="extra")
            await yard.controller.update(ADA, yard.ref(fast.id), Update(qos="normal"))
            assert yard.job(fast.id).qos == "normal"
            yard.engine.finish(yard.launch_id(running.id))
            await yard.until_state(plain.id, S.RUNNING)
            live.use_rules(before, 1_000_000.0)
            assert extra.id in live.queue or yard.state(extra.id) is not S.PENDING

    asyncio.run(scene())


def _indexes(text: str) -> Indexes:
    return parse_indexes(text)[0]
