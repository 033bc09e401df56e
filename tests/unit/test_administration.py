"""Rules put in force at run time are durable; usage of others is for administrators."""

import asyncio
from dataclasses import replace

import pytest

from launchyard.config import read_rules
from launchyard.controller.administration import Administration, UsageRow
from launchyard.controller.duties.charging import charge
from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.account import Account, Association, Limits
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.role import Role
from launchyard.model.rules import Rules
from launchyard.model.state import JobState as S
from launchyard.store.memory import MemoryStore
from tests.unit.test_controller_parties import NODES, Clock, rules
from tests.unit.yard import ADA, BOB, ROOT, running_yard

TEXT = '[[partitions]]\nname = "all"\n[[qos]]\nname = "normal"\nlimits = { jobs = 1 }\n'


def test_rules_are_in_force_at_once_kept_over_a_reload_and_forgotten() -> None:
    async def scene() -> None:
        store = MemoryStore()
        async with running_yard(store=store, nodes=NODES, rules=rules()) as yard:
            administration: Administration = yard.controller.administration
            assert not administration.kept
            await administration.put_in_force(read_rules(TEXT, "t"))
            assert "normal" in administration.kept
            assert store.rules() == administration.kept
            first, second = await yard.submit(), await yard.submit()
            await yard.until_state(first.id, S.RUNNING)
            assert yard.state(second.id) is S.PENDING

            await administration.reload()
            assert administration.rules.qos["normal"].limits.jobs == 1
            assert yard.state(second.id) is S.PENDING

            await administration.reload(forget=True)
            assert store.rules() == ""
            assert administration.rules == Rules()
            assert second.id not in yard.controller._loop.live.queue, "its partition is not in the file"

    asyncio.run(scene())


def test_a_partition_on_nodes_that_are_gone_is_closed() -> None:
    async def scene() -> None:
        gone = {
            "all": Partition(name="all", default=True),
            "gone": Partition(name="gone", nodes=("n8", "n9")),
            "half": Partition(name="half", nodes=("n8", "node")),
        }
        async with running_yard(nodes=NODES, rules=rules(partitions=gone)) as yard:
            found = yard.controller.administration.rules.partitions
            assert (found["gone"].state, found["half"].nodes) == (PartitionState.INACTIVE, ("node",))
            assert found["half"].state is PartitionState.UP

    asyncio.run(scene())


def test_everybody_sees_its_own_usage_and_an_administrator_all() -> None:
    async def scene() -> None:
        clock = Clock()
        engine = FakeEngine(NODES, now=clock, obedience=Obedience.START)
        those = rules(
            accounts={
                "science": Account(name="science"),
                "physics": Account(name="physics", parent="science", everyone=True, limits=Limits(jobs=9)),
                "optics": Account(name="optics"),
            },
            associations={("optics", "bob"): Association(user="bob", account="optics", shares=3)},
        )
        async with running_yard(engine=engine, nodes=NODES, rules=those, clock=clock) as yard:
            for caller in (ADA, BOB):
                one = await yard.submit(caller, cpus_milli=2000, account="physics")
                await yard.until_state(one.id, S.RUNNING)
            clock.now += 3600
            charge(yard.controller._loop)
            usage = yard.controller.administration.usage
            assert _places(usage(ADA)) == [("science", None), ("physics", None), ("physics", "ada")]
            assert ("optics", "bob") in _places(usage(BOB))
            assert ("physics", "ada") not in _places(usage(BOB))
            everything = {(row.account, row.user): row for row in usage(ROOT)}
            assert len(everything) == 6
            assert everything["science", None].cpu_s == pytest.approx(4 * 3600)
            assert everything["physics", "ada"].cpu_s == pytest.approx(2 * 3600)
            assert everything["optics", "bob"].level is None, "nothing was used there"
            assert everything["optics", "bob"].factor == 1.0

    asyncio.run(scene())


def test_without_accounts_usage_is_by_user() -> None:
    async def scene() -> None:
        clock = Clock()
        engine = FakeEngine(NODES, now=clock, obedience=Obedience.START)
        async with running_yard(engine=engine, nodes=NODES, rules=rules(), clock=clock) as yard:
            for account in ("one", "other"):
                job = await yard.submit(account=account)
                await yard.until_state(job.id, S.RUNNING)
            clock.now += 3600
            charge(yard.controller._loop)
            (row,) = yard.controller.administration.usage(replace(BOB, role=Role.ADMINISTRATOR))
            assert (row.account, row.user) == (None, "ada")
            assert row.cpu_s == pytest.approx(2 * 3600)
            assert yard.controller.administration.usage(BOB) == []

    asyncio.run(scene())


def _places(rows: list[UsageRow]) -> list[tuple[str | None, str | None]]:
    return [(row.account, row.user) for row in rows]
