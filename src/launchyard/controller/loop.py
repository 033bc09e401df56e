"""The tick: what is decided in one turn of the event loop becomes one `Change`, and leaves after its commit.

Live jobs change at once; the change goes to the writer; only when it is durable are launches sent, kills
sent, events published, journal records acknowledged and callers answered. Nothing awaits between reading
and writing state, so every decision sees all earlier ones.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from launchyard import faults
from launchyard.controller.clusters import LiveClusters
from launchyard.controller.live import LiveJobs
from launchyard.controller.writer import Writer
from launchyard.model.change import Change, Idempotency, NodeMark
from launchyard.model.crontab import Crontab
from launchyard.model.errors import StorageFull, Unavailable
from launchyard.model.event import NodeMoved, StateChanged
from launchyard.model.job import Job, digests_of
from launchyard.model.node import Node, NodeState
from launchyard.model.reservation import Reservation
from launchyard.model.state import ENDED, JobState
from launchyard.model.step import Step
from launchyard.model.token import Token
from launchyard.model.trigger import Triggers
from launchyard.policy import arrays
from launchyard.policy.attempts import hold_if_requeued_too_often
from launchyard.policy.recurring import waits_for_next

REQUEUES_MAX = 10

Effect = Callable[[], None]
"""Something that leaves the daemon; run once the change that it belongs to is durable."""


@dataclass(slots=True)
class Draft:
    """What this turn has changed so far."""

    jobs: dict[int, Job] = field(default_factory=dict)
    moves: list[StateChanged] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    steps: dict[tuple[int, int, int], Step] = field(default_factory=dict)
    nodes: list[NodeMark] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    starting: list[int] = field(default_factory=list)
    rules: str | None = None
    reservations: tuple[Reservation, ...] | None = None
    crontabs: dict[int, Crontab] = field(default_factory=dict)
    triggers: Triggers | None = None
    forgotten: list[int] = field(default_factory=list)
    forgotten_texts: list[str] = field(default_factory=list)
    forgotten_keys: list[tuple[str, str]] = field(default_factory=list)
    brings: list[int] = field(default_factory=list)
    """Jobs that nobody was told of before, by id: tasks that split off, and the like."""
    acknowledge: dict[str, int] = field(default_factory=dict)
    """By cluster, up to where its reports are taken in."""


class Loop:
    """Live state, the draft of this turn, and the way to the disk. The only holder of the clock."""

    def __init__(
        self,
        *,
        live: LiveJobs,
        writer: Writer,
        clusters: LiveClusters,
        clock: Callable[[], float],
        seq: int,
        next_job_id: int,
    ) -> None:
        self.live = live
        self.writer = writer
        self.clusters = clusters
        self.now = clock
        self.next_job_id = next_job_id
        self.launch: Callable[[Sequence[Job]], None] = lambda jobs: None
        self.plan: Callable[[], None] = lambda: None
        self.moved: Callable[[Job | None, Job], None] = lambda before, job: None
        """Told of each job that came or whose state is another one, before and after."""
        self.marked: Callable[[Node, Node], None] = lambda before, node: None
        """Told of each node whose state was set, before and after."""
        self.changed: Callable[[Job, Job], None] = lambda before, job: None
        """Told of each change of a job that waits in an engine which places."""
        self.requeues_max = REQUEUES_MAX
        self.zone: tzinfo | None = None
        """In which crontabs are read; None: that of the machine."""
        self.added: set[str] | None = None
        """Digests of the texts that new jobs name, while somebody looks for those that none does."""
        self.version = 0
        """Rises with every change of live state; what is derived from it is good for one version."""
        self._seq = seq
        self._draft: Draft | None = None
        self._bringing: Draft | None = None
        """The latest that brings jobs and is not durable yet; all before it come first."""
        self._brought: set[int] = set()
        """What the drafts bring that are not durable yet."""
        self._plan_due = False
        self._unsent: set[str] = set()
        self._gathering = False
        self._task_moves: list[tuple[Job | None, Job]] = []
        """Tasks that moved, before and after, whose arrays have not followed yet."""
        self._watchers: list[Callable[[Sequence[StateChanged]], None]] = []
        self._of_jobs: dict[int, list[Callable[[], None]]] = {}
        self._of_nodes: list[Callable[[NodeMoved], None]] = []

    # -- deciding: called by handlers, between two flushes

    def move(self, job: Job) -> None:
        """A job is now like this. Its array, and those who depend on it, follow."""
        before = self.live.jobs.get(job.id)
        if job.cron is not None and before is not None and before.attempt is not None and job.attempt is None:
            job = waits_for_next(job, self.now(), self.zone)
        elif before is not None and before.requeues != job.requeues:
            job = hold_if_requeued_too_often(job, self.requeues_max)
        self._keep(job)
        if job.handed is not None and before is not None:
            self.changed(before, job)
        if before is not None and before.state is job.state:
            return
        if job.task is None:
            self.moved(before, job)
            return
        self._task_moves.append((before, job))
        if not self._gathering:
            self._follow()

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """What tasks do in here is one step of their array's record, taken at the end."""
        self._gathering = True
        try:
            yield
        finally:
            self._gathering = False
            self._follow()

    def move_tasks(self, record: Job, tasks: Sequence[tuple[Job, Job]]) -> None:
        """Tasks split off `record` and moved on, (as split, as now): one step of the record for all."""
        for _, task in tasks:
            self._keep(task)
        steps = [(None, task.state) for _, task in tasks]
        self.move(arrays.follow_many(record, [*steps], self.now()))
        for split, task in tasks:
            self.moved(split, task)

    def mark(self, node: Node, state: NodeState, reason: str, by: str = "") -> Node:
        """A node is open or closed for new work; kept over restarts. `by` nobody: the server itself."""
        now, before = self.now(), node
        node = replace(node, state=state, reason=reason, marked_by=by, marked_at=now)
        self.live.mark(node)
        mark = NodeMark(cluster=node.cluster, name=node.name, state=state, reason=reason, by=by, at=now)
        self.live.marks[node.cluster, node.name] = mark
        self.draft.nodes.append(mark)
        self.marked(before, node)
        self.tell_of_node(before, node)
        self.plan_soon()
        return node

    def tell_of_node(self, before: Node | None, node: Node | None) -> None:
        """A node came, went, or is another one now: told once what was decided with it is durable."""
        one = node or before
        if one is None:
            return
        event = NodeMoved(
            name=one.name,
            cluster=one.cluster,
            state=None if node is None else node.state,
            previous=None if before is None else before.state,
            reason="" if node is None else node.reason,
            at=self.now(),
        )
        self.effect(lambda: self._publish_node(event))

    def amend(self, job: Job) -> None:
        """Of a job that has ended something else is kept now, whether or not its end is durable yet."""
        if job.id in self.live.jobs:
            self.move(job)
        else:
            self.draft.jobs[job.id] = job

    def effect(self, effect: Effect) -> None:
        self.draft.effects.append(effect)

    @property
    def unsent(self) -> set[str]:
        """Launch ids whose order has not left yet because its change is not durable yet."""
        return self._unsent

    @property
    def draft(self) -> Draft:
        """The draft of this turn; the first touch schedules its flush."""
        if self._draft is None:
            self._draft = Draft()
            asyncio.get_running_loop().call_soon(self.flush)
        return self._draft

    def touch(self) -> None:
        """Something outside of the draft belongs into the next change."""
        _ = self.draft

    def new_ids(self, count: int) -> int:
        """The first of `count` new job ids; they are used up by the next change that commits."""
        first = self.next_job_id
        self.next_job_id += count
        return first

    def plan_soon(self) -> None:
        """Plan once after this turn, however often asked."""
        self.version += 1
        if not self._plan_due:
            self._plan_due = True
            asyncio.get_running_loop().call_soon(self._plan)

    async def committed(self) -> None:
        """Wait until what this turn decided is durable; refused at once while the store fails."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.effect(lambda: _resolve(done))
        await self._answer(done)

    @property
    def hidden(self) -> Set[int]:
        """Who is not told of now: ids that are not durable while the store fails, which may take long."""
        return self._brought if self.writer.degraded is not None else NOBODY

    async def shown(self, *, hid: bool = False) -> None:
        """Wait until all ids that live jobs have now are durable; at once where they are.

        `hid`: the store failed already when an answer was begun, so that it names none of those `hidden`.
        """
        if self._bringing is None or (hid and self.writer.degraded is not None):
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bringing.effects.append(lambda: _resolve(done))
        await self._answer(done, SHOWN_S, "the database does not answer; ask again in a moment")

    def refuse_when_degraded(self) -> None:
        """Raise what a caller is told while nothing can be made durable."""
        if self.writer.degraded is not None:
            raise _public(self.writer.failure)

    # -- making durable

    def flush(self) -> None:
        """Hand the draft to the writer as one change."""
        draft, self._draft = self._draft, None
        if draft is None:
            return
        for job_id in draft.starting:
            if (launch_id := draft.jobs[job_id].launch_id) is not None:
                self._unsent.add(launch_id)
        change = self.change(
            jobs=tuple(draft.jobs.values()),
            events=tuple(draft.moves),
            tokens=tuple(draft.tokens),
            steps=tuple(draft.steps.values()),
            nodes=tuple(draft.nodes),
            spent=self.live.parties.charges(),
            rules=draft.rules,
            reservations=draft.reservations,
            crontabs=tuple(draft.crontabs.values()),
            triggers=draft.triggers,
            forgotten=tuple(draft.forgotten),
            forgotten_texts=tuple(draft.forgotten_texts),
            forgotten_keys=tuple(draft.forgotten_keys),
        )
        self.writer.submit(change, lambda error: self._after_commit(change, draft, error), may_fail=False)

    def change(self, **parts: Any) -> Change:
        """A change with the next sequence number and the counter of ids as it stands."""
        self._seq += 1
        events = tuple(replace(one, seq=self._seq) for one in parts.pop("events", ()))
        return Change(seq=self._seq, next_job_id=self.next_job_id, events=events, **parts)

    async def add(
        self,
        jobs: Sequence[Job],
        texts: Mapping[str, bytes],
        idempotency: tuple[Idempotency, ...],
        crontabs: tuple[Crontab, ...] = (),
    ) -> None:
        """Make new jobs durable, then take them in. Raises when they could not be kept."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.added is not None:
            self.added |= digests_of(jobs)
        events = tuple(_moved(job, None, job.submitted_at) for job in jobs)
        change = self.change(
            jobs=tuple(jobs), events=events, texts=texts, idempotency=idempotency, crontabs=crontabs
        )
        self.writer.submit(change, lambda error: self._added(change, done, error), may_fail=True)
        await self._answer(done)

    def watch(self, tell: Callable[[Sequence[StateChanged]], None]) -> Callable[[], None]:
        self._watchers.append(tell)
        return lambda: self._watchers.remove(tell)

    def watch_nodes(self, tell: Callable[[NodeMoved], None]) -> Callable[[], None]:
        """`tell` is called of each node that came, went or is another one; the answer ends it."""
        self._of_nodes.append(tell)
        return lambda: self._of_nodes.remove(tell)

    def watch_job(self, job_id: int, tell: Callable[[], None]) -> Callable[[], None]:
        """Called when this job has moved: of many who wait for one job each, none hears of the others."""
        self._of_jobs.setdefault(job_id, []).append(tell)

        def end() -> None:
            self._of_jobs[job_id].remove(tell)
            if not self._of_jobs[job_id]:
                del self._of_jobs[job_id]

        return end

    # -- inside

    def _follow(self) -> None:
        """The arrays of tasks that moved follow, then those who depend on either."""
        moves, self._task_moves = self._task_moves, []
        of_record: dict[int, list[tuple[JobState | None, Job]]] = {}
        for before, job in moves:
            if job.task is not None and job.task.job_id in self.live.jobs:
                state = before.state if before else None
                of_record.setdefault(job.task.job_id, []).append((state, job))
        for job_id, steps in of_record.items():
            self.move(arrays.follow(self.live.jobs[job_id], steps, self.now()))
        for before, job in moves:
            self.moved(before, job)

    def _keep(self, job: Job) -> None:
        before = self.live.jobs.get(job.id)
        self.live.put(job, self.now())
        self.draft.jobs[job.id] = job
        if before is None:
            self._bringing = self.draft
            self._bringing.brings.append(job.id)
            self._brought.add(job.id)
        if before is None or before.state is not job.state:
            # A task was PENDING in its array's record before it split off.
            previous = before.state if before else JobState.PENDING
            self.draft.moves.append(_moved(job, previous, self.now()))
        self.plan_soon()

    def _added(self, change: Change, done: "asyncio.Future[None]", error: Exception | None) -> None:
        if error is not None:
            if not done.done():
                done.set_exception(_public(error))
            return
        for job in change.jobs:
            self.live.put(job, self.now())
        for job in change.jobs:
            self.moved(None, job)
        self.plan_soon()
        faults.point("acknowledge")
        _resolve(done)
        self._publish(change.events)

    def _after_commit(self, change: Change, draft: Draft, error: Exception | None) -> None:
        if error is not None:
            raise error
        self._brought.difference_update(draft.brings)
        if self._bringing is draft:
            self._bringing = None
        for job in change.jobs:
            current = self.live.jobs.get(job.id)
            if current is job and job.state in ENDED:
                self.live.drop(job.id)
        self._send(change, draft)
        faults.point("acknowledge")
        for effect in draft.effects:
            _call(effect)
        for cluster, token in draft.acknowledge.items():
            self.clusters.named(cluster).engine.acknowledge(token)
        self._publish(change.events)

    def _send(self, change: Change, draft: Draft) -> None:
        """Give the orders of this change; a job that was lost or cancelled meanwhile is still in STARTING
        or has its stop behind it, and the engine sorts out which came first."""
        if not draft.starting:
            return
        wanted = set(draft.starting)
        jobs = [job for job in change.jobs if job.id in wanted]
        self._unsent -= {job.launch_id for job in jobs if job.launch_id is not None}
        self.launch(jobs)

    def _publish(self, events: Sequence[StateChanged]) -> None:
        if events:
            for tell in list(self._watchers):
                _call(tell, events)
        for event in events if self._of_jobs else ():
            for hear in tuple(self._of_jobs.get(event.job_id, ())):
                _call(hear)

    def _publish_node(self, event: NodeMoved) -> None:
        for tell in tuple(self._of_nodes):
            _call(tell, event)

    def _plan(self) -> None:
        if self.live.unsettled:
            # Others have their turn before the next part of them.
            self.live.settle(self.now())
            self.version += 1
            asyncio.get_running_loop().call_soon(self._plan)
            return
        self._plan_due = False
        if self.writer.degraded is None:
            self.plan()

    async def _answer(
        self, done: "asyncio.Future[None]", within_s: float | None = None, sentence: str | None = None
    ) -> None:
        # As `asyncio.wait_for`, which costs as much as a good part of a submission.
        late_s = ANSWER_S if within_s is None else within_s
        late = asyncio.get_running_loop().call_later(late_s, _give_up, done, sentence or LATE)
        try:
            await done
        finally:
            late.cancel()


