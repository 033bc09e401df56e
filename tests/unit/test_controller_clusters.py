"""Several clusters under one controller: one list of jobs, each planned and reported by itself."""

import asyncio
from dataclasses import replace

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.engine.protocol import Enforcement, EngineDescribed, NodesChanged
from launchyard.model.ability import Abilities, Lack
from launchyard.model.errors import Infeasible
from launchyard.model.event import NodeMoved
from launchyard.model.node import Node, NodeState
from launchyard.model.rules import Rules
from launchyard.model.state import JobState
from launchyard.model.submission import Update
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, NODES, Yard, running_yard

FAR = (Node(name="far1", cpus=4, memory_mib=8192), Node(name="far2", cpus=4, memory_mib=8192))


def far(nodes: tuple[Node, ...] = FAR, abilities: Abilities | None = None) -> FakeEngine:
    lacks = abilities or Abilities()
    return FakeEngine(nodes, now=lambda: 1_000_000.0, obedience=Obedience.START, abilities=lacks)


def nodes_of(yard: Yard, job_id: int) -> tuple[str, ...]:
    attempt = yard.job(job_id).attempt
    assert attempt is not None
    return attempt.allocation.nodes


def test_job_goes_to_the_cluster_it_names_and_only_that_engine_hears_of_it() -> None:
    async def run() -> None:
        other = far()
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            here, there = await yard.submit(), await yard.submit(cluster="far", cpus_milli=4000)
            await yard.until_state(here.id, JobState.RUNNING)
            await yard.until_state(there.id, JobState.RUNNING)
            assert (here.cluster, there.cluster, there.partition) == ("local", "far", "far")
            assert [one.job_id for one in yard.engine.launches] == [here.id]
            assert [one.job_id for one in other.launches] == [there.id]
            assert nodes_of(yard, there.id) == ("far1",)
            await yard.controller.cancel(ADA, yard.ref(there.id))
            ended = await yard.until_ended(there.id)
            assert (ended.state, yard.engine.stops) == (JobState.CANCELLED, [])

    asyncio.run(run())


def test_what_waits_for_one_cluster_keeps_nobody_from_another() -> None:
    async def run() -> None:
        async with running_yard(rules=Rules(), others={"far": far()}) as yard:
            await yard.submit(cpus_milli=2000)
            waiting = await yard.submit(cpus_milli=2000)
            there = await yard.submit(cluster="far", cpus_milli=4000)
            await yard.until_state(there.id, JobState.RUNNING)
            assert yard.state(waiting.id) is JobState.PENDING

    asyncio.run(run())


def test_cluster_that_does_not_answer_starts_nothing_and_the_others_go_on() -> None:
    async def run() -> None:
        other = far()
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            other.lose()
            await yard.until(lambda: yard.controller.clusters.named("far").lost_since is not None)
            there, here = await yard.submit(cluster="far"), await yard.submit()
            await yard.until_state(here.id, JobState.RUNNING)
            reason = yard.controller.reason(there.id)
            assert reason is not None
            assert yard.state(there.id) is JobState.PENDING
            other.reconnect()
            await yard.until_state(there.id, JobState.RUNNING)

    asyncio.run(run())


def test_job_for_a_cluster_that_has_not_answered_yet_waits_for_its_nodes() -> None:
    """Nobody knows which there will be: a request is measured once there are some."""

    async def run() -> None:
        other = far(())
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            with pytest.raises(Infeasible, match="has no nodes"):
                await yard.submit(cluster="far")
            other.lose()
            await yard.until(lambda: yard.controller.clusters.named("far").lost_since is not None)
            there = await yard.submit(cluster="far")
            reason = yard.controller.reason(there.id)
            assert reason is not None
            assert reason.sentence == "waits for cluster far, whose engine does not answer at the moment"
            other.reconnect()
            other.tell(NodesChanged(nodes=FAR))
            await yard.until_state(there.id, JobState.RUNNING)

    asyncio.run(run())


def test_what_a_cluster_says_of_itself_later_is_what_is_shown() -> None:
    """One that was away when the server started is not told as away for ever."""

    async def run() -> None:
        other = far()
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            enforcement = Enforcement(memory="cgroup v2", cpus="none", processes="none", users="switched")
            other.tell(EngineDescribed(enforcement=enforcement, details={"ray": "2.60"}))

            def described() -> bool:
                facts = next(one.facts for one in yard.controller.clusters if one.name == "far")
                return facts is not None and dict(facts.details) == {"ray": "2.60"}

            await yard.until(described)

    asyncio.run(run())


