"""Sessions while they live: what their attendants tell, who may reach them, more time, idle stop, cards.

Whatever changes of a session is told to those who watch, after its commit, as `SessionMoved`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from launchyard.controller.ending import Endings
from launchyard.controller.idling import Idling, Usage
from launchyard.controller.loop import Loop
from launchyard.controller.recovery import Reports
from launchyard.controller.submitting import Submitting
from launchyard.controller.tidings import Follow, Tidings, Told
from launchyard.model.ability import Placing
from launchyard.model.errors import Conflict, Infeasible, LaunchyardError, NotFound
from launchyard.model.event import SessionMoved
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.rules import INTERACTIVE
from launchyard.model.session import Session, SessionState, Target, TcpTarget, UnixTarget, place
from launchyard.model.submission import Caller, Submission
from launchyard.model.walltime import humane
from launchyard.policy.admission import refuse_longer
from launchyard.policy.rights import owns
from launchyard.policy.sessions import notice_of, session_of, state_of

PHASE_S = 1.0
"""So often at most a phase of a set-up is told."""
SHARERS_MAX = 50

Watcher = Callable[[SessionMoved], None]
ReadAs = Callable[[Job, str], Awaitable[bytes]]
"""Reads a small file where the job is, as its user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a session that answers is reached, with the secret that its app asks for."""

    job: Job
    session: Session
    launch_id: str
    target: Target
    secret: str


class Sessions:
    """Used on the loop only."""

    def __init__(self, loop: Loop, submitting: Submitting, reports: Reports, state: str | None) -> None:
        self._loop = loop
        self._live = loop.live
        self._submitting = submitting
        self._reports = reports
        self._state = state
        self._ids: set[int] = set()
        """Those among the live jobs, and some that are there no more."""
        self._secrets: dict[int, tuple[str, str]] = {}
        """By session its launch and that launch's secret; never written down here."""
        self._endpoints: dict[int, Endpoint] = {}
        """As they were made last: asked for with each request, and the same until the job changes."""
        self._watchers: list[Watcher] = []
        self._phase_told: dict[int, float] = {}
        self._recalling: dict[int, asyncio.Task[None]] = {}
        self.idling = Idling(loop.now, lambda job_id: self._say(job_id, "idle"), self._stop_idle)
        self._endings = Endings(lambda job_id: self._say(job_id, "ending"))
        self._read_as: ReadAs | None = None
        self._tidings = Tidings(loop.clusters, self._tell)

    # -- what happens

    def moved(self, before: Job | None, job: Job) -> None:
        """A job's state is another one."""
        if job.session is None:
            return
        self._ids.add(job.id)
        self._tidings.moved(job)
        if job.ended or job.attempt is None:
            self._secrets.pop(job.id, None)
            self._endpoints.pop(job.id, None)
            self._phase_told.pop(job.id, None)
            self.idling.end(job.id)
        self._loop.effect(lambda: self._publish(job, "state"))

    async def told(self, caller: Caller, session_id: int, told: Told) -> None:
        """What the attendant of the caller's own session says; durable when this returns."""
        job = self._mine(caller, session_id)
        attempt, session = job.attempt, session_of(job)
        if attempt is None or attempt.launch_id != told.launch_id or job.ended:
            raise Conflict(f"session {session_id} is of another launch now")
        now = self._loop.now()
        if session.launch_id != told.launch_id:
            session = changed(
                session, launch_id=told.launch_id, listened_at=None, answered_at=None, failure=None, port=None
            )
        if told.what == "failed":
            session = changed(session, failure=told.sentence)
        elif told.what == "answers":
            listened_at = session.listened_at or now
            session = changed(session, listened_at=listened_at, answered_at=now, port=told.port)
            self._secrets[job.id] = (told.launch_id, told.secret or "")
        else:
            session = changed(session, listened_at=session.listened_at or now)
        self._keep(changed(job, session=session), "state")
        if told.what == "answers" and session.idle_stop_s:
            self.idling.begin(job, session.idle_stop_s)
        await self._loop.committed()

    def prepared(self, job: Job) -> None:
        """Its runtime environment is there."""
        current = self._live.jobs.get(job.id)
        if current is not None and current.session is not None and not current.ended:
            session = changed(current.session, prepared_at=self._loop.now())
            self._keep(changed(current, session=session), "phase")

    def phase(self, job_id: int) -> None:
        """Its set-up does something else now."""
        now = self._loop.now()
        job = self._live.jobs.get(job_id)
        if job is None or job.session is None or now - self._phase_told.get(job_id, 0) < PHASE_S:
            return
        self._phase_told[job_id] = now
        self._publish(job, "phase")

    def node_marked(self, before: Node, node: Node) -> None:
        """A node is open or closed for new work: who has a session there is told."""
        for job in self.live() if before.state is not node.state else ():
            if job.attempt is not None and node.name in job.attempt.allocation.nodes:
                self._loop.effect(lambda job=job: self._publish(job, "node"))  # type: ignore[misc]

    def look(self) -> None:
        """Duty: who is nearly at the end of its time."""
        self._ids &= self._live.jobs.keys()
        self._endings.look(self.live(), self._loop.now())

    def usage_of(self, usage: Usage) -> None:
        """How to find out what launches use."""
        self.idling.usage = usage

    def begin(self, read_as: ReadAs, follow: Follow | None = None) -> None:
        """Take in sessions of an earlier run of the server: their secrets are with them."""
        self._read_as, self._tidings.follow = read_as, follow
        for job in list(self._live.jobs.values()):
            session, attempt = job.session, job.attempt
            if session is not None:
                self._ids.add(job.id)
                self._tidings.moved(job)
            if session is None or attempt is None or session.launch_id != attempt.launch_id:
                continue
            if session.answered_at is not None:
                self._recall_later(job, attempt.launch_id)
                if session.idle_stop_s:
                    self.idling.begin(job, session.idle_stop_s)

    # -- what is asked

    def live(self) -> list[Job]:
        """All sessions that have not ended."""
        return [job for job in self.known() if not job.ended]

    def known(self) -> list[Job]:
        """The same, and those whose end is on its way to the store."""
        return [job for one in sorted(self._ids) if (job := self._live.jobs.get(one)) is not None]

    def notice(self, job: Job) -> str | None:
        """What its person should know of the node under it."""
        return notice_of(job, self._live.nodes)

    def qos_for(self, caller: Caller, submission: Submission) -> str | None:
        """`interactive` where there is such a QOS, the caller may use it and has room in it; else None."""
        cluster = self._submitting.cluster()
        qos = cluster.rules.qos.get(INTERACTIVE)
        if qos is None:
            return None
        try:
            asked = self._submitting.admitted(caller, changed(submission, qos=INTERACTIVE), 0)
        except LaunchyardError:
            return None
        if self._loop.clusters.of(asked).engine.abilities.places is Placing.ENGINE:
            # How urgent it is there its engine says, which has a QOS of that name or has none.
            return None
        mine = [job for job in self.live() if job.uid == caller.uid and job.qos == INTERACTIVE]
        together, limits = [*mine, asked], qos.per_user
        bounds = (
            (limits.jobs, len(together)),
            (limits.cpus_milli, sum(job.request.cpus_milli for job in together)),
            (limits.gpus, sum(job.request.gpus for job in together)),
        )
        return INTERACTIVE if all(most is None or count <= most for most, count in bounds) else None

    def endpoint(self, caller: Caller, session_id: int) -> Endpoint:
        """The way to a session that answers, for its owner and those it is shared with. Raises `NotFound`."""
        job = self._live.jobs.get(session_id)
        session = None if job is None else job.session
        if job is None or session is None or not may_open(job, caller):
            raise no_session(session_id)
        attempt, known = job.attempt, self._secrets.get(session_id)
        made = self._endpoints.get(session_id)
        if made is not None and known is not None and made.job is job and made.secret is known[1]:
            return made
        running = state_of(job) is SessionState.RUNNING
        if attempt is None or not running or (known is not None and known[0] != attempt.launch_id):
            raise NotFound(f"session {session_id} is {state_of(job)}; its page opens once it runs")
        directory = self._directory(job, attempt.launch_id)
        if directory is None:
            raise NotFound(f"the node of session {session_id} does not answer; its page opens once it does")
        if known is None:
            # Who acts for the user could not be asked when the server began.
            self._recall_later(job, attempt.launch_id)
            raise NotFound(f"session {session_id} is not reached again yet; its page opens in a moment")
        target: Target = UnixTarget(path=f"{directory}/app.sock")
        if session.port is not None:
            target = TcpTarget(port=session.port)
        made = Endpoint(job=job, session=session, launch_id=attempt.launch_id, target=target, secret=known[1])
        self._endpoints[session_id] = made
        return made

    async def extend(self, caller: Caller, session_id: int, by_s: int) -> Job:
        """Let a running session go on for longer, as far as limits allow. Raises `Infeasible`."""
        job = self._mine(caller, session_id)
        if job.attempt is None or job.stop_requested is not None or job.ended:
            raise Conflict(f"session {session_id} is {state_of(job)}; only a running one can be extended")
        if job.time_limit_s is None:
            raise Conflict(f"session {session_id} has no time limit")
        limit_s = job.time_limit_s + by_s
        cluster = self._submitting.cluster()
        try:
            refuse_longer(job, limit_s, cluster, caller, self._loop.now())
        except Infeasible as error:
            raise Infeasible(f"session {session_id} cannot be extended: {error}", code=error.code) from None
        self.idling.use(session_id)
        attempt = changed(job.attempt, limit_moved=True, limit_cut_from_s=None)
        longer = self._reports.running.moved(changed(job, time_limit_s=limit_s, attempt=attempt))
        self._loop.effect(lambda: self._publish(longer, "time"))
        return await self._submitting.settled(longer)

    async def share(self, caller: Caller, session_id: int, users: Sequence[str]) -> Job:
        """These users may open it too, and no others."""
        job = self._mine(caller, session_id)
        if len(users) > SHARERS_MAX:
            raise Conflict(f"a session is shared with at most {SHARERS_MAX} users, {len(users)} are named")
        named = tuple(dict.fromkeys(one for one in users if one != job.user))
        before = job
        job = self._keep(changed(job, session=changed(session_of(job), sharers=named)), "sharers")
        self._loop.effect(lambda: self._publish(before, "sharers"))
        return await self._submitting.settled(job)

    async def delete(self, caller: Caller, job: Job) -> Job:
        """Its card is gone; one that lives must be ended first."""
        if job.id in self._live.jobs and not self._live.jobs[job.id].ended:
            raise Conflict(
                f"session {job.id} is {state_of(job)}; end it first: ly session stop {job.id}", code="live"
            )
        self._loop.refuse_when_degraded()
        current = self._live.jobs.get(job.id, job)
        gone = changed(current, session=changed(session_of(current), deleted=True))
        self._loop.amend(gone)
        self._loop.effect(lambda: self._publish(gone, "deleted"))
        await self._loop.committed()
        return gone

    async def save(self, job: Job, name: str) -> Job:
        """Its settings are kept under this name; none any more where it is empty."""
        self._loop.refuse_when_degraded()
        current = self._live.jobs.get(job.id, job)
        saved = changed(current, session=changed(session_of(current), saved_as=name))
        if current.ended:
            self._loop.amend(saved)
            self._loop.effect(lambda: self._publish(saved, "saved"))
        else:
            self._keep(saved, "saved")
        await self._loop.committed()
        return saved

    def use(self, session_id: int) -> None:
        """Somebody works in it."""
        self.idling.use(session_id)

    def watch(self, tell: Watcher) -> Callable[[], None]:
        """`tell` is called on the loop; the answer ends it."""
        self._watchers.append(tell)
        return lambda: self._watchers.remove(tell)

    def close(self) -> None:
        self.idling.close()
        self._tidings.close()

    # -- inside

    async def _tell(self, job: Job, told: Told) -> None:
        """What was read on its node, as its own user."""
        try:
            await self.told(Caller(user=job.user, uid=job.uid), job.id, told)
        except (Conflict, NotFound):
            # It has ended meanwhile, or is of another launch.
            return

    def _directory(self, job: Job, launch_id: str) -> str | None:
        """The session's own directory, where it is; None: nothing is known of its node yet."""
        if not self._loop.clusters.is_elsewhere(job):
            return place(self._state or "", launch_id)
        outpost = self._loop.clusters.outpost(job)
        return None if outpost is None else place(outpost.state, launch_id)

    def _mine(self, caller: Caller, session_id: int) -> Job:
        job = self._live.jobs.get(session_id)
        if job is None or job.session is None or not owns(caller, job):
            raise no_session(session_id)
        self._loop.refuse_when_degraded()
        return job

    def _keep(self, job: Job, what: str) -> Job:
        self._loop.move(job)
        self._loop.effect(lambda: self._publish(job, what))
        return job

    def _stop_idle(self, job_id: int, stop_s: float) -> None:
        job = self._live.jobs.get(job_id)
        if job is None or job.attempt is None or job.ended or job.stop_requested is not None:
            return
        stopped = changed(job, stop_requested=f"nobody used it for {humane(stop_s)}")
        self._loop.move(stopped)
        self._reports.stop(stopped)
        self._loop.effect(lambda: self._publish(stopped, "state"))

    def _say(self, job_id: int, what: str) -> None:
        job = self._live.jobs.get(job_id)
        if job is not None:
            self._publish(job, what)

    def _publish(self, job: Job, what: str) -> None:
        users = (job.user, *session_of(job).sharers)
        event = SessionMoved(
            session_id=job.id, users=users, what=what, state=state_of(job).value, at=self._loop.now()
        )
        for tell in list(self._watchers):
            tell(event)

    def _recall_later(self, job: Job, launch_id: str) -> None:
        if job.id not in self._recalling:
            self._recalling[job.id] = task = asyncio.ensure_future(self._recall(job, launch_id))
            task.add_done_callback(lambda _: self._recalling.pop(job.id, None))

    async def _recall(self, job: Job, launch_id: str) -> None:
        """Read the secret of a launch where its attendant wrote it down."""
        try:
            directory = self._directory(job, launch_id)
            if self._read_as is None or directory is None:
                return
            text = await self._read_as(job, f"{directory}/session.json")
            facts: Mapping[str, object] = json.loads(text)
        except (LaunchyardError, OSError, ValueError):
            return
        if isinstance(secret := facts.get("secret"), str) and facts.get("launch_id") == launch_id:
            self._secrets[job.id] = (launch_id, secret)
            self._say(job.id, "state")


def may_open(job: Job, caller: Caller) -> bool:
    """Its owner and those it is shared with; an administrator is nobody special here."""
    return caller.uid == job.uid or caller.user in session_of(job).sharers


def no_session(session_id: int) -> NotFound:
    """The same answer for what does not exist, for other jobs, and for sessions of others."""
    return NotFound(f"no session {session_id}, or it is not yours")


__all__ = ["Endpoint", "Sessions", "Told", "may_open", "no_session"]
