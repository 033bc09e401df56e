"""What the daemon is put together from: settings turned into what each part needs, and small glue.

Part of the composition root: like `daemon`, it may know every adapter.
"""

import asyncio
import gc
import importlib
import json
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from functools import partial
from typing import Any, cast

from launchyard import __version__, dropin
from launchyard.api.outputs import JobTerminals
from launchyard.api.server import listen_tcp, listen_unix
from launchyard.api.shells import Shells
from launchyard.config import Settings
from launchyard.config.overlay import over
from launchyard.controller.assembly import Bounds, Yard
from launchyard.controller.clusters import LiveCluster
from launchyard.controller.launching import LaunchSettings
from launchyard.engine.building import Build, Surroundings
from launchyard.engine.environments import Environments
from launchyard.engine.keeper import values_of
from launchyard.engine.local import LocalEngine
from launchyard.engine.machine import discover, virtual
from launchyard.engine.places import Places, node_of
from launchyard.engine.protocol import Engine
from launchyard.model.cluster import LOCAL, EngineKind
from launchyard.model.errors import Invalid
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.rules import Rules
from launchyard.model.session import Target
from launchyard.model.state import ENDED
from launchyard.statedir import StateDir
from launchyard.wire.job import time_json

_log = logging.getLogger(__name__)

ADAPTERS = {
    EngineKind.RAY: "launchyard.engine.ray.engine",
    EngineKind.SLURM: "launchyard.engine.slurm.engine",
}
"""The module of each engine but our own, whose `build` makes it; loaded where a cluster has that engine."""


def engines_of(
    settings: Settings, state: StateDir, host: LocalEngine, *, serves_all: bool, patience_s: float
) -> dict[str, Engine]:
    """The engine of each cluster, the default cluster first. `host` is this machine's launcher: the engine of
    the local cluster, and for the others who acts as a user here."""
    clusters = sorted(settings.clusters, key=lambda one: not one.default)
    engines: dict[str, Engine] = {}
    for cluster in clusters:
        if cluster.engine is EngineKind.LOCAL:
            engines[cluster.name] = host
            continue
        around = Surroundings(
            cluster=cluster,
            directory=state.engine(cluster.name, settings.engines_directory),
            host=host,
            serves_all=serves_all,
            drop_in=str(dropin.directory_of(state.path)),
            spool=str(state.spool),
            clock=time.time,
            allow_root_jobs=settings.allow_root_jobs,
            hooks=values_of(settings.service.hooks),
            patience_s=patience_s,
        )
        engines[cluster.name] = _adapter(cluster.engine)(around)
    return engines or {LOCAL: host}


def _adapter(engine: EngineKind) -> Build:
    """Loaded only where it is needed, which is what keeps the others from costing a start anything."""
    try:
        return cast(Build, importlib.import_module(ADAPTERS[engine]).build)
    except ModuleNotFoundError:
        raise Invalid(f'this version has no engine "{engine}"; take another for [[clusters]]') from None


def local_cluster(settings: Settings) -> str | None:
    """The name of the cluster that is this machine; None: there is none."""
    if not settings.clusters:
        return LOCAL
    return LOCAL if any(one.engine is EngineKind.LOCAL for one in settings.clusters) else None


def bounds(settings: Settings) -> Bounds:
    return Bounds(
        unkillable_s=settings.unkillable_s,
        requeues_max=settings.requeues_max,
        zero_cpu_jobs_max=settings.zero_cpu_jobs_max,
        keep_failed_s=settings.packages.keep_failed_s,
        keep=settings.keep,
    )


def stop_on_signal() -> asyncio.Event:
    """Set when somebody asks the daemon to end; a terminal that hangs up does not."""
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
    return stop


def spare_memory() -> None:
    """All that is loaded from here on stays: until `settle_memory` nobody looks for circles in it."""
    gc.collect()
    gc.disable()


