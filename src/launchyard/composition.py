"""What the daemon is put together from: settings turned into what each part needs, and small glue.

Part of the composition root: like `daemon`, it may know every adapter.
"""

import gc
import json
import logging
import os
import shutil
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from launchyard import __version__, config, dropin
from launchyard.api.mailing import Mailing
from launchyard.api.outputs import JobTerminals
from launchyard.api.shells import Shells
from launchyard.config import Settings
from launchyard.controller.assembly import Bounds, Yard
from launchyard.controller.launching import LaunchSettings
from launchyard.engine.channel import UserHelpers
from launchyard.model.errors import Invalid
from launchyard.model.event import StateChanged
from launchyard.model.node import Node
from launchyard.model.rules import Rules
from launchyard.model.state import ENDED
from launchyard.statedir import StateDir
from launchyard.store.protocol import Store

_log = logging.getLogger(__name__)


def bounds(settings: Settings) -> Bounds:
    return Bounds(
        unkillable_s=settings.unkillable_s,
        requeues_max=settings.requeues_max,
        zero_cpu_jobs_max=settings.zero_cpu_jobs_max,
        keep_failed_s=settings.packages.keep_failed_s,
    )


def settle_memory() -> None:
    """What is there now stays for ever, and nearly all that comes goes by itself: look for circles seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


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


def mailing_of(settings: Settings, yard: Yard, store: Store) -> Mailing:
    """At work where there is a program that sends mail."""
    command = settings.mail_command
    mailing = Mailing(yard.controller, store, command, time.time, settings.slurm.cluster)
    if command and shutil.which(command[0]):
        mailing.start()
    return mailing


def shells_of(terminals: JobTerminals, settings: Settings) -> Shells:
    """Terminals that outlive their browser."""
    keep_s = settings.files.terminal_keep_s
    return Shells(terminals, host=socket.gethostname(), keep_s=keep_s, clock=time.time)


def rules_at_run_time(text: str) -> Rules | None:
    """The rules that were put in force while an earlier daemon ran; None: those of the file are in force."""
    try:
        return config.read_rules(text, "the rules put in force by ly admin") if text else None
    except Invalid as error:
        _log.error("%s; the rules of the configuration file are in force", error)
        return None


def facts_of(state: StateDir, nodes: tuple[Node, ...], yard: Yard, tcp: socket.socket) -> dict[str, Any]:
    """What `ly up` prints and `ly status` answers; written where clients look for the address."""
    host, port = tcp.getsockname()[:2]
    facts = {
        "url": f"http://{host}:{port}",
        "state": str(state.path),
        "version": __version__,
        "pid": os.getpid(),
        "started_at": time.time(),
        "cpus": sum(node.cpus for node in nodes),
        "memory_mib": sum(node.memory_mib for node in nodes),
        "gpus": sum(node.gpus for node in nodes),
        "nodes": len(nodes),
        "enforcement": asdict(yard.facts.enforcement),
        "resumed": sum(1 for job in yard.controller.live_jobs() if job.attempt is not None),
    }
    state.facts.write_text(json.dumps(facts))
    return facts


async def read_small(helpers: UserHelpers, uid: int, path: str) -> bytes:
    """A small file, as its user."""
    return (await helpers.read(uid, path, 0, 64 * 1024)).data


def join_terminals(yard: Yard, terminals: JobTerminals) -> None:
    """Jobs get their terminals when they start, and let go of them when they end."""
    yard.launcher.open_terminal = terminals.open
    yard.controller.watch(lambda events: _let_go(terminals, events))


def _let_go(terminals: JobTerminals, events: Sequence[StateChanged]) -> None:
    for event in events:
        if event.state in ENDED:
            terminals.job_ended(event.job_id)
