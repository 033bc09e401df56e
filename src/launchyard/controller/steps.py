"""The steps of running jobs: placed within what the job has, durable before their runners start.

srun, inside the job, asks for a step and listens; a runner on each node of the step connects to it and gets
all else from there. So a step lives on while the daemon is away, and only its accounting is kept here. A step
has ended when all its runners have; with its job; or when the launcher knows nothing of them any more.
"""

import asyncio
import signal as signals
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from launchyard.controller.clusters import LiveCluster
from launchyard.controller.launching import PATH, LaunchSettings
from launchyard.controller.loop import Loop
from launchyard.controller.users import Users
from launchyard.engine.protocol import Engine, ForgetRunners, RunnerEnded, SignalRunner, StartRunner
from launchyard.model.errors import Conflict, Infeasible, NotFound, Unavailable
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.model.step import Step, StepRequest, StepShare, parse_runner_id
from launchyard.policy.lacking import refuse_steps
from launchyard.policy.stepping import cut_short, runner_ended
from launchyard.slurm.placing import place
from launchyard.store.protocol import StepQuery, Store

STEPS_MAX = 40_000
"""How many steps one attempt of a job may have in all."""
START_WAIT_S = 30.0
"""A program may ask for its first step before we have heard that it runs: how long that is waited for."""


