"""What an engine's reports make of the jobs, and how both sides agree again after either was away.

After a reconnection every launch that we hold is compared with what the engine has a record of (DESIGN
section 2): known: its reports follow; unknown in the same journal epoch and never seen to start: the order
was lost on the way and is sent again; anything else is LOST, never silently run again.
"""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from launchyard.controller.clusters import LiveCluster
from launchyard.controller.finding import take_in
from launchyard.controller.loop import Loop
from launchyard.controller.running import Running
from launchyard.controller.steps import Steps
from launchyard.engine.protocol import (
    EngineConnected,
    EngineDescribed,
    EngineFacts,
    EngineReport,
    LaunchEnded,
    LaunchFound,
    LaunchMainEnded,
    LaunchStarted,
    LaunchSuspended,
    LaunchTaken,
    LaunchWaits,
    NodeFailed,
    NodesChanged,
    RunnerEnded,
)
from launchyard.model.change import NodeMark
from launchyard.model.event import Exited, MainEnded, Requeued, Resumed, Started, Suspended, Taken
from launchyard.model.job import Entrypoint, Job
from launchyard.model.node import Node, NodeState
from launchyard.model.state import JobState
from launchyard.policy.lifecycle import apply


class Reports:
    """Takes in what the engine reports, in order."""

    def __init__(self, loop: Loop, running: Running, steps: Steps, grace_s: float) -> None:
        self._loop = loop
        self._grace_s = self.grace_s = grace_s
        self.running = running
        self._steps = steps
        self.node_failed: Callable[[str, str], None] = lambda node, why: None

    def take(self, cluster: LiveCluster, reports: Sequence[EngineReport]) -> None:
        with self._loop.gathered():
            for report in reports:
                cluster.heard(report)
                self._take_one(cluster, report)

    def _take_one(self, cluster: LiveCluster, report: EngineReport) -> None:
        match report:
            case LaunchStarted():
                self._started(cluster, report)
            case LaunchEnded():
                self._ended(cluster, report)
            case RunnerEnded():
                self._steps.ended(cluster, report)
            case LaunchMainEnded():
                self._main_ended(report)
            case EngineConnected():
                self._connected(cluster, report)
            case EngineDescribed():
                cluster.described(report)
            case NodeFailed():
                self.node_failed(report.node, report.why)
            case LaunchFound():
                take_in(self._loop, cluster, report)
            case LaunchTaken() | LaunchWaits() | LaunchSuspended():
                self._told(cluster, report)
            case NodesChanged():
                cluster.told_nodes = True
                self._nodes_changed(cluster, report)

    def opened(self, cluster: LiveCluster) -> EngineFacts:
        """What the engine said of itself when it was opened; unless it has said more since, this counts."""
        facts = cluster.facts
        if facts is None:
            raise RuntimeError(f"the engine of cluster {cluster.name} was not opened")
        if not cluster.told_nodes:
            told = NodesChanged(nodes=facts.nodes, partitions=facts.partitions, accounts=facts.accounts)
            self._nodes_changed(cluster, told)
        return facts

    def stop(self, job: Job, grace_s: int | None = None) -> None:
        """Order the end of a running job, once what asked for it is durable."""
        launch_id = job.launch_id
        if launch_id is not None:
            own = job.entrypoint or Entrypoint(stop_signal=signal.SIGTERM, grace_s=self._grace_s)
            stop, grace = self._loop.clusters.of(job).engine.stop, own.grace_s if grace_s is None else grace_s
            self._loop.effect(lambda: stop(launch_id, signal=own.stop_signal, grace_s=grace))
            if job.cluster not in self._loop.clusters:
                error = f"cluster {job.cluster} is not configured any more, so its exit code is not known"
                self._loop.move(
                    apply(job, Exited(at=self._loop.now(), lost=True, error=error), self._loop.now())
                )

    def _started(self, cluster: LiveCluster, report: LaunchStarted) -> None:
        self._acknowledge(cluster, report.token)
        cluster.waits.pop(report.launch_id, None)
        job = self._loop.live.of_launch(report.launch_id)
        if job is None and report.launch_id in cluster.found:
            return
        if job is None:
            # A process that our records do not have (an older database was put back): it holds what we
            # would give to others.
            cluster.engine.stop(report.launch_id, signal=signal.SIGTERM, grace_s=self._grace_s)
            return
        self._take(job, apply(job, Started(at=report.at, allocation=report.allocation), self._loop.now()))

    def _told(self, cluster: LiveCluster, report: LaunchTaken | LaunchWaits | LaunchSuspended) -> None:
        """What the engine says of a launch that goes on."""
        job = self._loop.live.of_launch(report.launch_id)
        if job is None or job.ended:
            return
        match report:
            case LaunchWaits():
                cluster.waits[report.launch_id] = report.reason
            case LaunchTaken():
                taken = apply(job, Taken(engine_id=report.engine_id, log=report.log), self._loop.now())
                if taken != job:
                    self._loop.move(taken)
            case LaunchSuspended() if job.state in (JobState.RUNNING, JobState.SUSPENDED):
                event = Suspended() if report.suspended else Resumed()
                self._take(job, apply(job, event, self._loop.now()))

    def _main_ended(self, report: LaunchMainEnded) -> None:
        job = self._loop.live.of_launch(report.launch_id)
        if job is not None:
            self._take(job, apply(job, MainEnded(), self._loop.now()))

    def _ended(self, cluster: LiveCluster, report: LaunchEnded) -> None:
        self._acknowledge(cluster, report.token)
        cluster.waits.pop(report.launch_id, None)
        job = self._loop.live.of_launch(report.launch_id)
        if job is not None:
            self._take(job, self._after_end(job, report.exit))

    def _after_end(self, job: Job, ended: Exited) -> Job:
        """A node on which a program of the site failed takes no more; who never began there waits again."""
        now, sentence = self._loop.now(), ended.node_fault
        if sentence is None:
            return apply(job, ended, now)
        for name in job.attempt.allocation.nodes if job.attempt is not None else ():
            node = self._loop.live.nodes.get(name)
            if node is not None and node.state is NodeState.UP:
                self._loop.mark(node, NodeState.DRAIN, sentence)
        again = ended.error is not None and job.stop_requested is None
        return apply(job, Requeued(reason=sentence) if again else ended, now)

    def _take(self, before: Job, after: Job) -> None:
        if after is not before:
            self._loop.move(after)

    def _acknowledge(self, cluster: LiveCluster, token: int) -> None:
        known = self._loop.draft.acknowledge
        known[cluster.name] = max(known.get(cluster.name, 0), token)

    def _connected(self, cluster: LiveCluster, report: EngineConnected) -> None:
        unsent = set(self._loop.unsent)
        again: list[Job] = []
        for launch_id, job in self._with(cluster):
            if launch_id in unsent:
                continue
            order = job.attempt or job.handed
            begun = job.attempt is not None and job.state is not JobState.STARTING
            if launch_id in report.known:
                if job.stop_requested is not None:
                    self.stop(job)
                else:
                    self.running.tell_again(job)
            elif order is not None and order.epoch == report.epoch and not begun:
                again.append(job)
            else:
                self._vanished(job)
        cluster.waits.clear()
        for launch_id in report.known - cluster.found - self._loop.live.by_launch.keys():
            # Its job has ended for us (a node was given up, an older database was put back).
            cluster.engine.stop(launch_id, signal=signal.SIGKILL, grace_s=0)
        self._steps.connected(cluster, report.runners)
        if again:
            self._loop.launch(again)
        self._loop.plan_soon()

    def _with(self, cluster: LiveCluster) -> list[tuple[str, Job]]:
        """What we hold to be at work in a cluster, or to wait in its engine, by launch."""
        live = self._loop.live
        jobs = ((launch_id, live.jobs[job_id]) for launch_id, job_id in live.by_launch.items())
        return [(launch_id, job) for launch_id, job in jobs if job.cluster == cluster.name and not job.ended]

    def _nodes_changed(self, cluster: LiveCluster, report: NodesChanged) -> None:
        """What an operator has said of a node holds on."""
        live = self._loop.live
        cluster.accounts = cluster.accounts if report.accounts is None else report.accounts
        before = {name: node for name, node in live.nodes.items() if node.cluster == cluster.name}
        told = [replace(one, cluster=cluster.name) for one in report.nodes]
        nodes = {one.name: _as_marked(one, live.marks.get((cluster.name, one.name))) for one in told}
        moved = [one for name, one in nodes.items() if name in before and one.state is not before[name].state]
        if report.partitions not in (None, live.own.get(cluster.name, ())) or _sizes(nodes) != _sizes(before):
            live.use_nodes(cluster.name, nodes.values(), report.partitions, self._loop.now())
        elif nodes == before:
            return
        else:
            for one in nodes.values():
                if one != before[one.name]:
                    live.mark(one)
        for one in moved:
            self._loop.marked(before[one.name], one)
        now = {name: node for name, node in live.nodes.items() if node.cluster == cluster.name}
        for name in before | now:
            if before.get(name) != now.get(name):
                self._loop.tell_of_node(before.get(name), now.get(name))
        self._loop.plan_soon()

    def _vanished(self, job: Job) -> None:
        error = "the launcher has no record of it any more, so its exit code is not known"
        self._loop.move(apply(job, Exited(at=self._loop.now(), lost=True, error=error), self._loop.now()))


def _sizes(nodes: Mapping[str, Node]) -> list[Node]:
    """The nodes but for what is said of them: as long as that is the same, no table is made anew."""
    return [
        replace(one, state=NodeState.UP, reason="", marked_by="", marked_at=None) for one in nodes.values()
    ]


def _as_marked(node: Node, mark: NodeMark | None) -> Node:
    """As the engine tells it, unless somebody has said otherwise; what we only took for gone is back."""
    if mark is None or mark.state is NodeState.UP or (mark.state is NodeState.DOWN and not mark.by):
        return node
    return replace(node, state=mark.state, reason=mark.reason, marked_by=mark.by, marked_at=mark.at)
