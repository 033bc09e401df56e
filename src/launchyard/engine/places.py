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
        """Where its latest attempt ran, or runs."""
        gateway, node = self._gateways.get(job.cluster), node_of(job)
        if gateway is None or node is None:
            return Place(self.helpers, self._host, posixpath.join(self._spool, str(job.uid)))
        helpers = self._helpers.get((job.cluster, node))
        if helpers is None:
            helpers = self._helpers[job.cluster, node] = UserHelpers(gateway, node=node)
        return Place(helpers, gateway, gateway.spool(node, job.uid))

    async def reach(self, job: Job, uid: int, target: Target) -> int:
        """A connected socket to what listens in a job, ours to close. Raises `Unreachable`."""
        gateway, node = self._gateways.get(job.cluster), node_of(job)
        if gateway is None or node is None:
            return (await reach(self.helpers, uid, target)).detach()
        return await gateway.reach(node, uid, target)

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


def node_of(job: Job) -> str | None:
    """The first node of its latest attempt; None before there is one."""
    if job.attempt is not None:
        nodes = job.attempt.allocation.nodes
    else:
        nodes = job.past[-1].nodes if job.past else ()
    return nodes[0] if nodes else None