def test_nodes_come_and_go_while_the_server_runs() -> None:
    async def run() -> None:
        other = far(FAR[:1])
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            first = await yard.submit(cluster="far", cpus_milli=4000)
            second = await yard.submit(cluster="far", cpus_milli=4000)
            await yard.until_state(first.id, JobState.RUNNING)
            other.tell(NodesChanged(nodes=FAR))
            await yard.until_state(second.id, JobState.RUNNING)
            assert nodes_of(yard, second.id) == ("far2",)
            other.tell(NodesChanged(nodes=FAR[1:]))
            await yard.until(lambda: _state(yard, "far1") is NodeState.DOWN)
            assert yard.state(first.id) is JobState.RUNNING

    asyncio.run(run())


def test_nodes_that_come_go_or_are_marked_are_told_of_once_that_is_durable() -> None:
    async def run() -> None:
        store, other = MemoryStore(), far(FAR[:1])
        told: list[tuple[str, NodeState | None, NodeState | None, str]] = []
        kept: list[NodeState | None] = []

        def hear(event: NodeMoved) -> None:
            told.append((event.name, event.previous, event.state, event.reason))
            kept.append(next((mark.state for mark in store.node_marks() if mark.name == event.name), None))

        async with running_yard(store=store, rules=Rules(), others={"far": other}) as yard:
            # That the first node came is told by now.
            await yard.controller._loop.committed()
            end = yard.controller.watch_nodes(hear)
            await yard.controller.mark_node("far1", NodeState.DRAIN, "new disks", "root")
            assert kept == [NodeState.DRAIN]
            other.tell(NodesChanged(nodes=FAR))
            await yard.until(lambda: len(told) == 2)
            other.fail_node("far2", "no answer")
            await yard.until(lambda: len(told) == 3)
            other.tell(NodesChanged(nodes=FAR[1:]))
            await yard.until(lambda: any(one[2] is None for one in told))
            end()
            await yard.controller.mark_node("far2", NodeState.DRAIN, "", "root")
        up, drain, down = NodeState.UP, NodeState.DRAIN, NodeState.DOWN
        assert told[:3] == [
            ("far1", up, drain, "new disks"),
            ("far2", None, up, ""),
            ("far2", up, down, "no answer"),
        ]
        assert ("far1", drain, None, "") in told[3:]
        assert {one[0] for one in told[3:]} <= {"far1", "far2"}

    asyncio.run(run())


def _state(yard: Yard, name: str) -> NodeState | None:
    return next((use.node.state for use in yard.controller.node_uses() if use.node.name == name), None)


def test_what_an_operator_said_of_a_node_holds_when_it_comes_back() -> None:
    async def run() -> None:
        store, other = MemoryStore(), far()
        async with running_yard(store=store, rules=Rules(), others={"far": other}) as yard:
            await yard.controller.mark_node("far1", NodeState.DRAIN, "new disks", "root")
            other.tell(NodesChanged(nodes=FAR[1:]))
            await yard.until(lambda: _state(yard, "far1") is None)
            other.tell(NodesChanged(nodes=FAR))
            await yard.until(lambda: _state(yard, "far1") is NodeState.DRAIN)
        async with running_yard(store=store, rules=Rules(), others={"far": far()}) as yard:
            assert _state(yard, "far1") is NodeState.DRAIN

    asyncio.run(run())


def test_node_that_failed_takes_work_again_when_the_engine_tells_of_it() -> None:
    async def run() -> None:
        other = far(FAR[:1])
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            job = await yard.submit(cluster="far")
            await yard.until_state(job.id, JobState.RUNNING)
            other.fail_node("far1", "its agent is silent")
            assert (await yard.until_ended(job.id)).state is JobState.NODE_FAIL
            other.tell(NodesChanged(nodes=FAR[:1]))
            await yard.until(lambda: _state(yard, "far1") is NodeState.UP)
            again = await yard.submit(cluster="far")
            await yard.until_state(again.id, JobState.RUNNING)

    asyncio.run(run())


def test_node_with_the_name_of_one_elsewhere_is_left_out() -> None:
    async def run() -> None:
        other = far((replace(FAR[0], name=NODES[0].name), FAR[1]))
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            nodes = {use.node.name: use.node.cluster for use in yard.controller.node_uses()}
            assert nodes == {"node": "local", "far2": "far"}

    asyncio.run(run())


def test_what_an_engine_lacks_is_refused_at_submission_and_in_a_dry_run() -> None:
    async def run() -> None:
        lacks = Abilities(lacks={Lack.TERMINAL: "it has no terminals; use `ly submit`"})
        async with running_yard(rules=Rules(), others={"far": far(abilities=lacks)}) as yard:
            with pytest.raises(Infeasible, match="cluster far cannot run this: it has no terminals"):
                await yard.submit(cluster="far", terminal=True)
            assert (await yard.submit(terminal=True)).cluster == "local"

    asyncio.run(run())


