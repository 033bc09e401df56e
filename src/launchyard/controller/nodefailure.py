"""Nodes that fail or are taken down: what ran there ends, or waits again where that is allowed."""

import signal
from dataclasses import replace

from launchyard.controller.loop import Loop
from launchyard.controller.recovery import Reports
from launchyard.model.event import NodeLost
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.policy.lifecycle import apply, taken_down


class NodeFailure:
    """While the engine answers, what runs on a node is stopped first, so that nothing ever runs twice."""

    def __init__(self, loop: Loop, reports: Reports) -> None:
        self._loop = loop
        self._reports = reports
        reports.node_failed = self.failed

    def failed(self, name: str, why: str) -> None:
        """The engine says that a node is gone and that nothing lives there."""
        node = self._loop.live.nodes.get(name)
        if node is not None and node.state is not NodeState.DOWN:
            self._loop.mark(node, NodeState.DOWN, why)
        for job in self._jobs_on(name):
            self._lose(job, f"node {name} failed: {why}")

    def take_down(self, node: Node, reason: str, by: str) -> Node:
        """An operator says that a node is gone, or is to be."""
        marked = self._loop.mark(node, NodeState.DOWN, reason, by)
        for job in self._jobs_on(node.name):
            if self._loop.clusters.of(job).lost_since is not None:
                self._lose(job, f"node {node.name} was taken down" + (f": {reason}" if reason else ""))
            elif job.stop_requested is None:
                job = replace(job, stop_requested=taken_down(reason))
                self._loop.move(job)
                self._reports.stop(job)
        return marked

    def _jobs_on(self, name: str) -> list[Job]:
        holding = self._loop.live.holding.values()
        return [job for job in holding if job.attempt is not None and name in job.attempt.allocation.nodes]

    def _lose(self, job: Job, sentence: str) -> None:
        attempt, stop = job.attempt, self._loop.clusters.of(job).engine.stop
        self._loop.move(apply(job, NodeLost(sentence=sentence), self._loop.now()))
        if attempt is not None:
            # Its parts on other nodes end, and an order that is still on its way is not carried out.
            self._loop.effect(lambda: stop(attempt.launch_id, signal=signal.SIGKILL, grace_s=0))
