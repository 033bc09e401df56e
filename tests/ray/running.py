"""A Ray engine at work in a test: what it reports is kept, and waited for."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from launchyard.engine.building import Surroundings
from launchyard.engine.protocol import EngineReport, Launch, LaunchEnded, LaunchStarted, NodesChanged
from launchyard.engine.ray.engine import RayEngine
from launchyard.model.cluster import ClusterSettings, EngineKind
from launchyard.model.node import Node, NodeState
from tests.ray.lab import Lab

PATIENCE_S = 150.0
Report = TypeVar("Report", bound=EngineReport)


class NoHost:
    """Nothing acts as a user on this machine."""

    async def user_channel(self, uid: int, memory_mib: int | None = None, node: str | None = None) -> int:
        raise NotImplementedError


class Running:
    """The engine, all that it reported and when."""

    def __init__(self, lab: Lab, directory: Path, *, serves_all: bool = True) -> None:
        self.lab = lab
        cluster = ClusterSettings(
            name="big", engine=EngineKind.RAY, address=lab.address, python=str(lab.python)
        )
        around = Surroundings(
            cluster=cluster,
            directory=directory,
            host=NoHost(),
            serves_all=serves_all,
            drop_in="",
            spool="",
            clock=time.time,
            allow_root_jobs=True,
        )
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        self.engine = RayEngine(around, str(lab.python))
        self.reports: list[EngineReport] = []
        self.at: dict[str, float] = {}
        """When the first report of each launch came."""
        self._ends: dict[str, LaunchEnded] = {}

    def take(self, reports: Sequence[EngineReport]) -> None:
        self.reports += reports
        for one in reports:
            if isinstance(one, LaunchStarted | LaunchEnded):
                self.at.setdefault(one.launch_id, time.monotonic())
                self.engine.acknowledge(one.token)
            if isinstance(one, LaunchEnded):
                self._ends[one.launch_id] = one

    def of(self, kind: type[Report]) -> list[Report]:
        return [one for one in self.reports if isinstance(one, kind)]

    def ends(self) -> dict[str, LaunchEnded]:
        return self._ends

    def have_ended(self, orders: Sequence[Launch]) -> bool:
        """All of these; ends of earlier tests may be told again beside."""
        return all(order.launch_id in self._ends for order in orders)

    def started(self) -> set[str]:
        return {one.launch_id for one in self.of(LaunchStarted)}

    def nodes(self) -> dict[str, Node]:
        """As they were last told of."""
        told = self.of(NodesChanged)
        return {node.name: node for node in told[-1].nodes} if told else {}

    def up(self) -> int:
        return sum(node.state is NodeState.UP for node in self.nodes().values())

    async def until(self, condition: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {self.reports[-10:]}"
            await asyncio.sleep(0.005)

    def bridge_pid(self) -> int:
        process: Any = self.engine._bridge._process
        return int(process.pid)

    def launch(self, node: int, *argv: str, uid: int = 0, environment: Mapping[str, str] = {}) -> Launch:
        launch_id = secrets.token_hex(8)
        return Launch(
            launch_id=launch_id,
            job_id=1,
            uid=uid,
            node=self.lab.name(node),
            argv=argv,
            environment={"PATH": "/usr/bin:/bin", **environment},
            working_dir="/",
            spool_log=f"1-{launch_id}.log",
        )


@asynccontextmanager
async def running(lab: Lab) -> AsyncIterator[Running]:
    """All nodes serve; agents of an earlier test are used again, as by a daemon that is restarted."""
    directory = lab.directory / "daemon"
    directory.mkdir(exist_ok=True)
    made = Running(lab, directory)
    await made.engine.open(made.take)
    try:
        await made.until(lambda: made.up() == lab.nodes)
        yield made
    finally:
        await made.engine.close()
