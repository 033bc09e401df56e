"""What an engine's reports make of the jobs, and how both sides agree again after either was away.

After a reconnection every launch that we hold is compared with what the engine has a record of (DESIGN
section 2): known: its reports follow; unknown in the same journal epoch and never seen to start: the order
was lost on the way and is sent again; anything else is LOST, never silently run again.
"""

import signal
from collections.abc import Callable, Sequence

from launchyard.controller.loop import Loop
from launchyard.controller.running import Running
from launchyard.controller.scheduling import Scheduler
from launchyard.controller.steps import Steps
from launchyard.engine.protocol import (
    EngineConnected,
    EngineLost,
    EngineReport,
    LaunchEnded,
    LaunchMainEnded,
    LaunchStarted,
    NodeFailed,
    RunnerEnded,
)
from launchyard.model.event import Exited, MainEnded, Started
from launchyard.model.job import Entrypoint, Job
from launchyard.model.state import JobState
from launchyard.policy.lifecycle import apply


class Reports:
    """Takes in what the engine reports, in order."""

    def __init__(
        self, loop: Loop, scheduler: Scheduler, running: Running, steps: Steps, grace_s: float
    ) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._grace_s = self.grace_s = grace_s
        self.running = running
        self._steps = steps
        self.node_failed: Callable[[str, str], None] = lambda node, why: None
        self.lost_since: float | None = None

    def take(self, reports: Sequence[EngineReport]) -> None:
        with self._loop.gathered():
            for report in reports:
                self._take_one(report)

    def _take_one(self, report: EngineReport) -> None:
        match report:
            case LaunchStarted():
                self._started(report)
            case LaunchEnded():
                self._ended(report)
            case RunnerEnded():
                self._steps.ended(report)
            case LaunchMainEnded():
                self._main_ended(report)
            case EngineConnected():
                self._connected(report)
            case NodeFailed():
                self.node_failed(report.node, report.why)
            case EngineLost():
                self.lost_since = report.since
                self._scheduler.epoch = None

    def stop(self, job: Job, grace_s: int | None = None) -> None:
        """Order the end of a running job, once what asked for it is durable."""
        attempt = job.attempt
        if attempt is not None:
            own = job.entrypoint or Entrypoint(stop_signal=signal.SIGTERM, grace_s=self._grace_s)
            stop, grace = self._loop.engine.stop, own.grace_s if grace_s is None else grace_s
            self._loop.effect(lambda: stop(attempt.launch_id, signal=own.stop_signal, grace_s=grace))

    def _started(self, report: LaunchStarted) -> None:
        self._acknowledge(report.token)
        job = self._loop.live.of_launch(report.launch_id)
        if job is None:
            # A process that our records do not have (an older database was put back): it holds what we
            # would give to others.
            self._loop.engine.stop(report.launch_id, signal=signal.SIGTERM, grace_s=self._grace_s)
            return
        self._take(job, apply(job, Started(at=report.at), self._loop.now()))

    def _main_ended(self, report: LaunchMainEnded) -> None:
        job = self._loop.live.of_launch(report.launch_id)
        if job is not None:
            self._take(job, apply(job, MainEnded(), self._loop.now()))

    def _ended(self, report: LaunchEnded) -> None:
        self._acknowledge(report.token)
        job = self._loop.live.of_launch(report.launch_id)
        if job is not None:
            self._take(job, apply(job, report.exit, self._loop.now()))

    def _take(self, before: Job, after: Job) -> None:
        if after is not before:
            self._loop.move(after)

    def _acknowledge(self, token: int) -> None:
        draft = self._loop.draft
        draft.acknowledge = max(draft.acknowledge, token)

    def _connected(self, report: EngineConnected) -> None:
        self.lost_since = None
        self._scheduler.epoch = report.epoch
        unsent = set(self._loop.unsent)
        again: list[Job] = []
        for job in list(self._loop.live.holding.values()):
            attempt = job.attempt
            if attempt is None or attempt.launch_id in unsent:
                continue
            if attempt.launch_id in report.known:
                if job.stop_requested is not None:
                    self.stop(job)
                else:
                    self.running.tell_again(job)
            elif attempt.epoch == report.epoch and job.state is JobState.STARTING:
                again.append(job)
            else:
                self._vanished(job)
        for launch_id in report.known - self._loop.live.by_launch.keys():
            # Its job has ended for us (a node was given up, an older database was put back).
            self._loop.engine.stop(launch_id, signal=signal.SIGKILL, grace_s=0)
        self._steps.connected(report.epoch, report.runners)
        if again:
            self._loop.launch(again)
        self._loop.plan_soon()

    def _vanished(self, job: Job) -> None:
        error = "the launcher has no record of it any more, so its exit code is not known"
        self._loop.move(apply(job, Exited(at=self._loop.now(), lost=True, error=error), self._loop.now()))
