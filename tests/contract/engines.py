"""The engines that the contract is held to: each ready to be opened, with one node and nothing running.

The fake ones and our own launcher everywhere; a real Ray and a real Slurm where they are installed (slow).
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from launchyard.engine.building import Surroundings
from launchyard.engine.fake import FakeEngine, Obedience
from launchyard.engine.keeper import launch_keeper
from launchyard.engine.local import LocalEngine
from launchyard.engine.protocol import (
    Engine,
    EngineConnected,
    EngineLost,
    EngineReport,
    Launch,
    LaunchEnded,
)
from launchyard.engine.slurm.engine import build
from launchyard.model.ability import Abilities, Placing
from launchyard.model.cluster import ClusterSettings, EngineKind
from launchyard.model.job import Job, JobKind
from launchyard.model.node import Node
from tests.ray.conftest import brought_up
from tests.ray.lab import Lab as RayLab
from tests.ray.running import Running
from tests.slurm.lab import Lab as SlurmLab
from tests.slurm.lab import missing
from tests.slurm.settings import USERS
from tests.slurm.sides import make_users
from tests.system.product import Product

NODE = Node(name="node", cpus=2, memory_mib=1024, pinned=False)
Report = TypeVar("Report", bound=EngineReport)


@dataclass
class Heard:
    """The engine, and all that it has reported. `user` is whose jobs it runs in these tests."""

    engine: Engine
    interrupt: Callable[[], Awaitable[None]]
    """Make the engine lose its connection; it comes back."""
    user: str = ""
    patience_s: float = 60
    reports: list[EngineReport] = field(default_factory=list)

    def take(self, reports: Sequence[EngineReport]) -> None:
        self.reports += reports

    def of(self, kind: type[Report]) -> list[Report]:
        return [report for report in self.reports if isinstance(report, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + self.patience_s
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, f"not reported: {self.reports}"
            await asyncio.sleep(0.005)

    def connected_more_than(self, times: int) -> bool:
        return len(self.of(EngineConnected)) > times

    async def ended(self, launch_id: str) -> LaunchEnded:
        await self.until(lambda: any(one.launch_id == launch_id for one in self.of(LaunchEnded)))
        return next(one for one in self.of(LaunchEnded) if one.launch_id == launch_id)

    def launch(self) -> Launch:
        """A launch that sleeps until it is stopped; what engines that place look at is there too."""
        entry = pwd.getpwnam(self.user) if self.user else pwd.getpwuid(os.geteuid())
        launch_id, user = secrets.token_hex(8), entry.pw_name
        job = Job(
            id=1,
            name="contract",
            kind=JobKind.BATCH,
            user=user,
            uid=entry.pw_uid,
            partition="debug",
            submitted_at=0,
        )
        return Launch(
            launch_id=launch_id,
            job_id=1,
            uid=entry.pw_uid,
            node="node",
            argv=("sleep", "600"),
            environment={"PATH": "/usr/bin:/bin"},
            working_dir="/",
            spool_log=f"1-{launch_id}.log",
            job=job,
        )


Opened = Callable[[Path], "AsyncIterator[Heard]"]


@asynccontextmanager
async def _fake(abilities: Abilities) -> AsyncIterator[Heard]:
    """Obeys: what is started runs until it is stopped."""
    engine = FakeEngine((NODE,), obedience=Obedience.START, abilities=abilities)

    async def interrupt() -> None:
        engine.lose()
        engine.reconnect()

    yield Heard(engine, interrupt)
    await engine.close()


@asynccontextmanager
async def fake(directory: Path) -> AsyncIterator[Heard]:
    """One that leaves the placing to us."""
    async with _fake(Abilities()) as heard:
        yield heard


@asynccontextmanager
async def placing(directory: Path) -> AsyncIterator[Heard]:
    """One that places."""
    async with _fake(Abilities(places=Placing.ENGINE)) as heard:
        yield heard


@asynccontextmanager
async def _launcher(state: Path) -> AsyncIterator[tuple[LocalEngine, Product]]:
    launch_keeper(state, daemon_uid=os.geteuid(), allow_root_jobs=True)
    engine, product = LocalEngine(state, nodes=(NODE,)), Product(state)
    yield engine, product
    await engine.close()
    product.destroy()


@asynccontextmanager
async def local(directory: Path) -> AsyncIterator[Heard]:
    """A real keeper and launcher."""
    async with _launcher(directory / "state") as (engine, product):

        async def interrupt() -> None:
            product.kill_all("launcher")

        yield Heard(engine, interrupt)


@asynccontextmanager
async def ray(lab: RayLab, directory: Path) -> AsyncIterator[Heard]:
    """A launcher on a node of a real Ray cluster."""
    made = Running(lab, directory)

    async def interrupt() -> None:
        os.kill(made.bridge_pid(), signal.SIGKILL)

    yield Heard(made.engine, interrupt, patience_s=60)
    await made.engine.close()
    lab.kill_leftovers_of_jobs()


@asynccontextmanager
async def old_ray(lab: RayLab, directory: Path) -> AsyncIterator[Heard]:
    """The same, of another version under another Python."""
    async with ray(lab, directory) as heard:
        yield heard


@asynccontextmanager
async def slurm(lab: SlurmLab, directory: Path) -> AsyncIterator[Heard]:
    """A real Slurm, to which jobs are handed as its user."""
    (directory / "engine").mkdir()
    async with _launcher(directory / "state") as (host, _):
        await host.open(lambda reports: None)
        around = Surroundings(
            cluster=ClusterSettings(
                name="lab", engine=EngineKind.SLURM, conf=lab.environment["SLURM_CONF"], bin="/usr/bin"
            ),
            directory=directory / "engine",
            host=host,
            serves_all=True,
            drop_in="/nowhere",
            spool="/nowhere",
            clock=time.time,
        )
        heard = Heard(build(around), _never, user=USERS[0], patience_s=90)

        async def interrupt() -> None:
            lost, connected = len(heard.of(EngineLost)), len(heard.of(EngineConnected))
            since = time.time()
            await heard.until(lambda: lab.saved_at() > since)
            await asyncio.to_thread(lab.kill, "slurmctld")
            await heard.until(lambda: len(heard.of(EngineLost)) > lost)
            await asyncio.to_thread(lab.start_again, "slurmctld")
            await heard.until(lambda: len(heard.of(EngineConnected)) > connected)

        heard.interrupt = interrupt
        yield heard
        await heard.engine.close()


async def _never() -> None:
    raise AssertionError("not ready to be interrupted")


@contextmanager
def ray_of_one_node(*which: str) -> Iterator[RayLab]:
    """A Ray cluster with one node, called as that of the others; `old`: of an old Ray and Python."""
    with brought_up(*which, nodes=1, named=NODE.name) as made:
        yield made


@contextmanager
def slurm_of_one_node() -> Iterator[SlurmLab]:
    """In a directory that users may enter."""
    if lack := missing():
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    make_users()
    directory = Path(tempfile.mkdtemp(prefix="launchyard-contract-"))
    directory.chmod(0o755)
    lab = SlurmLab(directory / "lab", nodes=1)
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
        shutil.rmtree(directory, ignore_errors=True)