def test_jobs_are_found_again_by_their_engines_after_a_restart() -> None:
    async def run() -> None:
        store, other = MemoryStore(), far()
        async with running_yard(store=store, rules=Rules(), others={"far": other}) as yard:
            here, there = await yard.submit(), await yard.submit(cluster="far")
            await yard.until_durable(there.id, JobState.RUNNING)
            await yard.until_durable(here.id, JobState.RUNNING)
            engine = yard.engine
        async with running_yard(store=store, engine=engine, rules=Rules(), others={"far": other}) as yard:
            await yard.until(lambda: len(yard.controller.clusters) == 2)
            other.finish(yard.launch_id(there.id))
            assert (await yard.until_ended(there.id)).state is JobState.COMPLETED
            assert yard.state(here.id) is JobState.RUNNING

    asyncio.run(run())


def test_job_of_a_cluster_that_is_not_configured_any_more_keeps_its_state() -> None:
    async def run() -> None:
        store, other = MemoryStore(), far()
        async with running_yard(store=store, rules=Rules(), others={"far": other}) as yard:
            there = await yard.submit(cluster="far")
            await yard.until_durable(there.id, JobState.RUNNING)
        async with running_yard(store=store, rules=Rules()) as yard:
            here = await yard.submit()
            await yard.until_state(here.id, JobState.RUNNING)
            assert yard.state(there.id) is JobState.RUNNING
            await yard.controller.cancel(ADA, yard.ref(there.id))
            ended = await yard.until_ended(there.id)
            assert (ended.state, ended.cause) == (
                JobState.LOST,
                "cluster far is not configured any more, so its exit code is not known",
            )

    asyncio.run(run())


def test_waiting_job_can_be_moved_to_a_partition_of_another_cluster() -> None:
    async def run() -> None:
        async with running_yard(rules=Rules(), others={"far": far()}) as yard:
            job = await yard.submit(held=True)
            await yard.controller.update(ADA, yard.ref(job.id), Update(partition="far"))
            await yard.controller.release(ADA, yard.ref(job.id))
            await yard.until_state(job.id, JobState.RUNNING)
            assert nodes_of(yard, job.id) == ("far1",)

    asyncio.run(run())


def test_jobs_of_an_engine_that_is_silent_keep_their_state_and_say_since_when() -> None:
    async def run() -> None:
        other = far()
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            there, here = await yard.submit(cluster="far"), await yard.submit()
            await yard.until_state(there.id, JobState.RUNNING)
            await yard.until_state(here.id, JobState.RUNNING)
            clusters = yard.controller.clusters
            other.lose()
            await yard.until(lambda: clusters.named("far").lost_since is not None)
            stale = [clusters.stale_since(yard.job(one.id)) for one in (there, here)]
            assert stale == [1_000_000.0, None]
            other.reconnect()
            await yard.until(lambda: clusters.stale_since(yard.job(there.id)) is None)
            assert yard.state(there.id) is JobState.RUNNING

    asyncio.run(run())


def test_job_whose_engine_is_silent_for_very_long_is_lost_and_never_failed() -> None:
    async def run() -> None:
        other, hours = far(), [0.0]
        now = lambda: 1_000_000.0 + hours[0] * 3600  # noqa: E731
        async with running_yard(rules=Rules(), others={"far": other}, clock=now) as yard:
            there, here = await yard.submit(cluster="far"), await yard.submit()
            await yard.until_state(there.id, JobState.RUNNING)
            await yard.until_state(here.id, JobState.RUNNING)
            other.lose()
            await yard.until(lambda: yard.controller.clusters.named("far").lost_since is not None)
            hours[0] = 7 * 24 + 1
            ended = await yard.until_ended(there.id)
            assert ended.state is JobState.LOST
            assert ended.cause == "its engine has not answered for 7 d, so its exit code is not known"
            assert yard.state(here.id) is JobState.RUNNING

    asyncio.run(run())


def test_node_that_its_engine_closes_takes_no_more_work_and_those_who_watch_hear_of_it() -> None:
    async def run() -> None:
        other = far(FAR[:1])
        async with running_yard(rules=Rules(), others={"far": other}) as yard:
            closed = replace(FAR[0], state=NodeState.DRAIN, reason="new disks, says Slurm")
            other.tell(NodesChanged(nodes=(closed,)))
            await yard.until(lambda: _state(yard, "far1") is NodeState.DRAIN)
            job = await yard.submit(cluster="far")
            reason = yard.controller.reason(job.id)
            assert reason is not None
            assert "new disks, says Slurm" in reason.sentence
            other.tell(NodesChanged(nodes=FAR[:1]))
            await yard.until_state(job.id, JobState.RUNNING)

    asyncio.run(run())