ANSWER_S = 30
"""How long a caller waits for a commit before it is told that the outcome is not known."""
LATE = "the database does not answer; whether this was kept will show when it does, ask again"
SHOWN_S = 5
"""How long one who only asks waits for the commit of ids that the answer may name."""
NOBODY: Set[int] = frozenset()


def _give_up(done: "asyncio.Future[None]", sentence: str) -> None:
    if not done.done():
        done.set_exception(Unavailable(sentence))


def _call(work: Callable[..., None], *given: Any) -> None:
    """One that raises keeps nothing from the others: neither an answer nor news comes a second time."""
    try:
        work(*given)
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"after a commit: {error}", "exception": error}
        )


def _public(failure: Exception | None) -> Unavailable:
    """What a caller is told of the store's failure; where the files lie is for the log and `ly status`."""
    if isinstance(failure, StorageFull):
        return StorageFull("the server's disk is full, so nothing can be accepted now; try again later")
    if isinstance(failure, Unavailable):
        return Unavailable("the server's database does not answer; try again in a moment")
    return Unavailable("the server cannot keep anything now; its log says why; try again later")


def _resolve(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)


def _moved(job: Job, before: JobState | None, at: float) -> StateChanged:
    ready_at = job.eligible_at or job.submitted_at
    return StateChanged(0, job.id, job.user, job.state, before, at, job.account, ready_at)
