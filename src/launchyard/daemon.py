"""The composition root: settings and a state directory in, a running daemon out.

The only module that knows every adapter. Started by root it prepares what only root can (directories, the
keeper), then becomes the daemon's system user for good: the launcher alone stays root.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import uvloop

from launchyard import config, dropin
from launchyard.api.app import create_app
from launchyard.api.login.ways import Ways, open_ways
from launchyard.api.operating import Operating
from launchyard.api.outputs import JobLogs, JobTerminals
from launchyard.api.server import allow_connections, serve
from launchyard.api.services import Services
from launchyard.composition import (
    join,
    listening,
    nodes_here,
    places_of,
    reach_session,
    settle_memory,
    setup_log,
    shells_of,
    status_of,
    stop_on_signal,
)
from launchyard.config import Settings
from launchyard.controller.sampling import Sampling
from launchyard.daemonlog import open_log
from launchyard.daemonuser import anonymous, daemon_user, refuse_closed_way
from launchyard.engine.apps import Apps
from launchyard.engine.gpus import GpuMeter
from launchyard.engine.keeper import dismiss_keeper, launch_keeper
from launchyard.engine.local import LocalEngine
from launchyard.engine.logins import Logins
from launchyard.engine.machine import cpus_by_core
from launchyard.engine.notebooks import Notebooks
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.node import Node
from launchyard.operations import Operations
from launchyard.standby import Tenancy
from launchyard.starter import Starter
from launchyard.statedir import Owner, StateDir
from launchyard.store.filesystem import refuse_network_file_system
from launchyard.store.protocol import Store
from launchyard.store.series import SeriesFiles
from launchyard.userfiles import UserFiles

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What root has made ready before it gave up its rights."""

    settings: Settings
    state: StateDir
    read_settings: Callable[[], Settings]
    nodes: tuple[Node, ...]
    lock: int
    tenancy: Tenancy
    ways: Ways
    owner: Owner
    serves_all: bool
    """Started by root: every user of the machine may submit, as itself."""


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; what goes wrong before is one sentence to whoever started us."""
    options = _options(arguments)
    tell = Starter(options.ready_fd)
    # The writer's thread gives up the interpreter at each statement; the loop must not keep it long.
    sys.setswitchinterval(0.0005)
    try:
        prepared = _prepare(options)
    except LaunchyardError as error:
        tell.refuse(error)
        return 2 if isinstance(error, Invalid) else 1
    # Not before the keeper was started, which hands the limits that it finds on to jobs.
    allow_connections()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            while runner.run(_run(prepared, tell)):
                pass
            return 0
        except LaunchyardError as error:
            dismiss_keeper(prepared.state.path)
            tell.refuse(error)
            return 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m launchyard.daemon")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--listen")
    parser.add_argument("--engine")
    parser.add_argument("--ready-fd", type=int, default=-1)
    return parser.parse_args(arguments)


def _prepare(options: argparse.Namespace) -> Prepared:
    """Everything that is done with the rights we were started with."""
    root = os.geteuid() == 0
    read_settings = partial(config.load, options.config, root=root, environ=dict(os.environ))
    settings = read_settings()
    if options.listen is not None:
        settings = config.with_listen(settings, options.listen)
    if options.engine is not None:
        settings = config.with_engine(settings, options.engine)
    state = StateDir((options.state or settings.state).resolve())
    refuse_network_file_system(state.path)
    owner = daemon_user(settings.daemon_user) if root else Owner(uid=os.geteuid(), gid=os.getegid())
    settings = replace(settings, ray_api=anonymous(settings.ray_api, None if root else owner.uid))
    state.prepare(owner)
    refuse_closed_way(state.path, settings.daemon_user, owner)
    lock, tenancy = state.lock(), Tenancy(settings, state)
    ways = open_ways(settings.login)
    dropin.write(state.path)
    launch_keeper(
        state.path,
        daemon_uid=owner.uid,
        allow_root_jobs=settings.allow_root_jobs,
        fault=os.environ.get("LAUNCHYARD_LAUNCHER_FAULT", ""),
        site=settings.service.hooks,
    )
    nodes = nodes_here(settings)
    if root and owner.uid != 0:
        os.chown(state.path / "daemon" / "lock", owner.uid, owner.gid)
        os.setgroups([])
        os.setresgid(owner.gid, owner.gid, owner.gid)
        os.setresuid(owner.uid, owner.uid, owner.uid)
    return Prepared(
        settings=settings,
        state=state,
        read_settings=read_settings,
        nodes=nodes,
        lock=lock,
        tenancy=tenancy,
        ways=ways,
        owner=owner,
        serves_all=root,
    )


async def _run(prepared: Prepared, tell: Starter) -> bool:
    """Compose, serve, and let go in order: no new requests, then what is decided, then the store.

    True: another server took over, so it stands by.
    """
    settings, state = prepared.settings, prepared.state
    stop = stop_on_signal()
    open_log(state.log, settings.service.log_format)
    if (store := await prepared.tenancy.open(stop, tell)) is None:
        return False
    engine = LocalEngine(state.path, nodes=prepared.nodes, cpus=cpus_by_core())
    files = UserFiles(settings, state, engine)
    operations = Operations(settings, state, prepared.read_settings)
    yard = await operations.yard(prepared, store, engine, files)
    helpers = (places := places_of(state, yard, engine)).helpers
    terminals = JobTerminals(places, yard.users, yard.launcher.place_of)
    join(yard, places, terminals)
    logs = JobLogs(places, yard.users, partial(setup_log, files.environments))
    meter, holding = GpuMeter(places.usage, yard.controller.holding), yard.controller.holding
    sampling = Sampling(holding, meter.usage, SeriesFiles(state.series), time.time)
    sockets, facts = listening(settings, state, yard, everyone=prepared.serves_all)
    services = Services(
        controller=yard.controller,
        store=store,
        users=yard.users,
        logs=logs,
        log_search=logs,
        series=sampling,
        terminals=terminals,
        status=status_of(facts, settings, yard),
        clock=time.time,
        owner_uid=None if prepared.serves_all else prepared.owner.uid,
        hosts=frozenset(settings.hosts),
        jobs_visible_to_all=settings.jobs_visible_to_all,
        slurm=settings.slurm,
        live_usage=places.usage,
        packages=files.packages,
        notebooks=Notebooks(places, files.environments),
        ray=settings.ray_api,
        login=Logins(helpers).of,
        apps=Apps(helpers, settings.sessions.apps, settings.sessions.idle_stop_s),
        reach=partial(reach_session, places),
        secret=await asyncio.to_thread(state.secret),
        files=files.browsed,
        file_roots=settings.files.roots,
        operating=Operating(state.audit, prepared.read_settings),
        ways=prepared.ways,
        shells=shells_of(terminals, settings),
        metrics=operations.metrics(yard),
    )
    await operations.begin(yard, store, logs, facts["url"])
    files.start(yard.packages_in_use)
    sampling.start()
    tell.ready(facts)
    settle_memory()
    try:
        await serve(create_app(services), sockets, stop, tls=operations.tls, doors=operations.doors)
    finally:
        await asyncio.gather(operations.close(), sampling.close())
        places.close()
        await yard.close()
        await asyncio.gather(files.close(), engine.close())
        await _put_away(state, store)
    return prepared.tenancy.lost


async def _put_away(state: StateDir, store: Store) -> None:
    await asyncio.to_thread(store.close)
    with contextlib.suppress(FileNotFoundError):
        state.facts.unlink()


if __name__ == "__main__":
    sys.exit(main())
