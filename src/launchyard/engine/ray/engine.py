"""The Ray engine: the port over launchers of many nodes, reached by a bridge under the cluster's Python.

The daemon never imports ray. Orders and reports travel by calls of Ray's actors, so nodes need no port of
ours; whatever of Ray dies, the launchers and their jobs stay, and are found again.
"""

import asyncio
import contextlib
import logging
import os
import socket
from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from launchyard.engine.building import Surroundings
from launchyard.engine.channel import UserHelpers
from launchyard.engine.gateway import Outpost
from launchyard.engine.protocol import (
    Enforcement,
    EngineDescribed,
    EngineFacts,
    EngineLost,
    EngineReport,
    Launch,
    NodesChanged,
    StepOrder,
)
from launchyard.engine.ray.bridge import Bridge, python_of
from launchyard.engine.ray.head import Head
from launchyard.engine.ray.link import Dial, NodeLink
from launchyard.engine.ray.members import Members
from launchyard.engine.ray.remembered import Remembered, yard_of
from launchyard.engine.reaching import reach_elsewhere
from launchyard.launcher.messages import Message
from launchyard.model.ability import Abilities, Lack
from launchyard.model.errors import Unavailable
from launchyard.model.resources import Request
from launchyard.model.session import Target

LACKS = {
    Lack.STEPS: "a job on a Ray cluster has no steps, since its nodes do not reach this server",
    Lack.UNLIKE_PARTS: "a job on a Ray cluster has one part",
    Lack.NODES: "a job on a Ray cluster has one node; what spans nodes starts them through Ray itself",
    Lack.RAY: "a job on a Ray cluster joins that cluster, and starts none of its own for clients",
}

_log = logging.getLogger(__name__)


def build(around: Surroundings) -> "RayEngine":
    """Raises `Unavailable` where no Python with Ray is found."""
    return RayEngine(around, python_of(around.cluster.python))


