"""The nodes of a Ray cluster: who comes, who serves, who fails, and what each launcher reports.

Nothing is told upward before every node that was there before has come back or been given up: what the
controller compares then is the whole cluster. A node on which we have given up launches is fenced when it
returns: they are killed, and seen to be gone, before it serves again.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from launchyard.engine.protocol import (
    EngineConnected,
    EngineLost,
    EngineReport,
    Launch,
    LaunchEnded,
    LaunchMainEnded,
    LaunchStarted,
    LaunchTaken,
    NodeFailed,
    NodesChanged,
    RunnerEnded,
)
from launchyard.engine.ray.link import Dial, NodeLink
from launchyard.engine.ray.member import Member, Phase, as_down, node_of
from launchyard.engine.ray.remembered import Remembered
from launchyard.engine.ray.tokens import Tokens
from launchyard.model.errors import Unavailable
from launchyard.model.event import Exited
from launchyard.model.node import Node

AWAY_S = 20.0
"""How long a node may be missing of which Ray, which is there again itself, knows nothing."""
SILENT_S = 60.0
"""How long the agent of a node may not answer that Ray takes for alive."""
FENCE_PAUSE_S = 0.2
LOOK_S = 0.5

_log = logging.getLogger(__name__)

Reports = Callable[[Sequence[EngineReport]], None]


class Members:
    """All on the loop. `refuse` answers why a node with this agent cannot be used, or None."""

    def __init__(
        self,
        cluster: str,
        remembered: Remembered,
        *,
        dial: Callable[[str], Dial],
        refuse: Callable[[Mapping[str, Any]], str | None],
        freed: Callable[[str], None],
        clock: Callable[[], float],
        link: Callable[[Node, tuple[int, ...], Dial], NodeLink] = NodeLink,
    ) -> None:
        self._cluster = cluster
        self._remembered = remembered
        self._dial = dial
        self._refuse = refuse
        self._freed = freed
        self._clock = clock
        self._link = link
        self.report: Reports = lambda reports: None
        self.of: dict[str, Member] = {}
        self.tokens = Tokens()
        self.settled = asyncio.Event()
        """The controller was told that the engine answers."""
        self._joined = False
        self._seen_nodes = False
        self._held_back: list[EngineReport] = []
        self._told: tuple[Node, ...] = ()
        self._epochs: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Take up the nodes of before."""
        now = asyncio.get_running_loop().time()
        for name in self._remembered.nodes:
            self.of[name] = Member(node=self._remembered.model(name), away_since=now)
            if name not in self._remembered.expected():
                self.of[name].phase = Phase.GONE
        self._later(self._watch())

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        links = [member.link for member in self.of.values() if member.link is not None]
        await asyncio.gather(*(link.close() for link in links))

    # -- the cluster as a whole

    def joined(self) -> None:
        """There is a bridge, which will tell of the nodes."""
        self._joined = True

    def lost(self) -> None:
        """There is no bridge; jobs run on, and are as they were last known."""
        was_settled = self.settled.is_set()
        self._joined = self._seen_nodes = False
        self.settled.clear()
        now = asyncio.get_running_loop().time()
        for member in self.of.values():
            if member.phase is not Phase.GONE:
                member.phase, member.away_since = Phase.COMING, now
                # What was under way is compared by the controller when the cluster is back.
                member.stops.clear()
        if was_settled:
            self.report([EngineLost(since=self._clock())])

    def told(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """What Ray has now."""
        first, self._seen_nodes = not self._seen_nodes, True
        now = asyncio.get_running_loop().time()
        if first:
            for member in self.of.values():
                member.away_since = now if member.away_since is not None else None
        here = set()
        for one in nodes:
            here.add(one["name"])
            if one["alive"]:
                self._alive(one)
            elif one["name"] in self.of:
                self._fail(one["name"], one["why"] or "Ray has given it up")
        for name in self.of.keys() - here:
            member = self.of[name]
            member.why, member.alive = "it is not in the Ray cluster", False
            if member.phase is not Phase.GONE and member.away_since is None:
                member.away_since = now
        self._settle()

    def nodes(self) -> tuple[Node, ...]:
        """All that serve or did, with their state."""
        return tuple(self._shown(self.of[name]) for name in sorted(self.of))

    def refused(self) -> dict[str, str]:
        """Why nodes that are alive do not serve."""
        return {
            name: one.why
            for name, one in self.of.items()
            if one.why and one.phase not in (Phase.UP, Phase.GONE)
        }

    # -- one node

    def _alive(self, told: Mapping[str, Any]) -> None:
        name, agent = told["name"], told["agent"]
        node = node_of(told, self._cluster, agent)
        member = self.of.get(name)
        if member is None:
            member = self.of[name] = Member(node=node, away_since=asyncio.get_running_loop().time())
        if member.phase is Phase.GONE:
            member.phase = Phase.COMING
        member.address, member.alive = told["address"], True
        refused = self._refuse(agent) if agent else told["why"]
        member.why = refused or ""
        if not agent or refused:
            return
        member.facts, member.node = agent, node
        if member.link is None:
            member.link = self._link(node, tuple(agent["cpus"]), self._dial(name))
            member.link.begin(partial(self._take, member))

    def _take(self, member: Member, reports: Sequence[EngineReport]) -> None:
        """What its launcher reports, as the engine's own."""
        found: list[EngineReport] = []
        for report in reports:
            match report:
                case EngineConnected():
                    self._answers(member, report)
                case EngineLost():
                    member.away_since = asyncio.get_running_loop().time()
                case LaunchStarted():
                    member.ordered.pop(report.launch_id, None)
                    member.known.add(report.launch_id)
                    found.append(replace(report, token=self._token(member, report.token)))
                case LaunchEnded():
                    member.ended(report.launch_id)
                    self._freed(report.launch_id)
                    found.append(replace(report, token=self._token(member, report.token)))
                case LaunchMainEnded():
                    member.ending.add(report.launch_id)
                    found.append(report)
                case RunnerEnded():
                    found.append(report)
                case _:
                    _log.error("a launcher reported %r", report)
        self._pass_on(found if member.phase is not Phase.FENCED else [])

    def _token(self, member: Member, number: int) -> int:
        """Numbers of a launcher whose node is fenced are acknowledged at once: nobody waits for them."""
        if not number:
            return 0
        if member.phase is Phase.FENCED and member.link is not None:
            member.link.acknowledge(number)
            return 0
        return self.tokens.give((member.node.name, self._epochs.get(member.node.name, "")), number)

    def acknowledge(self, token: int) -> None:
        for (name, epoch), number in self.tokens.acknowledge(token):
            member = self.of.get(name)
            if member is not None and member.link is not None and self._epochs.get(name) == epoch:
                member.link.acknowledge(number)

    def _answers(self, member: Member, hello: EngineConnected) -> None:
        """Its launcher is there (again)."""
        name, link = member.node.name, member.link
        if link is None:
            return
        member.away_since, self._epochs[name] = None, hello.epoch
        if self._remembered.is_new(name):
            if hello.known:
                member.phase = Phase.FENCED
                # All, until it is known which had ended before: ends may come earlier than that answer.
                member.known, member.ending = set(hello.known), set()
                self._later(self._fence(member, hello))
            else:
                self._serves(member, hello)
        elif not self._remembered.is_same(name, hello.epoch):
            self._is_another(member, hello)
        else:
            self._serves(member, hello)

    def _serves(self, member: Member, hello: EngineConnected) -> None:
        self._remembered.came(member.node, hello.epoch)
        lost = member.known - hello.known
        unheard = [order for launch_id, order in member.ordered.items() if launch_id not in hello.known]
        member.known = set(hello.known)
        member.phase, link = Phase.UP, member.link
        if link is not None:
            for launch_id, (number, grace_s) in member.stops.items():
                link.stop(launch_id, signal=number, grace_s=grace_s)
            link.start([self._as_there(member, order) for order in unheard])
        self._pass_on([self._end_lost(launch_id) for launch_id in sorted(lost)])
        self._settle()

    def _is_another(self, member: Member, hello: EngineConnected) -> None:
        """Its journal is another than before: of what was there nothing is known."""
        lost = sorted(member.held - hello.known)
        for launch_id in lost:
            member.ended(launch_id)
            self._freed(launch_id)
        self._remembered.came(member.node, hello.epoch)
        member.known, member.phase = set(hello.known), Phase.UP
        if self.settled.is_set():
            self._pass_on([self._end_lost(launch_id) for launch_id in lost])
            # Compare anew: from here on the engine's epoch is another.
            self._connected()
        self._settle()

    def _end_lost(self, launch_id: str) -> LaunchEnded:
        error = "the launcher has no record of it any more, so its exit code is not known"
        return LaunchEnded(
            launch_id=launch_id, exit=Exited(at=self._clock(), lost=True, error=error), token=0
        )

    async def _fence(self, member: Member, hello: EngineConnected) -> None:
        """Kill what was given up, and see that it is gone: what runs is told to end and reports its end."""
        link = member.link
        if link is None:
            return
        for launch_id in hello.known:
            link.stop(launch_id, signal=signal.SIGKILL, grace_s=0)
        try:
            running = set(await link.usage(sorted(hello.known)))
        except Unavailable:
            return  # It says hello again, and is fenced then.
        member.known &= running | member.ending
        while member.known and member.link is link and member.phase is Phase.FENCED and link.answers:
            await asyncio.sleep(FENCE_PAUSE_S)
        if member.link is link and member.phase is Phase.FENCED and link.answers:
            _log.info("node %s is back, and what ran there has ended", member.node.name)
            self._serves(member, replace(hello, known=frozenset(), runners=frozenset()))

    def _fail(self, name: str, why: str) -> None:
        """Its launches are given up."""
        member = self.of[name]
        if member.phase is Phase.GONE:
            return
        _log.warning("node %s failed: %s", name, why)
        member.phase, member.why, member.away_since, member.alive = Phase.GONE, why, None, False
        link, member.link = member.link, None
        if link is not None:
            self._later(link.drop())
        for launch_id in member.held:
            self._freed(launch_id)
        member.forget()
        self.tokens.forget(name)
        self._epochs.pop(name, None)
        self._remembered.failed(name)
        if self.settled.is_set():
            self._tell_nodes()
            self.report([NodeFailed(node=name, why=why)])

    # -- what is told

    def _settle(self) -> None:
        """The cluster answers once each of its nodes has come or been given up."""
        if self.settled.is_set():
            self._tell_nodes()
            return
        if not (self._joined and self._seen_nodes):
            return
        if all(one.settled or self._is_no_hindrance(one) for one in self.of.values()):
            self.settled.set()
            self._tell_nodes()
            self.report([NodeFailed(node=n, why=m.why) for n, m in self.of.items() if m.phase is Phase.GONE])
            self._connected()
            held_back, self._held_back = self._held_back, []
            self.report(held_back)

    def _is_no_hindrance(self, member: Member) -> bool:
        """A node that never served holds nothing of ours; it comes when it comes."""
        return self._remembered.is_new(member.node.name) and (
            member.phase is Phase.FENCED or bool(member.why) or not self._lately(member)
        )

    def _lately(self, member: Member) -> bool:
        now = asyncio.get_running_loop().time()
        return member.away_since is not None and now - member.away_since < SILENT_S

    def _connected(self) -> None:
        known = {launch_id for member in self.of.values() for launch_id in member.held}
        # What ended while the cluster was not complete is known too: its end comes next.
        known |= {one.launch_id for one in self._held_back if isinstance(one, LaunchEnded)}
        self.report([EngineConnected(epoch=self._remembered.epoch, known=frozenset(known))])

    def _tell_nodes(self) -> None:
        now = self.nodes()
        if now != self._told:
            self._told = now
            self.report([NodesChanged(nodes=now)])

    def _shown(self, member: Member) -> Node:
        if member.phase is Phase.UP:
            return member.node
        if member.phase is Phase.FENCED:
            return as_down(member.node, "what ran here before it was away is being killed")
        return as_down(member.node, member.why or "its agent is being started")

    def _pass_on(self, reports: list[EngineReport]) -> None:
        if not reports:
            return
        if self.settled.is_set():
            self.report(reports)
        else:
            self._held_back += reports

    # -- orders

    def start(self, launches: Sequence[Launch]) -> None:
        by_node: dict[str, list[Launch]] = {}
        for launch in launches:
            by_node.setdefault(launch.node, []).append(launch)
        for name, some in by_node.items():
            member = self.of.get(name)
            if member is None or member.phase is Phase.GONE:
                self._pass_on([self._gone(launch) for launch in some])
                continue
            for launch in some:
                member.ordered[launch.launch_id] = launch
            if member.link is not None and member.phase is Phase.UP:
                member.link.start([self._as_there(member, launch) for launch in some])
            self._pass_on([self._taken(member, launch) for launch in some])

    def _as_there(self, member: Member, launch: Launch) -> Launch:
        """On a node whose launcher is not root's, everybody is that user."""
        uid = member.facts.get("uid", 0)
        return launch if uid == 0 else replace(launch, uid=uid)

    def _taken(self, member: Member, launch: Launch) -> LaunchTaken:
        uid = member.facts.get("uid", 0) or launch.uid
        log = f"{member.facts.get('directory', '')}/spool/{uid}/{launch.spool_log}"
        return LaunchTaken(
            launch_id=launch.launch_id,
            engine_id=f"{launch.node}:{launch.launch_id}",
            log=None if launch.stdout is not None else log,
        )

    def _gone(self, launch: Launch) -> LaunchEnded:
        why = f"node {launch.node} left the cluster before the job started"
        end = Exited(at=self._clock(), lost=True, node_lost=True, error=why)
        return LaunchEnded(launch_id=launch.launch_id, exit=end, token=0)

    def member_of(self, launch_id: str) -> Member | None:
        """Where a launch is."""
        return next((one for one in self.of.values() if launch_id in one.held), None)

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None:
        """One that no node has must never start on any."""
        member = self.member_of(launch_id)
        for one in [member] if member is not None else list(self.of.values()):
            if member is not None:
                one.stops[launch_id] = (signal, grace_s)
            if one.link is not None:
                one.link.stop(launch_id, signal=signal, grace_s=grace_s)

    # -- time

    async def _watch(self) -> None:
        """A node that stays away has failed, whatever Ray thinks of it."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._joined or not self._seen_nodes:
                continue
            now = asyncio.get_running_loop().time()
            for name, member in list(self.of.items()):
                if member.phase is Phase.GONE or member.away_since is None:
                    continue
                limit_s = SILENT_S if member.alive else AWAY_S
                if now - member.away_since > limit_s and not self._remembered.is_new(name):
                    self._fail(name, member.why or "its agent does not answer")
            self._settle()

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
