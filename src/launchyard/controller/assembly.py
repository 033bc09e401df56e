"""The controller put together from a store and an engine, with what an earlier run left taken in first."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from launchyard.controller.administration import Administration
from launchyard.controller.clusters import LiveClusters
from launchyard.controller.controller import Controller
from launchyard.controller.crontabs import Crontabs
from launchyard.controller.drivers import JOBS_MAX
from launchyard.controller.duties import begin, deadlines, silence
from launchyard.controller.duties.charging import Charging
from launchyard.controller.duties.demand import Demand
from launchyard.controller.duties.leftovers import Leftovers
from launchyard.controller.duties.logroom import Logs, NoLogs
from launchyard.controller.duties.retention import Retention
from launchyard.controller.duties.unkillable import AFTER_S, Unkillable
from launchyard.controller.launching import Launcher, LaunchSettings
from launchyard.controller.live import LiveJobs
from launchyard.controller.loop import REQUEUES_MAX, Loop
from launchyard.controller.outlook import Outlooks
from launchyard.controller.parties import Parties
from launchyard.controller.preparing import Preparing
from launchyard.controller.reasons import Reasons
from launchyard.controller.recall import recall
from launchyard.controller.recovery import Reports
from launchyard.controller.reserving import Reserving
from launchyard.controller.running import Running
from launchyard.controller.scheduling import Scheduler
from launchyard.controller.sessions import Sessions
from launchyard.controller.settling import Settling
from launchyard.controller.steps import Steps
from launchyard.controller.submitting import Gate, Submitting
from launchyard.controller.texts import Texts
from launchyard.controller.triggers import Triggering
from launchyard.controller.users import Users
from launchyard.controller.writer import Writer
from launchyard.controller.yielding import Yielding
from launchyard.engine.environments import Environments
from launchyard.engine.protocol import Engine, EngineFacts
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.retention import Keep
from launchyard.model.rules import Rules
from launchyard.policy.clusters import Ground, in_force
from launchyard.store.protocol import Store

DUTIES_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """A running controller and what the composition root still needs of its parts."""

    controller: Controller
    launcher: Launcher
    users: Users
    texts: Texts
    facts: Mapping[str, EngineFacts]
    """By cluster, the default one first."""
    packages_in_use: Callable[[], Awaitable[dict[int, set[str]]]]
    gates: list[Gate]
    """What looks at each submission before it is taken; may be added to."""
    close: Callable[[], "asyncio.Future[None]"]


class Looking(Protocol):
    """A part with something to look at each second."""

    def look(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may be set of duties and lifecycles: see docs/reference/configuration.md. `duties_s`: how often
    the duties look."""

    unkillable_s: float = AFTER_S
    requeues_max: int = REQUEUES_MAX
    zero_cpu_jobs_max: int = JOBS_MAX
    keep_failed_s: float = 0.0
    duties_s: float = DUTIES_S
    keep: Keep = Keep()  # noqa: RUF009


USUAL = Bounds()


