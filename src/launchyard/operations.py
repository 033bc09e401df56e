"""What a service has around its controller: its doors, people are told, the configuration is read again.

Part of the composition root, beside `composition`.
"""

import asyncio
import importlib
import logging
import signal
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Protocol

from launchyard.api.certificate import Certificate
from launchyard.api.filtering import SubmitFilter, checked
from launchyard.api.forwarded import Doors
from launchyard.api.metrics import Metrics
from launchyard.composition import (
    bounds,
    engines_of,
    launch_settings,
    local_cluster,
    rules_with,
    spare_memory,
)
from launchyard.config import Settings
from launchyard.controller.assembly import Yard, assemble
from launchyard.daemonlog import reopen_log
from launchyard.engine.local import LocalEngine
from launchyard.engine.places import furnishing_of
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.event import StateChanged
from launchyard.model.measures import Family, counter, gauge
from launchyard.model.node import Node
from launchyard.model.submission import Caller, Submission
from launchyard.notify.outbox import Outbox
from launchyard.notify.watching import ReadLog, Watching, send
from launchyard.notify.ways import Ways
from launchyard.standby import Tenancy
from launchyard.statedir import StateDir
from launchyard.store.protocol import Store
from launchyard.userfiles import UserFiles

if TYPE_CHECKING:
    from launchyard.tracing.traces import Traces

AT_ONCE = frozenset({"rules", "notify", "service"})
"""Parts of the configuration that are in force once they are read; for the others the server starts anew."""

_log = logging.getLogger(__name__)


class Prepared(Protocol):
    """What root has made ready for the controller."""

    @property
    def tenancy(self) -> Tenancy: ...

    @property
    def nodes(self) -> tuple[Node, ...]: ...

    @property
    def serves_all(self) -> bool: ...