class RayEngine:
    """Engine and gateway of one cluster."""

    suspends = True
    steps = False
    furnishes = True

    def __init__(self, around: Surroundings, python: str) -> None:
        self.abilities = Abilities(lacks=LACKS, users=not around.cluster.single_identity, joins_ray=True)
        self._around = around
        self._remembered = Remembered(around.directory)
        self._nodes = Members(
            around.cluster.name,
            self._remembered,
            dial=self._dial,
            refuse=self._refuse,
            freed=self._free,
            clock=around.clock,
        )
        key = self._remembered.key()
        begin: Message = {
            "address": around.cluster.address,
            "key": key.hex(),
            "yard": yard_of(key),
            "root_jobs": around.allow_root_jobs,
            "hooks": dict(around.hooks),
            "directory": str(around.directory),
        }
        self._bridge = Bridge(python, around.directory, begin, self._hear, self._gone)
        self._report: Callable[[Sequence[EngineReport]], None] = lambda reports: None
        self._head = Head(python, around.directory, key) if around.cluster.start else None
        self._joined: Mapping[str, Any] = {}
        self._held: dict[str, dict[str, Any]] = {}
        """What Ray is told that launches hold."""
        self._described: EngineDescribed | None = None
        self._why = ""
        self._closing = False
        self._helpers: dict[str, UserHelpers] = {}

    # -- the port

    async def open(self, report: Callable[[Sequence[EngineReport]], None]) -> EngineFacts:
        """As the port says. A cluster that does not answer is away; what it had is known from before."""
        self._report, self._nodes.report = report, self._pass_on
        self._nodes.begin()
        if self._head is not None:
            self._bridge.begin["address"] = await asyncio.to_thread(self._head.start)
            self._bridge.variables = self._head.variables
        self._bridge.start()
        try:
            await asyncio.wait_for(self._nodes.settled.wait(), self._around.patience_s)
        except TimeoutError:
            _log.warning("cluster %s does not answer: %s", self._around.cluster.name, self._why)
            report([EngineLost(since=self._around.clock())])
        return EngineFacts(
            nodes=self._nodes.nodes(), enforcement=self._enforcement(), details=self._details()
        )

    def start(self, launches: Sequence[Launch]) -> None:
        self._nodes.start([self._joining(launch) for launch in launches])
        for launch in launches:
            self._held[launch.launch_id] = share = self._share(launch)
            self._bridge.send({"t": "held", "l": launch.launch_id, "shares": [share]})

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None:
        self._nodes.stop(launch_id, signal=signal, grace_s=grace_s)

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None:
        link = self._link_of(launch_id)
        if link is not None:
            link.signal(launch_id, signal, main_only=main_only, steps_only=steps_only)

    def order_steps(self, orders: Sequence[StepOrder]) -> None:
        """There are none; see what it lacks."""

    def suspend(self, launch_id: str, *, suspended: bool) -> None:
        link = self._link_of(launch_id)
        if link is not None:
            link.suspend(launch_id, suspended=suspended)

    def limit(self, launch_id: str, time_limit_s: float | None) -> None:
        link = self._link_of(launch_id)
        if link is not None:
            link.limit(launch_id, time_limit_s)

    def demand(self, waiting: Sequence[Request]) -> None:
        """Ray counts what is taken and what is wanted together."""
        wanted = [_wanted(one) for one in waiting]
        self._bridge.send({"t": "want", "shares": [*self._held.values(), *wanted] if wanted else []})

    def acknowledge(self, token: int) -> None:
        self._nodes.acknowledge(token)

    async def close(self) -> None:
        self._closing = True
        for helpers in self._helpers.values():
            helpers.close()
        await self._nodes.close()
        await self._bridge.close()
        if self._head is not None:
            await asyncio.to_thread(self._head.stop)

    # -- the gateway

    async def user_channel(self, uid: int, memory_mib: int | None = None, node: str | None = None) -> int:
        if node is None:
            return await self._around.host.user_channel(uid, memory_mib)
        member = self._nodes.of.get(node)
        return await self._link_to(node).user_channel(
            (member.facts.get("uid") if member is not None else 0) or uid, memory_mib
        )

    def at(self, node: str, launch_id: str, *, inside: bool) -> str | None:
        """All that is of a launch is on its node."""
        return node

    def spool(self, node: str, uid: int) -> str:
        member = self._nodes.of.get(node)
        facts = member.facts if member is not None else {}
        return f"{facts.get('directory', '')}/spool/{facts.get('uid') or uid}"

    def outpost(self, node: str) -> Outpost | None:
        member = self._nodes.of.get(node)
        facts = member.facts if member is not None else {}
        if not facts:
            return None
        return Outpost(
            state=facts["directory"], package=facts["package"], python=facts["runs"], uid=facts["uid"]
        )

    async def reach(self, node: str, uid: int, target: Target) -> int:
        helpers = self._helpers.setdefault(node, UserHelpers(self, node=node))
        return (await reach_elsewhere(helpers, uid, target)).detach()

    async def step(
        self, launch_id: str, uid: int, argv: Sequence[str], env: dict[str, str], cwd: str, terminal: str
    ) -> Future[dict[str, Any]]:
        member = self._nodes.member_of(launch_id)
        if member is None:
            raise Unavailable(f"launch {launch_id} is on no node of cluster {self._around.cluster.name}")
        there = member.facts.get("uid") or uid
        return await self._link_to(member.node.name).step(launch_id, there, argv, env, cwd, terminal)

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        """Of the nodes that answer."""
        asked = []
        for member in self._nodes.of.values():
            mine = None if launch_ids is None else [one for one in launch_ids if one in member.held]
            if member.link is not None and member.link.answers and mine != []:
                asked.append(member.link.usage(mine))
        found: dict[str, Mapping[str, float]] = {}
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if not isinstance(answer, BaseException):
                found.update(answer)
        return found

    # -- the bridge

    def _hear(self, message: Message) -> None:
        if message["t"] == "joined":
            self._joined, self._why = message, ""
            self._nodes.joined()
            held = sorted(launch_id for member in self._nodes.of.values() for launch_id in member.held)
            self._bridge.send({"t": "only", "ls": held})
        elif message["t"] == "nodes":
            self._nodes.told(message["nodes"])

    def _gone(self, why: str) -> None:
        if why != self._why:
            _log.warning("cluster %s does not answer: %s", self._around.cluster.name, why)
        self._why = why
        self._nodes.lost()
        if self._head is not None and not self._closing:
            # It may have ended itself: on a busy machine Ray gives up to start after half a minute.
            with contextlib.suppress(Unavailable, OSError):
                self._bridge.begin["address"] = self._head.start()

    def _free(self, launch_id: str) -> None:
        self._held.pop(launch_id, None)
        self._bridge.send({"t": "free", "l": launch_id})

    def _dial(self, name: str) -> Dial:
        async def dial() -> socket.socket:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            self._bridge.send({"t": "connect", "name": name}, theirs.detach())
            return ours

        return dial

    def _refuse(self, agent: Mapping[str, Any]) -> str | None:
        if agent["uid"] and self._around.serves_all and not self._around.cluster.single_identity:
            return (
                f"Ray runs there as user {agent['uid']}, so all jobs would run as that user; "
                "allow it by single_identity = true, or start Ray as root"
            )
        return None

    # -- inside

    def _pass_on(self, reports: Sequence[EngineReport]) -> None:
        """What the nodes report, with what it makes of the cluster as a whole."""
        self._report(reports)
        now = EngineDescribed(enforcement=self._enforcement(), details=self._details())
        if now != self._described and any(isinstance(one, NodesChanged | EngineLost) for one in reports):
            self._described = now
            self._report([now])

    def _links(self) -> list[NodeLink]:
        return [one.link for one in self._nodes.of.values() if one.link is not None and one.link.answers]

    def _link_of(self, launch_id: str) -> NodeLink | None:
        member = self._nodes.member_of(launch_id)
        return None if member is None else member.link

    def _link_to(self, node: str) -> NodeLink:
        member = self._nodes.of.get(node)
        if member is None or member.link is None:
            raise Unavailable(f"node {node} does not answer at the moment; try again")
        return member.link

    def _joining(self, launch: Launch) -> Launch:
        """Programs in the job that use Ray join this cluster; into a head of ours only its own user comes."""
        launch, address = replace(launch, ray=None), self._joined.get("address")
        if not address or "RAY_ADDRESS" in launch.environment:
            return launch
        token = self._head.variables if self._head is not None and launch.uid == os.getuid() else {}
        return replace(launch, environment={**launch.environment, "RAY_ADDRESS": address, **token})

    def _share(self, launch: Launch) -> dict[str, Any]:
        member = self._nodes.of.get(launch.node)
        gpus = launch.environment.get("CUDA_VISIBLE_DEVICES", "")
        return {
            "address": member.address if member is not None else "",
            "cpus": launch.cpus_milli / 1000,
            "gpus": len(gpus.split(",")) if gpus else 0,
            "memory_mib": launch.memory_mib or 0,
        }

    def _enforcement(self) -> Enforcement:
        """As on the first of its nodes that answer; while none does, as it was."""
        found = next((link.features for link in self._links()), None)
        if found is None and self._described is not None:
            return self._described.enforcement
        found = found or {}
        return Enforcement(
            memory=found.get("memory", "none"),
            cpus=found.get("cpus", "none"),
            processes=found.get("processes", "none"),
            users=found.get("users", "single"),
        )

    def _details(self) -> dict[str, str]:
        found = {
            name: str(self._joined[name]) for name in ("ray", "python", "address") if name in self._joined
        }
        if self._why:
            found["away"] = self._why
        for name, why in sorted(self._nodes.refused().items()):
            found[f"node {name}"] = why
        return found


def _wanted(request: Request) -> dict[str, Any]:
    return {"cpus": request.cpus_milli / 1000, "gpus": request.gpus, "memory_mib": request.memory_mib}