async def assemble(
    *,
    store: Store,
    engines: Mapping[str, Engine],
    nodes: Sequence[Node],
    rules: Rules,
    clock: Callable[[], float],
    launching: LaunchSettings,
    bounds: Bounds = USUAL,
    file_rules: Rules | None = None,
    read_rules_file: Callable[[], Rules] = Rules,
    licences: Mapping[str, int] | None = None,
    environments: Environments | None = None,
    logs: Logs | None = None,
    watch: Callable[[Sequence[StateChanged]], None] | None = None,
) -> Yard:
    """Load live jobs, connect the engines, start planning. Must run on the loop that will own it all.

    `engines` are by cluster, the default one first; `nodes` those that are known before their engine answers.
    `file_rules` are those of the configuration file where others are in force. `watch` hears of what moves
    from the first moment on.
    """
    loop = await _loop(store, LiveClusters(engines), nodes, rules, clock, licences, bounds, watch)
    texts, users, settling, running = Texts(store), Users(), Settling(loop), Running(loop)
    launcher, preparing = _launcher(loop, texts, users, launching, environments, bounds)
    scheduler, steps = Scheduler(loop, Yielding(loop, running)), Steps(loop, users, launching)
    reserving, submitting = Reserving(loop), Submitting(loop, store, texts, users, preparing.refuse)
    triggers = Triggering(loop, submitting, scheduler, users)
    loop.launch, loop.plan = launcher.send, scheduler.plan
    reports = Reports(loop, running, steps, launching.grace_s)
    sessions = _sessions(Sessions(loop, submitting, reports, launching.state), loop, triggers, preparing)
    scheduler.stop, loop.moved = reports.stop, _after_moves(settling, steps, triggers, preparing, sessions)
    await _take_in(loop, settling, await asyncio.to_thread(store.live_jobs), store, users)
    crontabs, reasons = Crontabs(loop, submitting), Reasons(loop, scheduler, preparing.reason)
    await _recall(store, (crontabs, triggers, steps), preparing)
    facts = await _open(loop, reports)
    administration = Administration(loop, users, file=file_rules or rules, read_file=read_rules_file)
    administration.changed, steps.cpus = triggers.reconfigured, _cpus(facts)
    outlooks = Outlooks(loop, scheduler, reasons, submitting)
    retention = Retention(loop, store, bounds.keep, Leftovers(loop, store, texts), logs or NoLogs())
    duty = _begin(loop, bounds, settling, retention, (reserving, triggers, outlooks, sessions))
    controller = Controller(
        loop=loop,
        store=store,
        submitting=submitting,
        reports=reports,
        steps=steps,
        reasons=reasons,
        outlooks=outlooks,
        administration=administration,
        reserving=reserving,
        crontabs=crontabs,
        triggers=triggers,
        counters=scheduler.counters,
        sessions=sessions,
    )
    return Yard(
        controller=controller,
        launcher=launcher,
        users=users,
        texts=texts,
        facts=facts,
        packages_in_use=preparing.packages_in_use,
        gates=submitting.gates,
        close=lambda: asyncio.ensure_future(_close(loop, duty, outlooks, preparing, sessions)),
    )


def _sessions(sessions: Sessions, loop: Loop, triggers: Triggering, preparing: Preparing) -> Sessions:
    """Told of how far the set-up of each is, and of nodes that are marked, as triggers are."""
    preparing.phase_told, preparing.prepared = sessions.phase, sessions.prepared

    def marked(before: Node, node: Node) -> None:
        triggers.node_marked(before, node)
        sessions.node_marked(before, node)

    loop.marked = marked
    return sessions


async def _recall(store: Store, parts: Sequence[Crontabs | Triggering | Steps], preparing: Preparing) -> None:
    """What each knew in an earlier run."""
    for part in parts:
        await part.take_in(store)
    preparing.take_in()


async def _close(
    loop: Loop,
    duty: "asyncio.Future[tuple[None, None]]",
    outlooks: Outlooks,
    preparing: Preparing,
    sessions: Sessions,
) -> None:
    duty.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await duty
    await outlooks.close()
    await preparing.close()
    sessions.close()
    loop.flush()
    await loop.clusters.close()
    await asyncio.to_thread(loop.writer.close)


async def _open(loop: Loop, reports: Reports) -> dict[str, EngineFacts]:
    """Connect to all engines; from now on they report."""
    await loop.clusters.open(reports.take)
    return {one.name: reports.opened(one) for one in loop.clusters}


def _cpus(facts: Mapping[str, EngineFacts]) -> Mapping[str, Sequence[int]]:
    """The machine's own numbers of the CPUs of each node, where they can be pinned."""
    return {node: cpus for one in facts.values() for node, cpus in one.cpus.items()}


def _launcher(
    loop: Loop,
    texts: Texts,
    users: Users,
    launching: LaunchSettings,
    environments: Environments | None,
    bounds: Bounds,
) -> tuple[Launcher, Preparing]:
    """Who orders starts, and who gives jobs their files before that."""
    launcher = Launcher(loop.clusters, texts, users, launching)
    launcher.array_of = loop.live.array_of
    launcher.preparing = preparing = Preparing(loop, texts, environments, bounds.keep_failed_s)
    return launcher, preparing