class Operations:
    """Made before the controller, begun once it is there, closed before the store. Raises `Invalid`."""

    def __init__(self, settings: Settings, state: StateDir, read_settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._state = state
        self._read_settings = read_settings
        self._earlier: list[StateChanged] = []
        self._begun = False
        self._certificate = _certificate(settings)
        _refuse_loose_hooks(settings)
        self._filter = SubmitFilter(
            lambda: self._settings.service.hooks.submit_filter,
            lambda: self._settings.service.hooks.time_limit_s,
        )
        self.doors = Doors(settings.service.proxies, encrypted=self._certificate is not None)
        self.ways = Ways(settings.notify, settings.slurm.cluster)
        self._outbox = Outbox(state.notices, partial(send, self.ways), time.time)
        self._watching: Watching | None = None
        self._traces = _traces(settings.service.tracing)
        self._yard: Yard | None = None
        self._reloading: asyncio.Task[None] | None = None

    @property
    def tls(self) -> ssl.SSLContext | None:
        return None if self._certificate is None else self._certificate.context

    async def yard(self, prepared: Prepared, store: Store, engine: LocalEngine, files: UserFiles) -> Yard:
        """The controller, with what an earlier daemon left taken in."""
        spare_memory()
        settings = self._settings
        engine.launcher_stays = lambda: prepared.tenancy.lost
        kept = await asyncio.to_thread(store.rules)
        if local_cluster(settings) is None:
            # Jobs run elsewhere; whoever acts for users here is started by this launcher all the same.
            await engine.open(lambda reports: None)
        patience_s = prepared.tenancy.patience_s
        engines = engines_of(
            settings, self._state, engine, serves_all=prepared.serves_all, patience_s=patience_s
        )
        files.environments.gateways = furnishing_of(engines)
        return await assemble(
            store=store,
            engines=engines,
            nodes=prepared.nodes,
            rules=rules_with(kept, settings.rules),
            file_rules=settings.rules,
            read_rules_file=lambda: self._read_settings().rules,
            clock=time.time,
            launching=launch_settings(settings, self._state),
            bounds=bounds(settings),
            licences=settings.licences,
            environments=files.environments,
            logs=files,
            watch=self.hear,
        )

    def hear(self, events: Sequence[StateChanged]) -> None:
        """What moves while the server comes up is told once it is there."""
        if not self._begun:
            self._earlier += events

    async def begin(self, yard: Yard, store: Store, logs: ReadLog, url: str) -> None:
        """From now on SIGHUP is an order to read the configuration again."""
        self._yard = yard
        yard.gates.extend((self._filter, self._can_be_told))
        cluster = self._settings.slurm.cluster
        self._watching = Watching(
            yard.controller, store, logs, self.ways, self._outbox, time.time, cluster, url
        )
        if self._traces is not None:
            self._traces.begin(yard.controller, store, time.time)
        self._begun = True
        await self._watching.start(self._earlier)
        self._earlier.clear()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload_soon)

    async def close(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
        if self._reloading is not None:
            self._reloading.cancel()
            await asyncio.gather(self._reloading, return_exceptions=True)
        if self._watching is not None:
            await self._watching.close()
        if self._traces is not None:
            await self._traces.close()

    async def _can_be_told(self, caller: Caller, submission: Submission) -> Submission:
        self.ways.check(submission.metadata)
        return submission

    def metrics(self, yard: Yard) -> Metrics:
        """What `/metrics` tells."""
        return Metrics(yard.controller, lambda: self._settings.service.metrics_on_loopback, self._of_notices)

    def _of_notices(self) -> Iterator[Family]:
        box = self._outbox
        ends = {"delivered": box.delivered, "failed": box.failed, "given-up": box.given_up}
        yield counter(
            "launchyard_notifications_total",
            "Tries to notify somebody, by how they ended.",
            *(({"end": end}, count) for end, count in ends.items()),
        )
        yield gauge("launchyard_notifications_waiting", "Notifications on their way.", ({}, box.waiting))

    # -- the configuration, again

    def _reload_soon(self) -> None:
        before = self._reloading
        self._reloading = asyncio.ensure_future(self._reload(before))

    async def _reload(self, before: "asyncio.Task[None] | None") -> None:
        """All of it or nothing: what is wrong is logged, and what was in force stays so."""
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        reopen_log(self._settings.service.log_format)
        try:
            settings = await asyncio.to_thread(self._read_settings)
            self._refuse_other_doors(settings)
            await asyncio.to_thread(_refuse_loose_hooks, settings)
            if self._certificate is not None:
                await asyncio.to_thread(self._certificate.read)
            if self._yard is not None:
                administration = self._yard.controller.administration
                async with administration.alone:
                    await administration.reload()
        except LaunchyardError as error:
            _log.error("the configuration was not read again: %s", error)
            return
        left = [
            one.name
            for one in fields(settings)
            if one.name not in AT_ONCE and getattr(settings, one.name) != getattr(self._settings, one.name)
        ]
        if _of_launcher(settings) != _of_launcher(self._settings):
            left.append("prolog and epilog")
        if settings.service.tracing != self._settings.service.tracing:
            left.append("tracing")
        self.doors.trust(settings.service.proxies)
        self.ways.settings = settings.notify
        reopen_log(settings.service.log_format)
        self._settings = settings
        _log.info("the configuration was read again and is in force")
        if left:
            _log.warning("changes of %s hold from the next start on", ", ".join(left))

    def _refuse_other_doors(self, settings: Settings) -> None:
        old, new = self._settings.service, settings.service
        if (old.certificate, old.key) != (new.certificate, new.key):
            raise Invalid("TLS is by other files now; restart the server")


def _certificate(settings: Settings) -> Certificate | None:
    service = settings.service
    if service.certificate is None or service.key is None:
        return None
    return Certificate(service.certificate, service.key)


def _traces(endpoint: str) -> "Traces | None":
    """What sends them is loaded only where a collector is named: it is large."""
    if not endpoint:
        return None
    try:
        made: Traces = importlib.import_module("launchyard.tracing.traces").Traces(endpoint)
    except ModuleNotFoundError as error:
        raise Invalid(
            f"[tracing] needs OpenTelemetry ({error.name} is missing); install launchyard[otel], or take the "
            f"table out"
        ) from None
    return made


def _of_launcher(settings: Settings) -> tuple[object, ...]:
    """What root has told the launcher at the start: who serves now has not the rights to."""
    hooks = settings.service.hooks
    return hooks.prolog, hooks.epilog, hooks.time_limit_s


def _refuse_loose_hooks(settings: Settings) -> None:
    """Raises `Invalid` for a program of the site that others may write."""
    hooks = settings.service.hooks
    for program in (hooks.submit_filter, hooks.prolog, hooks.epilog):
        checked(program)
