"""The one place where state changes: what callers ask of jobs and nodes, checked, decided, made durable.

Called on the event loop only. What is awaited returns after the commit; nothing is acknowledged before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from launchyard.controller.administration import Administration
from launchyard.controller.beginning import begun
from launchyard.controller.clusters import LiveClusters
from launchyard.controller.counters import Counters
from launchyard.controller.crontabs import Crontabs
from launchyard.controller.looking import Looking
from launchyard.controller.loop import Loop
from launchyard.controller.nodefailure import NodeFailure
from launchyard.controller.nodeuse import NodeUse, use_of
from launchyard.controller.outlook import Outlook, Outlooks
from launchyard.controller.reasons import Reasons
from launchyard.controller.recovery import Reports
from launchyard.controller.reserving import Reserving
from launchyard.controller.reviving import Reviving
from launchyard.controller.sessions import Sessions
from launchyard.controller.steps import Steps
from launchyard.controller.submitting import Submitting
from launchyard.controller.triggers import Triggering
from launchyard.model.errors import Conflict, Forbidden, LaunchyardError, NotFound
from launchyard.model.event import Cancelled, StateChanged
from launchyard.model.job import Job
from launchyard.model.measures import Histogram
from launchyard.model.node import Node, NodeState
from launchyard.model.signals import signal_name
from launchyard.model.state import JobState
from launchyard.model.submission import Caller, Submission, Update
from launchyard.model.token import Token
from launchyard.policy import arrays, turns
from launchyard.policy.case import Room, room_of
from launchyard.policy.lifecycle import REQUEUE, apply
from launchyard.policy.rights import above, acts, owns, refuse_ahead
from launchyard.store.protocol import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRef:
    """A job by id, or one task of an array that may not have split off yet (`12_3`)."""

    job_id: int
    index: int | None = None

    def __str__(self) -> str:
        return str(self.job_id) if self.index is None else f"{self.job_id}_{self.index}"


class Controller(Looking):
    """What may be asked of the running system; made by the composition root from its parts."""

    def __init__(
        self,
        *,
        loop: Loop,
        store: Store,
        submitting: Submitting,
        reports: Reports,
        steps: Steps,
        reasons: Reasons,
        outlooks: Outlooks,
        administration: Administration,
        reserving: Reserving,
        crontabs: Crontabs,
        triggers: Triggering,
        counters: Counters,
        sessions: Sessions,
    ) -> None:
        self.counters = counters
        self.sessions = sessions
        self.crontabs = crontabs
        self.triggers = triggers
        self.administration = administration
        self.reserving = reserving
        self.steps = steps
        self.watch_nodes = loop.watch_nodes
        super().__init__(loop, reasons)
        self._store = store
        self._submitting = submitting
        self.reviving = Reviving(loop, submitting)
        self._reports = reports
        self._running = reports.running
        self._failure = NodeFailure(loop, reports)
        self._outlooks = outlooks

    # -- submitting

    async def submit(
        self, caller: Caller, submissions: Sequence[Submission], *, idempotency: tuple[str, str] | None = None
    ) -> list[Job | LaunchyardError]:
        """One result an item. `idempotency` is (key, digest of the body)."""
        return await self._submitting.submit(caller, submissions, idempotency)

    def admitted(self, caller: Caller, submission: Submission) -> Job:
        """What `submit` would make of it; raises as `submit` would answer."""
        return self._submitting.admitted(caller, submission, 0)

    async def check(self, caller: Caller, submission: Submission) -> tuple[Job, Outlook]:
        """A dry run: the job, why and until when it would wait, and what would start it sooner."""
        job = self.admitted(caller, await self._submitting.passed(caller, submission))
        return job, await self._outlooks.of_new(job, caller)

    # -- acting on jobs

    async def cancel(self, caller: Caller, ref: JobRef) -> Job:
        """End it: a waiting job at once, a running one when its processes are gone."""
        job = await self._mine(caller, ref)
        for task in self.live_tasks(job.id):
            self._cancel(self._live.jobs[task.id], caller)
        return await self._settled(self._cancel(self._live.jobs.get(job.id, job), caller))

    async def hold(self, caller: Caller, ref: JobRef, *, as_user: bool = False) -> Job:
        """Keep a waiting job (or the rest of an array) from starting.

        One that an administrator holds only an administrator releases, unless it is held `as_user`.
        """
        return await self._hold(caller, ref, held=True, as_user=as_user)

    async def release(self, caller: Caller, ref: JobRef) -> Job:
        """Let a held job go on."""
        return await self._hold(caller, ref, held=False)

    async def requeue(
        self, caller: Caller, ref: JobRef, *, held: bool = False, even_ended: bool = False
    ) -> Job:
        """Stop a running job (or all tasks of an array that are at work) and let it wait again, or be held.

        `even_ended`: one that ended a short while ago waits again too.
        """
        if even_ended and (ended := await self._just_ended(caller, ref)) is not None:
            return await self.reviving.revive(ended, held=held)
        job = await self._mine(caller, ref)
        for task in self._at_work(job):
            asked = replace(task, stop_requested=REQUEUE, held=held or task.held)
            self._loop.move(asked)
            self._reports.stop(asked)
        return await self._settled(self._live.jobs.get(job.id, job))

    async def suspend(self, caller: Caller, ref: JobRef) -> Job:
        """Let a running job (or all running tasks of an array) stand still; it keeps what it holds."""
        job = await self._mine(caller, ref)
        for task in self._tasks_in(job, JobState.RUNNING, "running"):
            self._running.suspend(task)
        return await self._settled(self._live.jobs.get(job.id, job))

    async def resume(self, caller: Caller, ref: JobRef) -> Job:
        """Let it go on."""
        job = await self._mine(caller, ref)
        for task in self._tasks_in(job, JobState.SUSPENDED, "suspended"):
            self._running.resume(task)
        return await self._settled(self._live.jobs.get(job.id, job))

    async def top(self, caller: Caller, ref: JobRef) -> Job:
        """Bring a waiting job before the others of its own user."""
        job = await self._mine(caller, ref)
        live, now = self._live, self._loop.now()
        if job.id not in live.queue:
            reason = self._reasons.of(job)
            why = f"{reason.sentence}" if reason is not None else f"is {job.state}"
            raise Conflict(f"job {ref} does not wait for its turn: it {why}")
        mine = [other for one in live.queue.beside(job.id) if (other := live.jobs[one]).uid == job.uid]
        for moved in turns.to_front(job, mine, lambda one: live.entry(one, now).key):
            self._loop.move(moved)
        return await self._settled(live.jobs[job.id])

    async def signal(self, caller: Caller, ref: JobRef, signal: int, target: str = "all") -> Job:
        """Send a signal to a running job's processes: all, its main one (`batch`), or its steps' alone.

        One that is being started gets it as soon as its start is known.
        """
        meant, name = await self._mine(caller, ref, whole=True), signal_name(signal)
        job = await begun(self._loop, meant) or await self._submitting.stored(meant.id) or meant
        if job.launch_id != meant.launch_id and not job.ended:
            raise Conflict(
                f"job {ref} was requeued before it could be sent {name}; send it when it runs again"
            )
        if job.attempt is None or job.state is not JobState.RUNNING:
            raise Conflict(f"job {ref} is {job.state}; only a running job can be sent {name}")
        self._loop.clusters.of(job).engine.signal(
            job.attempt.launch_id, signal, main_only=target == "batch", steps_only=target == "steps"
        )
        return job

    async def update(self, caller: Caller, ref: JobRef, update: Update) -> Job:
        """Change what a waiting job asks for, or shorten a running one."""
        job = await self._mine(caller, ref, whole=True)
        refuse_ahead(caller, update.nice, job.nice)
        if job.cron is not None:
            raise Conflict(f"job {ref} is a line of a crontab; change it there by scrontab -e", code="cron")
        if job.attempt is not None:
            return await self._settled(self._running.update(job, update, caller))
        return await self._settled(await self._submitting.amend(caller, job, update))

    # -- looking

    async def outlook(self, caller: Caller, job: Job) -> Outlook:
        """Why a live job waits, when it may start, and what would start it sooner. Costs a while."""
        if self._loop.hidden:
            self._loop.refuse_when_degraded()
        return await self._outlooks.of(job, caller)

    def room(self, job: Job) -> Room:
        """The most that a job of this one's partition can ask for."""
        return room_of(job, self._submitting.cluster())

    @property
    def grace_s(self) -> float:
        """Seconds between the polite signal and the kill."""
        return self._reports.grace_s

    @property
    def next_job_id(self) -> int:
        return self._loop.next_job_id

    def licences(self) -> list[tuple[str, int, int]]:
        """Name, how many there are and how many are held now."""
        total, free = self._live.capacity.licences, self._live.ledger.licences
        return [(name, count, count - free.get(name, 0)) for name, count in sorted(total.items())]

    @property
    def nodes(self) -> Mapping[str, Node]:
        """By name; another value where there are others, or they have another size."""
        return self._live.nodes

    def node_uses(self) -> list[NodeUse]:
        return [use_of(node, self._live, self._loop.now()) for node in self._live.nodes.values()]

    @property
    def commits(self) -> Histogram:
        """How long commits to the store take."""
        return self._loop.writer.commits

    @property
    def degraded(self) -> str | None:
        """Why nothing can be acknowledged now (one sentence), or None."""
        return self._loop.writer.degraded

    @property
    def clusters(self) -> LiveClusters:
        """The clusters, and since when the engine of each does not answer."""
        return self._loop.clusters

    @property
    def engine_lost_since(self) -> float | None:
        """Since when the engine of any cluster does not answer, None while all do."""
        return min((since for one in self._loop.clusters if (since := one.lost_since)), default=None)

    def watch(self, tell: Callable[[Sequence[StateChanged]], None]) -> Callable[[], None]:
        """`tell` is called on the loop after each commit; the answer ends it."""
        return self._loop.watch(tell)

    def watch_job(self, job_id: int, tell: Callable[[], None]) -> Callable[[], None]:
        """`tell` is called on the loop after each commit in which this job has moved; the answer ends it."""
        return self._loop.watch_job(job_id, tell)

    # -- operating

    async def mark_node(self, name: str, state: NodeState, reason: str, by: str = "") -> NodeUse:
        """Drain a node, take it down with what runs there, or let it take work again; kept over restarts."""
        node = self._live.nodes.get(name)
        if node is None:
            raise NotFound(f"there is no node {name!r}; there are: {', '.join(self._live.nodes)}")
        self._loop.refuse_when_degraded()
        if state is NodeState.DOWN:
            node = self._failure.take_down(node, reason, by)
        else:
            node = self._loop.mark(node, state, reason, by)
        await self._loop.committed()
        return use_of(node, self._live, self._loop.now())

    async def keep_token(self, token: Token) -> None:
        """Make a new or revoked token durable."""
        self._loop.refuse_when_degraded()
        self._loop.draft.tokens.append(token)
        await self._loop.committed()

    # -- inside

    async def _mine(self, caller: Caller, ref: JobRef, *, whole: bool = False) -> Job:
        """The live job meant, if the caller may act on it, or change it as a `whole`.

        A task that has not split off yet does so now.
        """
        self._loop.refuse_when_degraded()
        job = await self._meant(ref)
        if job is None or job.ended:
            raise await self._not_live(caller, ref)
        if not (owns if whole else acts)(caller, job):
            raise not_found(ref)
        if ref.index is None or job.task is not None:
            return job
        if job.array is None or ref.index not in job.array.waiting:
            raise await self._not_live(caller, ref)
        return self._split(job, ref.index)

    async def _meant(self, ref: JobRef) -> Job | None:
        """The live job or task, or the record of its array; what has ended goes to the store meanwhile."""
        for _ in range(2):
            task = None if ref.index is None else self._live.task(ref.job_id, ref.index)
            job = task or self._live.jobs.get(ref.job_id)
            if job is None or not job.ended:
                break
            await self._loop.committed()
        return job

    async def _not_live(self, caller: Caller, ref: JobRef) -> LaunchyardError:
        job = await self._submitting.stored(ref.job_id, ref.index)
        if job is None or not acts(caller, job):
            return not_found(ref)
        return Conflict(f"job {ref} has ended ({job.state}); `ly rerun {ref}` runs it again")

    def _split(self, record: Job, index: int) -> Job:
        record, (task,) = arrays.split(record, [index], self._loop.new_ids(1))
        self._loop.move_tasks(record, [(task, task)])
        return task

    def _cancel(self, job: Job, caller: Caller) -> Job:
        if job.ended:
            return job
        if job.array is not None:
            return self._cancel_array(job, caller)
        if job.cron is not None:
            job = self.crontabs.leave(job)
        cancelled = apply(job, Cancelled(by=caller.user), self._loop.now())
        self._loop.move(cancelled)
        if cancelled.stop_requested is not None:
            self._reports.stop(cancelled)
        return cancelled

    def _cancel_array(self, record: Job, caller: Caller) -> Job:
        """What has not split off is cancelled in the record; the tasks have been told already."""
        if record.array is None or not len(record.array.waiting):
            return record
        self._loop.move(arrays.cancel_waiting(record, self._loop.now()))
        return self._live.jobs[record.id]

    async def _hold(self, caller: Caller, ref: JobRef, *, held: bool, as_user: bool = False) -> Job:
        job = await self._mine(caller, ref)
        if job.attempt is not None or (job.array is not None and not len(job.array.waiting)):
            raise Conflict(f"job {ref} is {job.state}; only a waiting job can be held or released")
        if job.held_by_admin and not above(caller, job):
            raise Forbidden(f"job {ref} is held by an administrator; ask one to release it")
        by_admin = held and above(caller, job) and caller.uid != job.uid and not as_user
        requeues = job.requeues if held else 0
        job = replace(job, held=held, held_because=None, held_by_admin=by_admin, requeues=requeues)
        self._loop.move(job)
        return await self._settled(job)

    async def _just_ended(self, caller: Caller, ref: JobRef) -> Job | None:
        """A job (or task) of the caller's that is not live any more."""
        live = await self._meant(ref)
        if live is not None and (ref.index is None or live.task is not None or _waits(live, ref.index)):
            return None
        job = await self._submitting.stored(ref.job_id, ref.index)
        mine = job is not None and acts(caller, job)
        return job if mine and job is not None and job.ended else None

    def _at_work(self, job: Job) -> list[Job]:
        """The job itself, or the tasks of an array, as far as an attempt of them is under way."""
        tasks = [job] if job.array is None else self.live_tasks(job.id)
        found = [one for one in tasks if one.attempt is not None]
        if not found:
            raise Conflict(f"job {job.id} is {job.state}; only a running job can be requeued")
        return [one for one in found if not one.ended]

    def _tasks_in(self, job: Job, state: JobState, word: str) -> list[Job]:
        """The job itself; of an array its tasks in this state, of which there must be some."""
        if job.array is None:
            return [job]
        found = [one for one in self.live_tasks(job.id) if (one.state, one.stop_requested) == (state, None)]
        if not found:
            raise Conflict(f"array {job.id} has no {word} task")
        return found

    async def _settled(self, job: Job) -> Job:
        return await self._submitting.settled(job)


def _waits(record: Job | None, index: int) -> bool:
    """Whether this task has not split off yet."""
    return record is not None and record.array is not None and index in record.array.waiting


def not_found(ref: JobRef) -> NotFound:
    """The same answer for what does not exist and for what belongs to somebody else."""
    return NotFound(f"no job {ref}, or it is not yours")


__all__ = ["Caller", "Controller", "Forbidden", "JobRef", "NodeUse", "not_found"]
