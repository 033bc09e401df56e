"""A controller on the memory store and the fake engine, with a clock that a test sets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from launchyard.controller.assembly import Bounds, assemble
from launchyard.controller.controller import Controller, JobRef
from launchyard.controller.launching import LaunchSettings
from launchyard.engine.environments import Environments
from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.role import Role
from launchyard.model.rules import Rules
from launchyard.model.state import ENDED, JobState
from launchyard.model.submission import Caller, Submission
from launchyard.store.memory import MemoryStore
from launchyard.store.protocol import Store

ADA = Caller(user="ada", uid=1000)
BOB = Caller(user="bob", uid=1001)
ROOT = Caller(user="root", uid=0, role=Role.ADMINISTRATOR)
NODES = (Node(name="node", cpus=2, memory_mib=4096),)
NO_OTHERS: Mapping[str, FakeEngine] = {}
RULES = Rules(partitions={"all": Partition(name="all", default=True)})


@dataclass
class Yard:
    """What a test drives: ask the controller, tell the engine, look at jobs."""

    controller: Controller
    engine: FakeEngine
    store: Store
    seen: list[StateChanged] = field(default_factory=list)

    async def submit(self, caller: Caller = ADA, **asked: object) -> Job:
        asked.setdefault("command", ("true",))
        (result,) = await self.controller.submit(caller, [Submission(**asked)])  # type: ignore[arg-type]
        if not isinstance(result, Job):
            raise result
        return result

    def job(self, job_id: int) -> Job:
        job = self.controller.live_job(job_id) or self.store.job(job_id)
        assert job is not None
        return job

    def state(self, job_id: int) -> JobState:
        return self.job(job_id).state

    def launch_id(self, job_id: int) -> str:
        attempt = self.job(job_id).attempt
        assert attempt is not None
        return attempt.launch_id

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + 60
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "what the test waits for did not happen"
            await asyncio.sleep(0.001)

    async def until_state(self, job_id: int, state: JobState) -> None:
        await self.until(lambda: self.state(job_id) is state)

    async def until_durable(self, job_id: int, state: JobState) -> None:
        await self.until(lambda: (job := self.store.job(job_id)) is not None and job.state is state)

    async def until_ended(self, job_id: int) -> Job:
        await self.until(lambda: (job := self.store.job(job_id)) is not None and job.state in ENDED)
        return self.job(job_id)

    async def until_launched(self, job_id: int) -> str:
        await self.until(lambda: any(one.job_id == job_id for one in self.engine.launches))
        return self.launch_id(job_id)

    def ref(self, job_id: int, index: int | None = None) -> JobRef:
        return JobRef(job_id=job_id, index=index)


@asynccontextmanager
async def running_yard(
    *,
    store: Store | None = None,
    engine: FakeEngine | None = None,
    nodes: Sequence[Node] = NODES,
    rules: Rules = RULES,
    obedience: Obedience = Obedience.START,
    clock: Callable[[], float] = lambda: 1_000_000.0,
    unkillable_s: float = 60,
    requeues_max: int = 10,
    zero_cpu_jobs_max: int = 16,
    environments: Environments | None = None,
    others: Mapping[str, FakeEngine] = NO_OTHERS,
) -> AsyncIterator[Yard]:
    store = store or MemoryStore()
    engine = engine or FakeEngine(tuple(nodes), now=clock, obedience=obedience)
    assembled = await assemble(
        store=store,
        engines={"local": engine, **others},
        nodes=nodes,
        rules=rules,
        clock=clock,
        launching=LaunchSettings(spool="/spool"),
        bounds=Bounds(
            unkillable_s=unkillable_s,
            requeues_max=requeues_max,
            zero_cpu_jobs_max=zero_cpu_jobs_max,
            duties_s=0.02,
        ),
        environments=environments,
    )
    yard = Yard(assembled.controller, engine, store)
    yard.controller.watch(yard.seen.extend)
    try:
        yield yard
    finally:
        await assembled.close()
