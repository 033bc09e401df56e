"""Programs that users want to be run when something happens: kept durable, gone off once, run as their users.

What happens is noted in the trigger by the same change that makes it happen, so that no event is lost when
the daemon ends. The program then runs as a job of the trigger's user that is started at once, whatever
waits: it holds nothing of any node, but has a memory limit and a time limit, and is accounted as jobs are.
That job and the end of its trigger are one change too.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace

from launchyard.controller.clusters import LiveCluster
from launchyard.controller.loop import Loop
from launchyard.controller.scheduling import Scheduler
from launchyard.controller.submitting import Submitting
from launchyard.controller.users import Users
from launchyard.model.errors import Conflict, LaunchyardError, NotFound
from launchyard.model.frozen import changed
from launchyard.model.hostlist import compress
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.state import ENDED, JobState
from launchyard.model.submission import Caller, Submission
from launchyard.model.trigger import EVERYTHING, Happening, Trigger, Triggers, refuse_contradictory
from launchyard.policy.backfill import Start
from launchyard.policy.rights import Right, may, owns
from launchyard.store.protocol import Store

RUNS_MAX_S = 300
"""A program that takes longer is ended."""
MEMORY_MIB = 256
OF_A_USER_MAX = 100
TRIGGERS_MAX = 2_000
AT_WORK_MAX = 16
"""So many programs of one user run at a time; others wait for their turn."""

MARK = "slurm.trigger"
"""In the metadata of a job that is a program: such a job keeps no node from being idle or drained."""

_log = logging.getLogger(__name__)


class Triggering:
    """The way in for triggers, the hooks that note what happened, and the duty that starts programs."""

    def __init__(self, loop: Loop, submitting: Submitting, scheduler: Scheduler, users: Users) -> None:
        self._loop = loop
        self._submitting = submitting
        self._scheduler = scheduler
        self._users = users
        self._next_id = 1
        self._triggers: dict[int, Trigger] = {}
        self._idle_since: dict[str, float] = {}
        self._told_idle: dict[int, set[str]] = {}
        """Of permanent triggers: the nodes that are still idle and were told."""
        self._at_work: dict[int, int] = {}
        """The user of each program that may be at work, by job."""

    async def take_in(self, store: Store) -> None:
        """What an earlier run left; that we are back is an event too."""
        kept = await asyncio.to_thread(store.triggers)
        self._next_id = kept.next_id
        self._triggers = {one.id: one for one in kept.triggers}
        for uid in {one.uid for one in kept.triggers}:
            await self._users.load(uid)
        self._happened(Happening.RESUMED)
        for trigger in list(self._triggers.values()):
            if self._is_over(trigger):
                self._job_ended(trigger)

    def all(self, caller: Caller) -> list[Trigger]:
        """The caller's own, an administrator's are everybody's."""
        return [
            one for one in self._triggers.values() if one.uid == caller.uid or may(caller, Right.CONTENT_ALL)
        ]

    async def add(self, caller: Caller, asked: Trigger) -> Trigger:
        """Keep it; its id is given here. Raises `Invalid`, `NotFound`, `Conflict`."""
        self._loop.refuse_when_degraded()
        refuse_contradictory(asked)
        for name in asked.nodes:
            if name not in self._loop.live.nodes:
                raise NotFound(f"there is no node {name}", code="no-node")
        await self._refuse_job(caller, asked)
        await self._users.load(caller.uid)
        self._refuse_too_many(caller, asked)
        trigger = replace(asked, id=self._next_id)
        self._next_id += 1
        self._keep(trigger)
        if self._is_over(trigger):
            self._job_ended(trigger)
        if trigger.waits_for(Happening.IDLE):
            self._look_at_idle([trigger], self._loop.now())
        await self._loop.committed()
        return trigger

    async def clear(
        self, caller: Caller, *, id: int | None = None, job_id: int | None = None, uid: int | None = None
    ) -> int:
        """Take away those that fit all that is given; how many. Raises `NotFound` when there are none."""
        self._loop.refuse_when_degraded()
        mine = [
            one
            for one in self.all(caller)
            if (id is None or one.id == id)
            and (job_id is None or one.job_id == job_id)
            and (uid is None or one.uid == uid)
        ]
        if not mine:
            raise NotFound("there is no such trigger, or it is not yours", code="no-trigger")
        for one in mine:
            self._drop(one)
        await self._loop.committed()
        return len(mine)

    # -- what happens: called in the turn in which it does

    def node_marked(self, before: Node, node: Node) -> None:
        """An operator or the server changed a node's state."""
        if not self._triggers or before.state is node.state:
            return
        if node.state is NodeState.DOWN:
            self._happened_to(Happening.DOWN, node.name)
        elif before.state is NodeState.DOWN and node.state is NodeState.UP:
            self._happened_to(Happening.UP, node.name)
        self._look_if_drained(node.name)

    def job_moved(self, before: Job | None, job: Job) -> None:
        """A job came, or its state is another one."""
        if not self._triggers or MARK in job.metadata:
            return
        if before is not None and before.holds is not None and job.holds is None:
            for name in before.holds.nodes:
                self._look_if_drained(name)
        again = job.cron is not None and before is not None and before.attempt is not None
        for trigger in [one for one in self._triggers.values() if one.job_id == job.id]:
            if job.state in ENDED:
                self._job_ended(trigger)
            elif again and job.state is JobState.PENDING and trigger.waits_for(Happening.FINI):
                self._note(trigger, ())

    def reconfigured(self) -> None:
        """Other rules are in force."""
        self._happened(Happening.RECONFIG)

    def look(self) -> None:
        """Duty: time limits and idle nodes, and programs whose time has come."""
        if not self._triggers:
            return
        now, waiting = self._loop.now(), [one for one in self._triggers.values() if one.due_at is None]
        for trigger in waiting:
            if trigger.waits_for(Happening.TIME):
                self._look_at_limit(trigger, now)
        idle = [one for one in waiting if one.waits_for(Happening.IDLE)]
        if idle:
            self._look_at_idle(idle, now)
        else:
            self._idle_since = {}
        for trigger in list(self._triggers.values()):
            if trigger.due_at is not None and trigger.due_at <= now and self._may_start(trigger):
                self._start(trigger)

    def _happened(self, happening: Happening) -> None:
        for trigger in list(self._triggers.values()):
            if trigger.waits_for(happening):
                self._note(trigger, ())

    def _happened_to(self, happening: Happening, node: str) -> None:
        for trigger in list(self._triggers.values()):
            if trigger.waits_for(happening) and (trigger.means(node) or node in self._nodes_of(trigger)):
                self._note(trigger, (node,))

    def _nodes_of(self, trigger: Trigger) -> tuple[str, ...]:
        """Those that the trigger's job holds."""
        job = self._loop.live.jobs.get(trigger.job_id) if trigger.job_id is not None else None
        return job.holds.nodes if job is not None and job.holds is not None else ()

    def _look_if_drained(self, name: str) -> None:
        node = self._loop.live.nodes.get(name)
        if node is not None and node.state is NodeState.DRAIN and name not in self._busy():
            self._happened_to(Happening.DRAINED, name)

    def _busy(self) -> set[str]:
        """The nodes on which jobs are at work, but for our programs."""
        holding = (job for job in self._loop.live.holding.values() if MARK not in job.metadata)
        return {name for job in holding if job.holds is not None for name in job.holds.nodes}

    def _is_over(self, trigger: Trigger) -> bool:
        """The job that it is about has ended."""
        job = self._loop.live.jobs.get(trigger.job_id or 0)
        return trigger.job_id is not None and (job is None or job.ended)

    def _job_ended(self, trigger: Trigger) -> None:
        """What else could happen to a job that has ended cannot any more."""
        if trigger.waits_for(Happening.FINI):
            self._note(trigger, ())
        elif trigger.due_at is None:
            self._drop(trigger)

    def _look_at_limit(self, trigger: Trigger, now: float) -> None:
        job = self._loop.live.jobs.get(trigger.job_id or 0)
        if job is None or job.attempt is None or job.limit_s is None or job.attempt.suspended_at is not None:
            return
        begun = job.attempt.started_at or job.attempt.allocated_at
        if now >= begun + job.attempt.suspended_s + job.limit_s + trigger.offset_s:
            self._note(trigger, (), at_once=True)

    def _look_at_idle(self, triggers: Iterable[Trigger], now: float) -> None:
        """Each goes off once for each time that a node is idle."""
        busy = self._busy()
        up = [name for name, node in self._loop.live.nodes.items() if node.state is NodeState.UP]
        self._idle_since = {name: self._idle_since.get(name, now) for name in up if name not in busy}
        for trigger in triggers:
            told = self._told_idle.get(trigger.id, set()) & self._idle_since.keys()
            news = [
                name
                for name, since in self._idle_since.items()
                if name not in told and now - since >= trigger.offset_s and trigger.means(name)
            ]
            self._told_idle[trigger.id] = {*told, *news}
            if news:
                self._note(trigger, tuple(news), at_once=True)

    def _note(self, trigger: Trigger, nodes: tuple[str, ...], *, at_once: bool = False) -> None:
        """It happened; the program is due after the offset."""
        due_at = trigger.due_at
        if due_at is None:
            due_at = self._loop.now() + (0 if at_once else max(0, trigger.offset_s))
        names = tuple(dict.fromkeys((*trigger.happened_to, *nodes)))
        self._keep(replace(trigger, due_at=due_at, happened_to=names))

    # -- programs

    def _may_start(self, trigger: Trigger) -> bool:
        live = self._loop.live.jobs
        self._at_work = {job_id: uid for job_id, uid in self._at_work.items() if job_id in live}
        mine = sum(uid == trigger.uid for uid in self._at_work.values())
        cluster = self._cluster()
        return cluster is not None and cluster.epoch is not None and mine < AT_WORK_MAX

    def _start(self, trigger: Trigger) -> None:
        """The program as a job, and the trigger gone or ready for the next time, in one change."""
        if trigger.permanent and not trigger.waits_for(Happening.TIME) and not self._is_over(trigger):
            self._keep(replace(trigger, due_at=None, happened_to=()))
        else:
            self._drop(trigger)
        entry = self._users.entry(trigger.uid)
        caller = Caller(user=trigger.user, uid=trigger.uid, groups=entry.groups if entry is not None else ())
        try:
            where = cluster.name if (cluster := self._cluster()) is not None else None
            job = self._submitting.admitted(caller, replace(_submission(trigger), cluster=where), 0)
        except LaunchyardError as error:
            _log.warning("the program of trigger %d of %s is not run: %s", trigger.id, trigger.user, error)
            return
        job = changed(job, id=self._loop.new_ids(1))
        self._at_work[job.id] = job.uid
        self._scheduler.start_now(job, Start(job.id, Allocation(shares=(self._share(job.cluster),))))

    def _cluster(self) -> LiveCluster | None:
        """The first in which we say what starts, with a node to start it on."""
        nodes = {node.cluster for node in self._loop.live.nodes.values()}
        return next((one for one in self._loop.clusters if not one.places and one.name in nodes), None)

    def _share(self, cluster: str) -> NodeShare:
        """Nothing of a node that is up where there is one."""
        nodes = [node for node in self._loop.live.nodes.values() if node.cluster == cluster]
        node = next((one for one in nodes if one.state is NodeState.UP), nodes[0])
        return NodeShare(node=node.name, cpus_milli=0, memory_mib=0)

    # -- keeping

    async def _refuse_job(self, caller: Caller, asked: Trigger) -> None:
        if asked.job_id is None:
            return
        job = self._loop.live.jobs.get(asked.job_id) or await self._submitting.stored(asked.job_id)
        if job is None or not owns(caller, job):
            raise NotFound(f"no job {asked.job_id}, or it is not yours", code="no-job")
        if job.ended and not asked.waits_for(Happening.FINI):
            raise Conflict(f"job {job.id} has ended ({job.state}); nothing more can happen to it")

    def _refuse_too_many(self, caller: Caller, asked: Trigger) -> None:
        mine = [one for one in self._triggers.values() if one.uid == caller.uid]
        if any(replace(one, id=0) == replace(asked, id=0) for one in mine):
            raise Conflict("there is such a trigger already", code="duplicate-trigger")
        if len(mine) >= OF_A_USER_MAX or len(self._triggers) >= TRIGGERS_MAX:
            raise Conflict(f"you have {len(mine)} triggers of at most {OF_A_USER_MAX}; clear some first")

    def _keep(self, trigger: Trigger) -> None:
        self._triggers[trigger.id] = trigger
        self._write()

    def _drop(self, trigger: Trigger) -> None:
        del self._triggers[trigger.id]
        self._told_idle.pop(trigger.id, None)
        self._write()

    def _write(self) -> None:
        self._loop.draft.triggers = Triggers(
            next_id=self._next_id, triggers=tuple(self._triggers[one] for one in sorted(self._triggers))
        )


def _submission(trigger: Trigger) -> Submission:
    happened_to = str(trigger.job_id) if trigger.job_id is not None else compress(list(trigger.happened_to))
    return Submission(
        command=(*trigger.command, happened_to or EVERYTHING),
        name=f"trigger-{trigger.id}",
        cpus_milli=0,
        memory_mib=MEMORY_MIB,
        time_limit_s=RUNS_MAX_S,
        keep_beyond_limits=True,
        working_dir="/",
        metadata={MARK: str(trigger.id)},
    )
