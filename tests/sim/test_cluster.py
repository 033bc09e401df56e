"""A whole cluster with faults, from a seed: the real controller on an engine that obeys the story.

What must hold holds at every moment, not only at the end: nothing is held twice, a gang has all its nodes, no
job moves outside the table; and when all faults are over, every job ends.
"""

import asyncio
import contextlib
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.array import parse_indexes
from launchyard.model.dependency import parse_dependency
from launchyard.model.errors import LaunchyardError
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.retries import Retries
from launchyard.model.state import ALLOCATED, ENDED, TRANSITIONS, JobState
from launchyard.sim.policies import AGEING_S
from launchyard.store.memory import MemoryStore
from tests.unit.yard import ADA, BOB, ROOT, Yard, running_yard

NODES = (
    Node(name="a", cpus=4, memory_mib=4000, gpus=2),
    Node(name="b", cpus=4, memory_mib=2000),
    Node(name="c", cpus=2, memory_mib=1000, gpus=1),
)
LIVES = 3
STEPS = 80
ENDS: tuple[dict[str, object], ...] = (
    {"exit_code": 0},
    {"exit_code": 0},
    {"exit_code": 3},
    {"signal": 11},
    {"timed_out": True, "signal": 15},
    {"out_of_memory": True, "signal": 9},
    {"lost": True},
    {"error": "cannot enter /home/ada: no such directory"},
)
Act = Callable[[], Awaitable[object]]


class Story:
    """What happens, one random thing after the other."""

    yard: Yard
    """The server of now."""

    def __init__(self, engine: FakeEngine, seed: int, now: list[float]) -> None:
        self.engine = engine
        self.chance = random.Random(seed)
        self.now = now
        self.ids: list[int] = []
        self.weighted: list[tuple[int, Act]] = [
            (30, self.submit),
            (25, self.finish),
            (9, self.act),
            (4, self.mark),
            (2, self.lose_node),
            (3, self.lose_engine),
            (2, self.main_ends),
        ]

    async def step(self) -> None:
        self.now[0] += self.chance.choice((0, 1, 60, 1800))
        (_, act) = self.chance.choices(self.weighted, [weight for weight, _ in self.weighted])[0]
        with contextlib.suppress(LaunchyardError):
            await act()

    async def submit(self) -> None:
        chance = self.chance
        asked: dict[str, object] = {
            "cpus_milli": chance.choice((500, 1000, 1000, 2000, 4000, 8000)),
            "memory_mib": chance.choice((1, 100, 1000)),
            "gpus": chance.choice((0, 0, 0, 1)),
            "nodes": chance.choice((1, 1, 1, 2)),
            "time_limit_s": chance.choice((60, 3600, 86_400)),
            "held": chance.random() < 0.1,
            "requeue": chance.random() < 0.5,
        }
        if chance.random() < 0.2:
            asked["indexes"], asked["throttle"] = parse_indexes(chance.choice(("1-3", "1-6%2")))
        if chance.random() < 0.2:
            asked["retries"] = Retries(count=2, backoff_s=30)
        if self.ids and chance.random() < 0.2:
            kind = chance.choice(("afterok", "afterany", "afternotok", "after"))
            asked["dependency"] = parse_dependency(f"{kind}:{chance.choice(self.ids)}")
        job = await self.yard.submit(chance.choice((ADA, BOB)), **asked)
        self.ids.append(job.id)

    async def finish(self) -> None:
        running = sorted(self.engine.running)
        if running:
            how = self.chance.choice(ENDS)
            self.engine.finish(self.chance.choice(running), **how)  # type: ignore[arg-type]

    async def main_ends(self) -> None:
        running = sorted(self.engine.running)
        if running:
            self.engine.main_ended(self.chance.choice(running))

    async def act(self) -> None:
        if not self.ids:
            return
        controller = self.yard.controller
        acts = (
            controller.cancel,
            controller.hold,
            controller.release,
            controller.requeue,
            controller.suspend,
            controller.resume,
        )
        await self.chance.choice(acts)(ROOT, self.yard.ref(self.chance.choice(self.ids[-20:])))

    async def mark(self) -> None:
        state = self.chance.choice((NodeState.UP, NodeState.UP, NodeState.DRAIN, NodeState.DOWN))
        await self.yard.controller.mark_node(self.chance.choice(NODES).name, state, "a test")

    async def lose_node(self) -> None:
        self.engine.fail_node(self.chance.choice(NODES).name, "does not answer")

    async def lose_engine(self) -> None:
        """It comes back after a while, now and then without what it knew of a launch."""
        engine = self.engine
        engine.lose()
        for _ in range(self.chance.randrange(3)):
            await self.finish()
        forgotten = [one for one in sorted(engine.running) if self.chance.random() < 0.1]
        engine.reconnect(forget=forgotten)

    async def end(self) -> None:
        """All faults are over, everything may go on, and nobody submits any more."""
        for node in NODES:
            await self.yard.controller.mark_node(node.name, NodeState.UP, "")
        while live := list(self.yard.controller.live_jobs()):
            self.now[0] += 3600
            for job in live:
                if job.held:
                    with contextlib.suppress(LaunchyardError):
                        await self.yard.controller.release(ROOT, self.yard.ref(job.id))
            for launch_id in sorted(self.engine.running):
                self.engine.finish(launch_id)
            # Time went on by itself here: one look makes the controller see what is due.
            await self.yard.controller.mark_node("a", NodeState.UP, "")
            await asyncio.sleep(0.001)