def settle_memory() -> None:
    """What is there now stays for ever, and nearly all that comes goes by itself: look for circles seldom."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def launch_settings(settings: Settings, state: StateDir) -> LaunchSettings:
    return LaunchSettings(
        spool=str(state.spool),
        state=str(state.path),
        drop_in=str(dropin.directory_of(state.path)),
        slurm_cluster=settings.slurm.cluster,
        log_cap_bytes=settings.log_cap_bytes,
        pids_max=settings.pids_max,
        grace_s=settings.grace_s,
    )


def shells_of(terminals: JobTerminals, settings: Settings) -> Shells:
    """Terminals that outlive their browser."""
    keep_s = settings.files.terminal_keep_s
    return Shells(terminals, host=socket.gethostname(), keep_s=keep_s, clock=time.time)


def rules_with(kept: str, file: Rules) -> Rules:
    """The rules of the file with what was changed while an earlier daemon ran."""
    try:
        return over(file, kept)
    except Invalid as error:
        _log.error("%s; the rules of the configuration file alone are in force", error)
        return file


def nodes_here(settings: Settings) -> tuple[Node, ...]:
    """The nodes of the cluster that is this machine; none where there is no such cluster."""
    cluster = local_cluster(settings)
    if cluster is None:
        return ()
    nodes = virtual(settings.nodes, len(os.sched_getaffinity(0))) or (discover(),)
    return tuple(replace(node, cluster=cluster) for node in nodes)


def listening(
    settings: Settings, state: StateDir, yard: Yard, *, everyone: bool
) -> tuple[list[socket.socket], dict[str, Any]]:
    """The sockets that are served, and what `ly up` prints."""
    tcp = listen_tcp(settings.listen, explicit=settings.listen_explicit)
    unix = listen_unix(state.api_socket, everyone=everyone)
    return [tcp, unix], facts_of(state, settings, yard, tcp)


def facts_of(state: StateDir, settings: Settings, yard: Yard, tcp: socket.socket) -> dict[str, Any]:
    """What `ly up` prints; written where clients look for the address."""
    host, port = tcp.getsockname()[:2]
    facts = {
        "url": settings.service.public_url or _url(settings, host, port),
        "state": str(state.path),
        "version": __version__,
        "pid": os.getpid(),
        "started_at": time.time(),
        **Standing(settings, yard)(),
        "enforcement": asdict(next(iter(yard.facts.values())).enforcement),
        "resumed": sum(1 for job in yard.controller.live_jobs() if job.attempt is not None),
    }
    state.facts.write_text(json.dumps(facts))
    return facts


def _url(settings: Settings, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.service.certificate else 'http'}://{name}:{port}"


class Standing:
    """What there is now, all together and by cluster. Asked often, counted when there are other nodes."""

    def __init__(self, settings: Settings, yard: Yard) -> None:
        self._yard = yard
        self._kinds = {one.name: one.engine for one in settings.clusters} or {LOCAL: EngineKind.LOCAL}
        self._counted: Mapping[str, Node] = {}
        self._sizes: dict[str, dict[str, int]] = {}
        self._all: dict[str, int] = {}

    def __call__(self) -> dict[str, Any]:
        nodes = self._yard.controller.nodes
        if nodes is not self._counted or not self._all:
            self._counted, self._all = nodes, _size(nodes.values())
            self._sizes = {
                name: _size([node for node in nodes.values() if node.cluster == name]) for name in self._kinds
            }
        clusters = [self._of(one) for one in self._yard.controller.clusters]
        return {**self._all, "clusters": clusters, "enforcement": clusters[0]["enforcement"]}

    def _of(self, one: LiveCluster) -> dict[str, Any]:
        abilities, facts = one.engine.abilities, one.facts or self._yard.facts[one.name]
        return {
            "name": one.name,
            "engine": self._kinds[one.name].value,
            "places": abilities.places.value,
            "cannot": {lack.value: sentence for lack, sentence in abilities.lacks.items()},
            "single_identity": not abilities.users,
            "answers": one.epoch is not None,
            "stale_since": time_json(one.lost_since),
            "enforcement": asdict(facts.enforcement),
            "details": dict(facts.details),
            **self._sizes[one.name],
        }


def _size(nodes: Collection[Node]) -> dict[str, int]:
    return {
        "cpus": sum(node.cpus for node in nodes),
        "memory_mib": sum(node.memory_mib for node in nodes),
        "gpus": sum(node.gpus for node in nodes),
        "nodes": len(nodes),
    }


def status_of(facts: dict[str, Any], settings: Settings, yard: Yard) -> Callable[[], dict[str, Any]]:
    """What `ly status` answers: those facts, with what has changed since."""
    now = Standing(settings, yard)
    return lambda: facts | now()


async def read_small(places: Places, job: Job, path: str) -> bytes:
    """A small file where the job is, as its user."""
    return (await places.inside(job).helpers.read(job.uid, path, 0, 64 * 1024)).data


async def follow_small(
    places: Places, job: Job, path: str, ended: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    """What comes into a file where the job is, as its user."""
    async with aclosing(places.inside(job).helpers.follow(job.uid, path, 0, ended)) as parts:
        async for part in parts:
            yield part.data


def setup_log(environments: Environments, job: Job, of: int) -> str:
    """Where the story of a set-up is, on the machine where the job is."""
    return environments.on(job.cluster, node_of(job)).log(job.uid, of)


async def reach_session(places: Places, job: Job, target: Target) -> socket.socket:
    """A connection to what listens in a session, wherever that is."""
    made = socket.socket(fileno=await places.reach(job, job.uid, target))
    made.setblocking(False)
    return made


def places_of(state: StateDir, yard: Yard, host: LocalEngine) -> Places:
    """Where jobs are: here, or on the nodes of clusters that have a way into them."""
    return Places(host, str(state.spool), {one.name: one.engine for one in yard.controller.clusters})


def join(yard: Yard, places: Places, terminals: JobTerminals) -> None:
    """Sessions and terminals hear of the jobs that they are in."""
    _join_sessions(yard, places)
    _join_terminals(yard, terminals)


def _join_sessions(yard: Yard, places: Places) -> None:
    """Sessions hear of what their jobs use, and read what those who attend them have written."""
    yard.controller.sessions.usage_of(places.usage)
    yard.controller.sessions.begin(partial(read_small, places), partial(follow_small, places))


def _join_terminals(yard: Yard, terminals: JobTerminals) -> None:
    """Jobs get their terminals when they start, and let go of them when they end."""
    yard.launcher.open_terminal = terminals.open
    yard.controller.watch(lambda events: _let_go(terminals, events))


def _let_go(terminals: JobTerminals, events: Sequence[StateChanged]) -> None:
    for event in events:
        if event.state in ENDED:
            terminals.job_ended(event.job_id)