class Steps:
    """Open steps by job and number. `cpus` are the machine's numbers of each node's CPUs."""

    def __init__(self, loop: Loop, users: Users, settings: LaunchSettings) -> None:
        self._loop = loop
        self._users = users
        self._settings = settings
        self._steps: dict[int, dict[int, Step]] = {}
        """Also those whose end is not durable yet."""
        self._next: dict[str, int] = {}
        """The number of the next step of a launch."""
        self._unsent: set[str] = set()
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        """Who wants to hear of the next end of a step, by job."""
        self.cpus: Mapping[str, Sequence[int]] = {}

    async def take_in(self, store: Store) -> None:
        """The steps of an earlier run: of jobs that run still, and what was open when that run ended."""
        launches = {
            job.attempt.launch_id: job for job in self._loop.live.jobs.values() if job.attempt is not None
        }
        ids = tuple(job.id for job in launches.values())
        known = await asyncio.to_thread(store.steps, StepQuery(job_ids=ids)) if ids else []
        for step in known:
            self._next[step.launch_id] = max(self._next.get(step.launch_id, 0), step.number + 1)
        for step in await asyncio.to_thread(store.steps, StepQuery(running=True)):
            if step.launch_id in launches:
                self._steps.setdefault(step.job_id, {})[step.number] = step
            else:
                self._keep(cut_short(step, self._loop.now(), cause="its job had ended"))

    # -- what callers ask

    async def start(self, job_id: int, ask: StepRequest) -> Step:
        """A new step, durable; its runners start at once. Raises `Conflict` or `Infeasible`."""
        self._loop.refuse_when_degraded()
        job = await self._running(job_id)
        await self._users.load(job.uid)
        job = await self._running(job_id)
        attempt = job.attempt
        assert attempt is not None
        refuse_steps(job, self._loop.clusters.of(job).engine.abilities)
        if not self._loop.clusters.of(job).engine.steps:
            raise Unavailable(
                "the launcher that runs is of an older version, or does not answer; restart the server "
                "with no job running, then try again"
            )
        number = self._next.get(attempt.launch_id, 0)
        if number >= STEPS_MAX:
            raise Infeasible(f"job {job.id} has had {number} steps, and no job may have more")
        shares = place(ask, job, self._open(job.id))
        self._next[attempt.launch_id] = number + 1
        step = Step(
            job_id=job.id,
            attempt=attempt.number,
            number=number,
            launch_id=attempt.launch_id,
            user=job.user,
            name=ask.name or job.name,
            connect=ask.connect,
            started_at=self._loop.now(),
            shares=shares,
            metadata=ask.metadata,
        )
        self._keep(step)
        self._unsent.update(step.open_runners)
        self._loop.effect(lambda: self._send(step, job))
        await self._loop.committed()
        return step

    async def freed(self, job_id: int, within_s: float) -> bool:
        """Wait for the next end of a step of the job; whether it came. Where none runs there is no wait."""
        if not self._open(job_id):
            return True
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, []).append(heard)
        try:
            await asyncio.wait_for(heard, within_s)
        except TimeoutError:
            return False
        finally:
            self._waiting[job_id].remove(heard)
            if not self._waiting[job_id]:
                del self._waiting[job_id]
        return True

    async def signal(self, job_id: int, number: int, signal: int) -> Step:
        """Send a signal to the runners of a step, which pass it on."""
        step = self._one(job_id, number)
        orders = [SignalRunner(runner_id=one, signal=signal) for one in step.open_runners]
        self._engine_of(step).order_steps(orders)
        return step

    async def cancel(self, job_id: int, number: int, by: str) -> Step:
        """End a step: TERM to its runners, KILL after the grace."""
        self._loop.refuse_when_degraded()
        step = self._one(job_id, number)
        step = replace(step, cancelled_by=step.cancelled_by or by)
        self._keep(step)
        self._loop.effect(lambda: self._stop(step))
        await self._loop.committed()
        return self._steps.get(job_id, {}).get(number, step)

    def live(self) -> Iterable[Step]:
        """Those that have not ended, or whose end is not durable yet."""
        return [step for steps in self._steps.values() for step in steps.values()]

    def cpu_ids(self, share: StepShare) -> list[int]:
        """The machine's own numbers of its CPUs; empty when they are not pinned."""
        ours = self.cpus.get(share.node)
        return [] if ours is None else sorted(ours[one] for one in share.cpu_ids)

    # -- what happens

    def job_moved(self, job: Job) -> None:
        """With its job, or its attempt, a step ends too."""
        if job.attempt is not None and job.id not in self._steps and not job.ended:
            return
        open_steps = self._open(job.id)
        running = job.attempt.launch_id if job.attempt is not None and not job.ended else None
        for step in open_steps:
            if step.launch_id != running:
                at = job.ended_at if job.ended_at is not None else self._loop.now()
                self._keep(cut_short(step, at, timed_out=job.state is JobState.TIMEOUT))
        if job.ended and job.attempt is not None:
            self._next.pop(job.attempt.launch_id, None)

    def ended(self, cluster: LiveCluster, report: RunnerEnded) -> None:
        """A runner ended; told of a step that is over, it is only to be forgotten."""
        step = self._step_of(report.runner_id)
        if step is not None:
            after = runner_ended(step, report.end)
            if after is not step:
                self._keep(after)
        forget = ForgetRunners(runner_ids=(report.runner_id,))
        self._loop.effect(lambda: cluster.engine.order_steps([forget]))

    def connected(self, cluster: LiveCluster, runners: frozenset[str]) -> None:
        """The launcher answers again. A runner that its journal does not have was never started: the order
        was lost on the way and is given again. Of another journal nobody knows; then the step is closed."""
        for step in [step for step in self.live() if not step.ended]:
            job = self._loop.live.of_launch(step.launch_id)
            if job is not None and job.cluster != cluster.name:
                continue
            missing = set(step.open_runners) - runners - self._unsent
            if missing and (job is None or step.cancelled_by is not None or _epoch(job) != cluster.epoch):
                cause = "the launcher has no record of it any more, so its exit code is not known"
                self._keep(cut_short(step, self._loop.now(), cause=cause))
            elif missing and job is not None:
                shares = [share for share in step.shares if step.runner_id(share.position) in missing]
                cluster.engine.order_steps([self._order(step, share, job) for share in shares])
            elif step.cancelled_by is not None:
                self._stop(step)

    # -- inside

    async def _running(self, job_id: int) -> Job:
        """The job, once it runs. Raises `Conflict` (`job-not-running`)."""
        job = self._loop.live.jobs.get(job_id)
        if job is not None and job.state is JobState.STARTING:
            job = await self._started(job_id)
        if job is None or job.state is not JobState.RUNNING or job.stop_requested is not None:
            state = "has ended" if job is None else f"is {job.state}"
            if job is not None and job.stop_requested is not None:
                state = "is being stopped"
            raise Conflict(f"job {job_id} {state}; steps start in a running job", code="job-not-running")
        return job

    async def _started(self, job_id: int) -> Job | None:
        moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if not moved.done():
                moved.set_result(None)

        end = self._loop.watch_job(job_id, look)
        try:
            await asyncio.wait_for(moved, START_WAIT_S)
        except TimeoutError:
            pass
        finally:
            end()
        return self._loop.live.jobs.get(job_id)

    def _open(self, job_id: int) -> list[Step]:
        return [step for step in self._steps.get(job_id, {}).values() if not step.ended]

    def _one(self, job_id: int, number: int) -> Step:
        step = self._steps.get(job_id, {}).get(number)
        if step is None or step.ended:
            raise NotFound(f"job {job_id} has no running step {number}")
        return step

    def _step_of(self, runner_id: str) -> Step | None:
        parsed = parse_runner_id(runner_id)
        job_id = self._loop.live.by_launch.get(parsed[0]) if parsed is not None else None
        if parsed is None or job_id is None:
            return None
        return self._steps.get(job_id, {}).get(parsed[1])

    def _keep(self, step: Step) -> None:
        """It is like this now; once that is durable, one that has ended is forgotten here."""
        self._steps.setdefault(step.job_id, {})[step.number] = step
        self._loop.draft.steps[step.key] = step
        if step.ended:
            self._loop.effect(lambda: self._forget(step))
            for heard in self._waiting.get(step.job_id, ()):
                if not heard.done():
                    heard.set_result(None)

    def _forget(self, step: Step) -> None:
        steps = self._steps.get(step.job_id, {})
        if steps.get(step.number) is step:
            del steps[step.number]
        if not steps:
            self._steps.pop(step.job_id, None)

    def _send(self, step: Step, job: Job) -> None:
        self._unsent.difference_update(step.open_runners)
        self._loop.clusters.of(job).engine.order_steps(
            [self._order(step, share, job) for share in step.shares]
        )

    def _order(self, step: Step, share: StepShare, job: Job) -> StartRunner:
        entry = self._users.entry(job.uid)
        state = self._settings.state
        words = ("--connect", step.connect, "--node", share.node)
        return StartRunner(
            runner_id=step.runner_id(share.position),
            launch_id=step.launch_id,
            uid=job.uid,
            arguments=(*words, "--job", str(job.id), "--step", str(step.number)),
            environment={
                "PATH": PATH,
                "HOME": entry.home if entry is not None else "/",
                "USER": job.user,
                "SLURMD_NODENAME": share.node,
                **({"LAUNCHYARD_STATE": state} if state else {}),
            },
        )

    def _stop(self, step: Step) -> None:
        grace_s = self._settings.grace_s
        self._engine_of(step).order_steps(
            [
                SignalRunner(runner_id=one, signal=signals.SIGTERM, grace_s=grace_s)
                for one in step.open_runners
            ]
        )

    def _engine_of(self, step: Step) -> Engine:
        """Where the job of a step runs; of one whose job has gone, none of it is left to be told."""
        job, clusters = self._loop.live.of_launch(step.launch_id), self._loop.clusters
        return (clusters.default if job is None else clusters.of(job)).engine


def _epoch(job: Job) -> str | None:
    """The launcher's journal that has the launch of its attempt."""
    return None if job.attempt is None else job.attempt.epoch
