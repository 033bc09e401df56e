"""Random jobs that depend on one another, random ends: nothing starts while its dependency is open."""

import asyncio
import random

import pytest

from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.engine.protocol import Launch
from launchyard.model.array import parse_indexes
from launchyard.model.dependency import DependencyKind, format_dependency, parse_dependency
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.retries import Retries
from launchyard.model.state import ENDED, JobState
from tests.unit.yard import ADA, Yard, running_yard

pytestmark = pytest.mark.long

S = JobState
NODES = (Node(name="node", cpus=3, memory_mib=65536),)
KINDS = ("after", "afterok", "afternotok", "afterany", "aftercorr", "singleton")
COMPLETED, NOT_COMPLETED = {S.COMPLETED}, ENDED - {S.COMPLETED}
ALLOWED = {
    DependencyKind.AFTER: set(S) - {S.PENDING, S.STARTING},
    DependencyKind.AFTEROK: COMPLETED,
    DependencyKind.AFTERNOTOK: NOT_COMPLETED,
    DependencyKind.AFTERANY: ENDED,
    DependencyKind.AFTERCORR: COMPLETED,
}


class Witness(FakeEngine):
    """Looks at the others whenever a job is launched."""

    yard: Yard
    launched: list[int]

    def start(self, launches: "list[Launch]") -> None:  # type: ignore[override]
        before = set(self.launched)
        for launch in launches:
            self._look(self.yard.job(launch.job_id), before)
            self.launched.append(launch.job_id)
        super().start(launches)

    def _look(self, job: Job, before: set[int]) -> None:
        if job.dependency is None or job.attempts > 1:
            return
        found = [
            self._is_alone(job, before)
            if clause.kind is DependencyKind.SINGLETON
            else self._holds(clause.kind, clause.job_id, job)
            for clause in job.dependency.clauses
        ]
        assert any(found) if job.dependency.any_of else all(found), f"{job.id} {job.dependency} {found}"

    def _is_alone(self, job: Job, before: set[int]) -> bool:
        """A later job that is no singleton may start in the same moment."""
        own = job.task.job_id if job.task is not None else job.id
        names = [one for one in self.yard.controller.live_jobs() if one.name == job.name]
        others = [one for one in names if one.task is None and one.id != own and one.attempt is not None]
        at_work = [one for one in others if one.state not in ENDED]
        return not [one for one in at_work if one.id < own or (one.id in before and one.attempts == 1)]

    def _holds(self, kind: DependencyKind, other_id: int, job: Job) -> bool:
        other = self.yard.job(other_id)
        if kind is DependencyKind.AFTERCORR and other.array is not None and job.task is not None:
            task = self.yard.controller.live_task(other_id, job.task.index)
            task = task or self.yard.store.job_of_task(other_id, job.task.index)
            other = task or other
        begun = kind is DependencyKind.AFTER and other.attempts > 0
        return begun or other.state in ALLOWED[kind]


async def submit(yard: Yard, chance: random.Random, ids: list[int]) -> None:
    terms = []
    for _ in range(chance.choice([0, 1, 1, 2])):
        kind = chance.choice(KINDS)
        terms.append(kind if kind == "singleton" else f"{kind}:{chance.choice(ids or [1])}")
    text = chance.choice([",", "?"]).join(terms)
    asked: dict[str, object] = {"name": chance.choice("abc")}
    if chance.random() < 0.3:
        asked["indexes"], asked["throttle"] = parse_indexes(chance.choice(["1-3", "1-4%1", "2-3"]))
    if chance.random() < 0.3:
        asked["retries"] = Retries(count=1, backoff_s=0)
    try:
        job = await yard.submit(ADA, dependency=parse_dependency(text) if text else None, **asked)
    except LaunchyardError:
        return
    ids.append(job.id)


async def storm(seed: int) -> None:
    chance = random.Random(seed)
    engine = Witness(NODES, obedience=Obedience.START)
    async with running_yard(nodes=NODES, engine=engine) as yard:
        engine.yard, engine.launched = yard, []
        ids: list[int] = []
        for _ in range(60):
            await submit(yard, chance, ids)
            if engine.running and chance.random() < 0.7:
                engine.finish(chance.choice(list(engine.running)), exit_code=chance.choice([0, 0, 1]))
            if ids and chance.random() < 0.1:
                with_id = yard.ref(chance.choice(ids))
                act = chance.choice([yard.controller.cancel, yard.controller.requeue])
                await asyncio.gather(act(ADA, with_id), return_exceptions=True)
        await _drain(yard, engine)
        left = [_told(yard, one) for one in yard.controller.live_jobs()]
        assert not left, left
        assert len(engine.launched) > 20


def _told(yard: Yard, job: Job) -> str:
    """What a failure of the test is understood from."""
    text = format_dependency(job.dependency) if job.dependency is not None else "-"
    reason = yard.controller.reason(job.id)
    why = reason.sentence if reason is not None else "-"
    return f"{job.id} {job.name} {job.state} {text} met={job.dependency_met} {job.array} ({why})"


async def _drain(yard: Yard, engine: Witness) -> None:
    """Let everything that runs complete until nothing is left; every job ends."""
    deadline = asyncio.get_running_loop().time() + 20
    while any(True for _ in yard.controller.live_jobs()):
        for launch_id in list(engine.running):
            engine.finish(launch_id)
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_starts_while_its_dependency_is_open_and_everything_ends(seed: int) -> None:
    asyncio.run(asyncio.wait_for(storm(seed), 60))
