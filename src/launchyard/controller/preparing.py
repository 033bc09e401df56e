"""Jobs whose runtime environment is set up before they may start, and again when they do.

Right after its submission what a job needs is fetched, unpacked and installed, and kept: until then it waits
with that as its reason. When it starts, each job (each task of an array) gets a copy of its own from what is
kept. The only place where a set-up moves a job.
"""

import asyncio
import contextlib
import logging
import posixpath
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from launchyard.controller.launching import PATH
from launchyard.controller.loop import Loop
from launchyard.controller.texts import Texts, environment_of, runtime_env_of
from launchyard.engine.environments import Environments, SetupFailed, SetUpOrder
from launchyard.engine.places import node_of
from launchyard.model.errors import Invalid, LaunchyardError, Unavailable
from launchyard.model.event import Exited, SetUpFailed
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.model.runtimeenv import FROM_ELSEWHERE, RuntimeEnv, check, expanded, in_container
from launchyard.model.state import JobState
from launchyard.model.submission import Submission
from launchyard.policy import arrays
from launchyard.policy.lifecycle import apply

AT_ONCE = 4
"""Set-ups of one user at the same time, of those that wait and of those that start."""
WARM_S = 300.0
"""For so long after a set-up the same one is known to be there, and is not looked at before the start."""
AGAIN_S = (0.2, 5.0)
FAILED = "runtime_env setup failed: "
FAULT = "a fault of this server, of which its log tells more; tell the operator, or submit it again"

_log = logging.getLogger(__name__)


_Key = tuple[int, str | None, str | None]
"""User, runtime environment and variables: with the same ones the set-up is the same."""


@dataclass(slots=True)
class _Doing:
    """What a set-up does, and since when."""

    task: "asyncio.Task[None]"
    phase: str
    since: float


