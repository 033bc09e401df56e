"""What a service has around its controller: its doors, people are told, the configuration is read again.

Part of the composition root, beside `composition`.
"""

import asyncio
import logging
import signal
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial

from launchyard.api.certificate import Certificate
from launchyard.api.forwarded import Doors
from launchyard.config import Settings
from launchyard.controller.assembly import Yard
from launchyard.daemonlog import reopen_log
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.event import StateChanged
from launchyard.model.submission import Caller, Submission
from launchyard.notify.outbox import Outbox
from launchyard.notify.watching import ReadLog, Watching, send
from launchyard.notify.ways import Ways
from launchyard.statedir import StateDir
from launchyard.store.protocol import Store

AT_ONCE = frozenset({"rules", "notify", "service"})
"""Parts of the configuration that are in force once they are read; for the others the server starts anew."""

_log = logging.getLogger(__name__)


class Operations:
    """Made before the controller, begun once it is there, closed before the store. Raises `Invalid`."""

    def __init__(self, settings: Settings, state: StateDir, read_settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._read_settings = read_settings
        self._earlier: list[StateChanged] = []
        self._begun = False
        self._certificate = _certificate(settings)
        self.doors = Doors(settings.service.proxies, encrypted=self._certificate is not None)
        self.ways = Ways(settings.notify, settings.slurm.cluster)
        self._outbox = Outbox(state.notices, partial(send, self.ways), time.time)
        self._watching: Watching | None = None
        self._yard: Yard | None = None
        self._reloading: asyncio.Task[None] | None = None

    @property
    def tls(self) -> ssl.SSLContext | None:
        return None if self._certificate is None else self._certificate.context

    def hear(self, events: Sequence[StateChanged]) -> None:
        """What moves while the server comes up is told once it is there."""
        if not self._begun:
            self._earlier += events

    async def begin(self, yard: Yard, store: Store, logs: ReadLog, url: str) -> None:
        """From now on SIGHUP is an order to read the configuration again."""
        self._yard = yard
        yard.gates.append(self._can_be_told)
        cluster = self._settings.slurm.cluster
        self._watching = Watching(
            yard.controller, store, logs, self.ways, self._outbox, time.time, cluster, url
        )
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

    async def _can_be_told(self, caller: Caller, submission: Submission) -> Submission:
        self.ways.check(submission.metadata)
        return submission

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
            if self._certificate is not None:
                await asyncio.to_thread(self._certificate.read)
            if self._yard is not None:
                await self._yard.controller.administration.reload()
        except LaunchyardError as error:
            _log.error("the configuration was not read again: %s", error)
            return
        left = [
            one.name
            for one in fields(settings)
            if one.name not in AT_ONCE and getattr(settings, one.name) != getattr(self._settings, one.name)
        ]
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
