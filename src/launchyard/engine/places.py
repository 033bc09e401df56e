"""Where the files and processes of a job are, and who acts there as its user.

Of most jobs that is the daemon's own machine, or one that has its files. A cluster whose engine is a
`Gateway` keeps them on its nodes.
"""

import asyncio
import posixpath
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from launchyard.engine.channel import UserHelpers
from launchyard.engine.gateway import Channels, Gateway
from launchyard.engine.protocol import Engine
from launchyard.engine.reaching import reach
from launchyard.model.job import Job
from launchyard.model.session import Target

PLACES_KEPT = 256
"""So many places are known before those that nobody uses are forgotten."""


class Stepping(Channels, Protocol):
    """What is needed of an engine to start a command in a running launch, and to signal it."""

    def step(
        self, launch_id: str, uid: int, argv: Sequence[str], env: dict[str, str], cwd: str, terminal: str
    ) -> Awaitable["asyncio.Future[dict[str, Any]]"]: ...

    def signal(self, launch_id: str, signal: int, *, main_only: bool = False) -> None: ...

    def usage(
        self, launch_ids: Sequence[str] | None = None
    ) -> Awaitable[Mapping[str, Mapping[str, float]]]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """`spool` is the directory in which the user's logs are."""

    helpers: UserHelpers
    engine: Stepping
    spool: str


class Places:
    """`host` is this machine's launcher. Engines that have no nodes of their own share its files."""

    def __init__(self, host: Stepping, spool: str, engines: Mapping[str, Engine]) -> None:
        self.helpers = UserHelpers(host)
        """Those on this machine."""
        self._host = host
        self._spool = spool
        self._gateways = gateways_of(engines)
        self._helpers: dict[tuple[str, str], UserHelpers] = {}

    def of(self, job: Job) -> Place:
        """Where the files of its latest attempt are."""
        return self._place(job, inside=False)

    def inside(self, job: Job) -> Place:
        """Where the processes of its latest attempt run."""
        return self._place(job, inside=True)

    def _place(self, job: Job, *, inside: bool) -> Place:
        gateway, node = self._gateways.get(job.cluster), node_of(job)
        if gateway is None or node is None:
            return Place(self.helpers, self._host, posixpath.join(self._spool, str(job.uid)))
        at = gateway.at(node, launch_of(job), inside=inside)
        if at is None:
            return Place(self.helpers, gateway, gateway.spool(node, job.uid))
        return Place(self._helpers_at(job.cluster, at, gateway), gateway, gateway.spool(node, job.uid))

    def _helpers_at(self, cluster: str, at: str, gateway: Gateway) -> UserHelpers:
        """Places come and go with jobs: what nobody uses any more is let go of now and then."""
        if len(self._helpers) >= PLACES_KEPT:
            self._helpers = {key: one for key, one in self._helpers.items() if one.in_use}
        found = self._helpers.get((cluster, at))
        if found is None:
            found = self._helpers[cluster, at] = UserHelpers(gateway, node=at)
        return found

    async def reach(self, job: Job, uid: int, target: Target) -> int:
        """A connected socket to what listens in a job, ours to close. Raises `Unreachable`."""
        gateway, node = self._gateways.get(job.cluster), node_of(job)
        at = None
        if gateway is not None and node is not None:
            at = gateway.at(node, launch_of(job), inside=True)
        if gateway is None or at is None:
            return (await reach(self.helpers, uid, target)).detach()
        return await gateway.reach(at, uid, target)

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        """What running launches use now, of all clusters that answer."""
        found: dict[str, Mapping[str, float]] = {}
        asked = (self._host.usage(launch_ids), *(one.usage(launch_ids) for one in self._gateways.values()))
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if not isinstance(answer, BaseException):
                found.update(answer)
        return found

    def close(self) -> None:
        for helpers in (self.helpers, *self._helpers.values()):
            helpers.close()


def gateways_of(engines: Mapping[str, Engine]) -> dict[str, Gateway]:
    """Of the clusters that have a way into their nodes."""
    return {name: one for name, one in engines.items() if isinstance(one, Gateway)}


def furnishing_of(engines: Mapping[str, Engine]) -> dict[str, Gateway]:
    """Of the clusters on whose nodes what jobs need is set up."""
    return {name: one for name, one in gateways_of(engines).items() if one.furnishes}


def launch_of(job: Job) -> str:
    """That of its latest attempt."""
    if job.attempt is not None:
        return job.attempt.launch_id
    return job.past[-1].launch_id if job.past else ""


def node_of(job: Job) -> str | None:
    """The first node of its latest attempt; None before there is one."""
    if job.attempt is not None:
        nodes = job.attempt.allocation.nodes
    else:
        nodes = job.past[-1].nodes if job.past else ()
    return nodes[0] if nodes else None