def nothing_is_held_twice(yard: Yard) -> None:
    held: Counter[tuple[str, str, object]] = Counter()
    for job in yard.controller.live_jobs():
        if job.state not in ALLOCATED or job.attempt is None:
            continue
        for share in job.attempt.allocation.shares:
            held[share.node, "cpus", ""] += share.cpus_milli
            held[share.node, "memory", ""] += share.memory_mib
            held.update((share.node, "cpu", cpu) for cpu in share.cpu_ids)
            held.update((share.node, "gpu", gpu) for gpu in share.gpu_ids)
    for node in NODES:
        assert held[node.name, "cpus", ""] <= node.cpus * 1000
        assert held[node.name, "memory", ""] <= node.memory_mib
    assert all(count == 1 for (_, what, _), count in held.items() if what in ("cpu", "gpu"))
    for use in yard.controller.node_uses():
        assert use.cpus_milli == held[use.node.name, "cpus", ""]
        assert use.memory_mib == held[use.node.name, "memory", ""]


def every_job_has_its_nodes(yard: Yard) -> None:
    """A gang runs on all its nodes; what waits holds none."""
    for job in yard.controller.live_jobs():
        if job.state in ALLOCATED and job.array is None:
            assert job.attempt is not None
            assert len(set(job.attempt.allocation.nodes)) == job.request.nodes
        elif job.state is JobState.PENDING:
            assert job.attempt is None


async def told(seed: int) -> tuple[list[JobState], list[JobState]]:
    """The story of a seed, with two restarts of the server in it; the end states of what was submitted, and
    all states that were seen."""
    now = [1_000_000.0]
    store = MemoryStore()
    engine = FakeEngine(NODES, now=lambda: now[0], obedience=Obedience.START)
    story = Story(engine, seed, now)
    seen: list[StateChanged] = []
    for life in range(LIVES):
        async with running_yard(
            store=store, engine=engine, nodes=NODES, clock=lambda: now[0], unkillable_s=1e9
        ) as yard:
            story.yard = yard
            for _ in range(STEPS):
                await story.step()
                nothing_is_held_twice(yard)
                every_job_has_its_nodes(yard)
                for _ in range(story.chance.randrange(3)):
                    await asyncio.sleep(0.0005)
                    nothing_is_held_twice(yard)
            if life == LIVES - 1:
                # Which act finds which job depends on the machine's time: this one is cancelled in any case.
                job = await yard.submit(ADA, held=True)
                story.ids.append(job.id)
                await yard.controller.cancel(ROOT, yard.ref(job.id))
                await asyncio.wait_for(story.end(), 60)
                await yard.until(lambda: all(ended(yard, job_id) for job_id in story.ids))
            seen += yard.seen
    assert all(count <= 1 for count in engine.starts.values())
    moves = [(event.previous, event.state) for event in seen if event.previous is not None]
    assert [move for move in moves if move[1] not in TRANSITIONS[move[0]].values()] == []
    return [yard.state(job_id) for job_id in story.ids], [event.state for event in seen]


def ended(yard: Yard, job_id: int) -> bool:
    job = yard.store.job(job_id)
    return job is not None and job.state in ENDED


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_nothing_is_held_twice_and_every_job_ends(seed: int) -> None:
    states, seen = asyncio.run(told(seed))
    assert len(states) >= STEPS // 5
    assert set(states) <= ENDED
    assert {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED} <= set(states)
    assert JobState.STARTING in seen


def test_a_wide_job_is_overtaken_no_longer_than_its_bound() -> None:
    """Small jobs come without end. Those come too late that were submitted after the ageing time times the
    logarithm of how many times larger the wide one is; from then on it waits for what runs alone."""
    waited_s = asyncio.run(_wide_job_waits_s())
    small_s, areas = 3600, 4
    bound_s = AGEING_S * math.log(areas) + 2 * small_s
    assert small_s < waited_s <= bound_s


async def _wide_job_waits_s() -> float:
    now = [1_000_000.0]
    nodes = (Node(name="a", cpus=4, memory_mib=4000),)
    async with running_yard(
        nodes=nodes, clock=lambda: now[0], obedience=Obedience.START, unkillable_s=1e9
    ) as yard:
        small = [await yard.submit(memory_mib=1, time_limit_s=3600) for _ in range(8)]
        wide = await yard.submit(cpus_milli=4000, memory_mib=4, time_limit_s=3600)
        began = now[0]
        while yard.state(wide.id) is JobState.PENDING:
            now[0] += 900
            due = [job for job in small if runs_until(yard, job) <= now[0]]
            for job in due:
                yard.engine.finish(yard.launch_id(job.id))
            for job in due:
                await yard.until_ended(job.id)
                small.remove(job)
                small.append(await yard.submit(memory_mib=1, time_limit_s=3600))
            assert now[0] - began < 7 * 86_400, "it is overtaken for ever"
        return (yard.job(wide.id).started_at or now[0]) - began


def runs_until(yard: Yard, job: Job) -> float:
    job = yard.job(job.id)
    return math.inf if job.started_at is None else job.started_at + 3600
