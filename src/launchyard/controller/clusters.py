"""The clusters under this daemon: each with its engine, and what is known of whether that answers."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from launchyard.engine.gateway import Gateway, Outpost
from launchyard.engine.protocol import (
    Engine,
    EngineConnected,
    EngineDescribed,
    EngineFacts,
    EngineLost,
    EngineReport,
    Launch,
    LaunchFound,
    StepOrder,
)
from launchyard.engine.queue import Queue
from launchyard.model.ability import EVERYTHING, Placing
from launchyard.model.job import Job
from launchyard.model.reason import Reason


class LiveCluster:
    """One cluster. `epoch` is that of its engine's journal, None while it does not answer: nothing starts."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self.engine = engine
        self.epoch: str | None = None
        self.lost_since: float | None = None
        self.facts: EngineFacts | None = None
        self.told_nodes = False
        """Its engine has told of its nodes since it was opened."""
        self.accounts: Mapping[str, str] = {}
        """By user, in an engine with accounts of its own: that of a job which names none."""
        self.found: set[str] = set()
        """Launches that users gave the engine past us."""
        self.gateway = engine if isinstance(engine, Gateway) else None
        """The way into its nodes, of a cluster whose nodes are elsewhere."""
        self.waits: dict[str, Reason] = {}
        """Of launches that wait in the engine: why, as it says."""

    @property
    def places(self) -> bool:
        """The engine decides when and where jobs start."""
        return self.engine.abilities.places is Placing.ENGINE

    @property
    def queue(self) -> Queue | None:
        """What can be done to launches that wait there."""
        return self.engine if self.places and isinstance(self.engine, Queue) else None

    def described(self, report: EngineDescribed) -> None:
        """What it says of itself after it was opened."""
        if self.facts is not None:
            self.facts = replace(self.facts, enforcement=report.enforcement, details=report.details)

    def heard(self, report: EngineReport) -> None:
        """Whether it answers, of what it reports."""
        if isinstance(report, EngineConnected):
            self.epoch, self.lost_since = report.epoch, None
            self.found |= report.found
        elif isinstance(report, LaunchFound):
            self.found.add(report.launch_id)
        elif isinstance(report, EngineLost):
            self.epoch, self.lost_since = None, report.since


class LiveClusters:
    """By name, the default one first. A job of a cluster that is not configured any more has one that never
    answers: it keeps its state until the cluster is back, or somebody ends it."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._all = {name: LiveCluster(name, engine) for name, engine in engines.items()}
        self._gone: dict[str, LiveCluster] = {}

    def __iter__(self) -> Iterator[LiveCluster]:
        return iter(self._all.values())

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def __len__(self) -> int:
        return len(self._all)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._all)

    @property
    def default(self) -> LiveCluster:
        return next(iter(self._all.values()))

    def named(self, name: str) -> LiveCluster:
        found = self._all.get(name) or self._gone.get(name)
        if found is None:
            found = self._gone[name] = LiveCluster(name, _Gone())
        return found

    def of(self, job: Job) -> LiveCluster:
        """The cluster that the job belongs to."""
        return self.named(job.cluster)

    def stale_since(self, job: Job) -> float | None:
        """Since when its engine has said nothing of a job that is with it; None: what is known is true."""
        return None if job.ended or job.launch_id is None else self.of(job).lost_since

    def is_elsewhere(self, job: Job) -> bool:
        """Its processes and its files are on a node that is reached through its engine."""
        return self.of(job).gateway is not None

    def is_furnished_there(self, job: Job) -> bool:
        """What it needs is set up on the node that it is given."""
        gateway = self.of(job).gateway
        return gateway is not None and gateway.furnishes

    def outpost(self, job: Job) -> Outpost | None:
        """What of ours is where its attempt is; None: it is on this machine, or not known yet."""
        gateway, attempt = self.of(job).gateway, job.attempt
        if gateway is None or (attempt is None and job.handed is None):
            return None
        return gateway.outpost(attempt.allocation.nodes[0] if attempt is not None else "")

    async def open(self, take: Callable[[LiveCluster, Sequence[EngineReport]], None]) -> None:
        """Connect to all at once."""
        await asyncio.gather(*(self._open(one, take) for one in self))

    async def close(self) -> None:
        await asyncio.gather(*(one.engine.close() for one in self))

    async def _open(
        self, cluster: LiveCluster, take: Callable[[LiveCluster, Sequence[EngineReport]], None]
    ) -> None:
        cluster.facts = await cluster.engine.open(lambda reports: take(cluster, reports))


class _Gone:
    """The engine of a cluster that is not configured any more: it hears of nothing and does nothing."""

    abilities = EVERYTHING
    suspends = steps = False

    async def open(self, report: Callable[[Sequence[EngineReport]], None]) -> EngineFacts:
        raise RuntimeError("a cluster that is gone is never opened")

    def start(self, launches: Sequence[Launch]) -> None: ...

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None: ...

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None: ...

    def order_steps(self, orders: Sequence[StepOrder]) -> None: ...

    def suspend(self, launch_id: str, *, suspended: bool) -> None: ...

    def limit(self, launch_id: str, time_limit_s: float | None) -> None: ...

    def acknowledge(self, token: int) -> None: ...

    async def close(self) -> None: ...