class Preparing:
    """Follows each job with a runtime environment. `environments` None: nothing can be set up here."""

    def __init__(
        self, loop: Loop, texts: Texts, environments: Environments | None, keep_failed_s: float = 0.0
    ) -> None:
        self._loop = loop
        self._live = loop.live
        self._texts = texts
        self._environments = environments
        self._doing: dict[int, _Doing] = {}
        self._furnishing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._warm: dict[_Key, float] = {}
        self._same: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()
        self._turns: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._keep_failed_s = keep_failed_s
        self.phase_told: Callable[[int], None] = lambda job_id: None
        """Told of each job whose set-up does something else now."""
        self.prepared: Callable[[Job], None] = lambda job: None
        """Told of each job that may start as far as its set-up goes."""

    def moved(self, before: Job | None, job: Job) -> None:
        """A job came, or its state is another one."""
        if job.runtime_env is None:
            return
        if job.ended:
            self._ended(job)
        elif before is None or before.ended:
            self.begin(job)
        elif job.cron is not None and job.attempt is None and before.attempt is not None:
            # Each run of a line of a crontab begins with fresh files.
            self._later(self._remove(job))

    def take_in(self) -> None:
        """Jobs of an earlier run: what they need is there by now, or made again."""
        for job in list(self._live.jobs.values()):
            self.begin(job)

    async def packages_in_use(self) -> dict[int, set[str]]:
        """By user the names of the packages that live jobs need."""
        needed = {(job.uid, job.runtime_env) for job in self._live.jobs.values() if job.runtime_env}
        texts = await self._texts.fetch({digest for _, digest in needed})
        found: dict[int, set[str]] = {}
        for uid, digest in needed:
            with contextlib.suppress(Invalid):
                env = check(runtime_env_of(texts.get(digest, b"{}")))
                found.setdefault(uid, set()).update(env.packages)
        return found

    def begin(self, job: Job) -> None:
        """Set it up, so that it may start."""
        if job.runtime_env is None or job.id in self._doing:
            return
        if job.task is not None and job.task.job_id in self._live.jobs:
            # Its array is set up for all of its tasks.
            return
        task = asyncio.ensure_future(self._prepare(job))
        self._doing[job.id] = _Doing(task, "waits for its turn", self._loop.now())

    def reason(self, job: Job) -> Reason | None:
        """Why a waiting job is not looked at yet; None: it is."""
        if self._live.is_prepared(job):
            return None
        doing = self._doing.get(job.id) or self._doing.get(job.task.job_id if job.task is not None else 0)
        if doing is None:
            return Reason(code="runtime-env", sentence="waits for its runtime environment")
        seconds = max(0, int(self._loop.now() - doing.since))
        return Reason(
            code="runtime-env", sentence=f"sets up its runtime environment: {doing.phase}, {seconds} s"
        )

    async def furnish(self, job: Job, asked: Mapping[str, Any], variables: Mapping[str, str]) -> bool:
        """Give a job that is about to start its own copy. False: there is nothing to start any more."""
        launch_id = job.launch_id
        if launch_id is None or launch_id in self._furnishing:
            return False
        self._furnishing.add(launch_id)
        try:
            await self._set_up("furnish", job, asked, variables)
        except LaunchyardError as error:
            self.end_start(job, f"{FAILED}{error}")
            return False
        finally:
            self._furnishing.discard(launch_id)
        return self._at_start(job) is not None

    def end_start(self, job: Job, why: str) -> None:
        """The attempt that was about to start cannot be started; nothing of it runs."""
        current = self._at_start(job)
        if current is not None:
            self._loop.move(apply(current, Exited(at=self._loop.now(), error=why), self._loop.now()))

    def refuse(self, submission: Submission) -> None:
        """Raises for what can never be set up here."""
        if submission.runtime_env is not None and self._environments is not None:
            env, given = check(submission.runtime_env), {"PATH": PATH, **(submission.environment or {})}
            own = expanded(env.env_vars.get("PATH", "${PATH}"), given)
            path = ":".join(filter(None, (own, posixpath.dirname(given.get("CONDA_EXE", "")))))
            self._environments.refuse(env, path, script=submission.script is not None)
            if not submission.keep_impossible:
                self._environments.refuse_addresses(env, path)

    def before_command(self, env: RuntimeEnv, working_dir: str) -> tuple[str, ...]:
        """What stands before the command of a job that runs in a container."""
        tool = "" if self._environments is None or env.image is None else self._environments.container
        return in_container(env, tool, working_dir)

    def directory(self, job: Job) -> str:
        """Where its own copy is."""
        environments = self._on(job)
        return "" if environments is None else environments.directory(job.uid, job.id)

    async def close(self) -> None:
        """Let go; what is half done is done again by the next run."""
        tasks = [*(doing.task for doing in self._doing.values()), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- inside

    async def _prepare(self, job: Job) -> None:
        try:
            texts = await self._asked(job)
            text = texts.get(job.runtime_env or "")
            if text is None:
                raise SetupFailed("what was asked for is lost; submit it again")
            asked = runtime_env_of(text)
            given = texts.get(job.environment or "")
            async with self._same_as(job):
                # What is kept on its node is made there, once it has one.
                elsewhere = self._loop.clusters.is_furnished_there(job)
                if not elsewhere and not self._is_warm(job, check(asked)):
                    await self._set_up("prepare", job, asked, environment_of(given) if given else {})
                self._note_warm(job)
        except LaunchyardError as error:
            self._fail(job.id, str(error))
        except Exception:
            # Whatever it is, the job must not wait for it for ever.
            _log.exception("the runtime environment of job %d could not be set up", job.id)
            self._fail(job.id, FAULT)
        else:
            self._go_on(job)
        finally:
            self._doing.pop(job.id, None)

    async def _asked(self, job: Job) -> dict[str, bytes]:
        """The texts of what it asks for; waits while the store does not answer."""
        digests = {one for one in (job.runtime_env, job.environment) if one is not None}
        pause_s = AGAIN_S[0]
        while True:
            try:
                return await self._texts.fetch(digests)
            except Unavailable:
                await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_S[1])

    async def _set_up(
        self, task: str, job: Job, asked: Mapping[str, Any], variables: Mapping[str, str]
    ) -> None:
        """A few at once; tried again while the launcher does not answer. Raises `SetupFailed`."""
        env = check(asked)
        if not env.needs_setup:
            return
        async with self._turns.setdefault((task, job.uid), asyncio.Semaphore(AT_ONCE)):
            await self._in_turn(task, job, env, asked, variables)

    async def _in_turn(
        self, task: str, job: Job, env: RuntimeEnv, asked: Mapping[str, Any], variables: Mapping[str, str]
    ) -> None:
        pause_s = AGAIN_S[0]
        while True:
            order = SetUpOrder(
                task=task,
                uid=job.uid,
                job_id=job.id,
                asked=asked,
                env=env,
                variables=variables,
                running=self._running(job.uid),
            )
            try:
                environments = self._on(job)
                if environments is None:
                    raise SetupFailed("this server sets up no runtime environments")
                await environments.set_up(order, lambda phase: self._told(job.id, phase))
            except Unavailable:
                if task == "furnish" and self._at_start(job) is None:
                    raise
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_S[1])

    def _on(self, job: Job) -> Environments | None:
        """Where its files are. Raises `Unavailable`."""
        return None if self._environments is None else self._environments.on(job.cluster, node_of(job))

    def _told(self, job_id: int, phase: str) -> None:
        doing = self._doing.get(job_id)
        if doing is not None:
            doing.phase = phase
            self.phase_told(job_id)

    def _running(self, uid: int) -> list[int]:
        """What has a copy or is given one, be it that it waits in its engine."""
        begun = (self._live.jobs[one] for one in self._live.by_launch.values())
        return [job.id for job in begun if job.uid == uid and job.runtime_env is not None]

    def _is_warm(self, job: Job, env: RuntimeEnv) -> bool:
        """Nothing has to be made, or it was a short while ago; what an address gives may be another now."""
        if any(uri.startswith(FROM_ELSEWHERE) for uri in env.uris):
            return False
        since = self._warm.get(_key(job), -WARM_S)
        return not env.needs_setup or 0 <= self._loop.now() - since < WARM_S

    def _note_warm(self, job: Job) -> None:
        now = self._loop.now()
        self._warm = {key: since for key, since in self._warm.items() if now - since < WARM_S}
        self._warm.setdefault(_key(job), now)

    def _same_as(self, job: Job) -> asyncio.Lock:
        """Held by one job at a time of those that ask for the same: the others find it done."""
        lock = self._same.get(_key(job))
        if lock is None:
            lock = self._same[_key(job)] = asyncio.Lock()
        return lock

    def _go_on(self, job: Job) -> None:
        now, current = self._loop.now(), self._live.jobs.get(job.id)
        if current is not None and current.prepared_at is None and not current.ended:
            self._loop.move(changed(current, prepared_at=now))
        self._live.prepare(job.id, now)
        self.prepared(job)
        self._loop.plan_soon()

    def _fail(self, job_id: int, why: str) -> None:
        """It never starts, and neither do the tasks of an array."""
        now, sentence = self._loop.now(), f"{FAILED}{why}"
        for one in [*self._live.tasks_of.get(job_id, ()), job_id]:
            job = self._live.jobs.get(one)
            if job is None or job.ended:
                continue
            if job.array is not None:
                self._loop.move(arrays.end_waiting(job, JobState.FAILED, now, sentence))
            elif job.state is JobState.PENDING:
                self._loop.move(apply(job, SetUpFailed(sentence=sentence), now))

    def _at_start(self, job: Job) -> Job | None:
        """The job as it is now, while it is the same launch and has not started."""
        current = self._live.jobs.get(job.id)
        if current is None or job.launch_id is None or current.launch_id != job.launch_id:
            return None
        return current if current.handed is not None or current.state is JobState.STARTING else None

    def _ended(self, job: Job) -> None:
        doing = self._doing.get(job.id)
        if doing is not None and doing.task is not asyncio.current_task():
            doing.task.cancel()
        if job.attempts or job.engine_id is not None:
            self._later(self._remove(job))

    async def _remove(self, job: Job) -> None:
        if job.state is JobState.FAILED and self._keep_failed_s:
            await asyncio.sleep(self._keep_failed_s)
        current = self._live.jobs.get(job.id)
        if current is not None and current.launch_id is not None and not current.ended:
            # It was put back into the queue meanwhile and is at work in that directory.
            return
        if self._environments is not None:
            async with self._turns.setdefault(("remove", job.uid), asyncio.Semaphore(1)):
                with contextlib.suppress(LaunchyardError):
                    await self._environments.on(job.cluster, node_of(job)).remove(job.uid, job.id)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _key(job: Job) -> _Key:
    return job.uid, job.runtime_env, job.environment