def _after_moves(
    settling: Settling, steps: Steps, triggers: Triggering, preparing: Preparing, sessions: Sessions
) -> Callable[[Job | None, Job], None]:
    def moved(before: Job | None, job: Job) -> None:
        steps.job_moved(job)
        settling.moved(before, job)
        triggers.job_moved(before, job)
        preparing.moved(before, job)
        sessions.moved(before, job)

    return moved


def _begin(
    loop: Loop, bounds: Bounds, settling: Settling, retention: Retention, looking: Sequence[Looking]
) -> "asyncio.Future[tuple[None, None]]":
    """What is looked at again and again, until this is cancelled."""
    duties = (*_duties(loop, settling, bounds), *(one.look for one in looking))
    return asyncio.gather(_each(bounds.duties_s, duties), retention.run())


def _duties(loop: Loop, settling: Settling, bounds: Bounds) -> tuple[Callable[[], None], ...]:
    """What is looked at each second, in this order."""
    clock = asyncio.get_running_loop().time
    return (
        lambda: begin.begin(loop),
        settling.settle_delayed,
        lambda: deadlines.look(loop),
        Unkillable(loop, clock, bounds.unkillable_s).look,
        lambda: silence.look(loop),
        Charging(loop, clock).look,
        Demand(loop, clock).look,
    )


async def _loop(
    store: Store,
    clusters: LiveClusters,
    nodes: Sequence[Node],
    rules: Rules,
    clock: Callable[[], float],
    licences: Mapping[str, int] | None,
    bounds: Bounds,
    watch: Callable[[Sequence[StateChanged]], None] | None,
) -> Loop:
    """The loop on what the store knows: nodes as they were marked, and where the counters stand."""
    marks = {(mark.cluster, mark.name): mark for mark in await asyncio.to_thread(store.node_marks)}
    marked = [
        replace(node, state=mark.state, reason=mark.reason, marked_by=mark.by, marked_at=mark.at)
        if (mark := marks.get((node.cluster, node.name))) is not None
        else node
        for node in nodes
    ]
    writer = Writer(store)
    loop = Loop(
        live=LiveJobs(
            marked,
            Parties(in_force(rules, _grounds(clusters, nodes)), await asyncio.to_thread(store.spent)),
            licences,
            clusters.names,
            rules,
        ),
        writer=writer,
        clusters=clusters,
        clock=clock,
        seq=await asyncio.to_thread(store.last_seq),
        next_job_id=await asyncio.to_thread(store.next_job_id),
    )
    if watch is not None:
        loop.watch(watch)
    loop.live.marks = marks
    loop.live.placed_elsewhere = frozenset(one.name for one in clusters if one.places)
    loop.live.parties.placed_elsewhere = loop.live.placed_elsewhere
    loop.requeues_max, loop.live.drivers.jobs_max = bounds.requeues_max, bounds.zero_cpu_jobs_max
    loop.live.use_reservations(await asyncio.to_thread(store.reservations))
    writer.on_degraded = lambda sentence: loop.plan_soon() if sentence is None else None
    return loop


def _grounds(clusters: LiveClusters, nodes: Sequence[Node]) -> list[Ground]:
    return [
        Ground(name=name, nodes=tuple(node.name for node in nodes if node.cluster == name))
        for name in clusters.names
    ]


async def _take_in(loop: Loop, settling: Settling, jobs: Sequence[Job], store: Store, users: Users) -> None:
    """Live jobs of an earlier run; what they depend on may have ended while nobody looked."""
    loop.live.adopt(jobs, loop.now())
    for uid in {job.uid for job in jobs}:
        await users.load(uid)
    for job_id in list(loop.live.blocked):
        await recall(store, loop.live, loop.live.jobs[job_id])
    for job_id in list(loop.live.blocked):
        settling.settle(loop.live.jobs[job_id])


async def _each(seconds: float, duties: Sequence[Callable[[], None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        for duty in duties:
            duty()
