"""What a service has around its controller: people are told, the configuration is read again.

Part of the composition root, beside `composition`.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from launchyard.config import Settings
from launchyard.controller.assembly import Yard
from launchyard.model.event import StateChanged
from launchyard.model.submission import Caller, Submission
from launchyard.notify.outbox import Outbox
from launchyard.notify.watching import ReadLog, Watching, send
from launchyard.notify.ways import Ways
from launchyard.statedir import StateDir
from launchyard.store.protocol import Store

_log = logging.getLogger(__name__)


class Operations:
    """Made before the controller, begun once it is there, closed before the store."""

    def __init__(self, settings: Settings, state: StateDir, read_settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._state = state
        self._read_settings = read_settings
        self._earlier: list[StateChanged] = []
        self._begun = False
        self.ways = Ways(settings.notify, settings.slurm.cluster)
        self._outbox = Outbox(state.notices, partial(send, self.ways), time.time)
        self._watching: Watching | None = None

    def hear(self, events: Sequence[StateChanged]) -> None:
        """What moves while the server comes up is told once it is there."""
        if not self._begun:
            self._earlier += events

    async def begin(self, yard: Yard, store: Store, logs: ReadLog, url: str) -> None:
        yard.gates.append(self._can_be_told)
        cluster = self._settings.slurm.cluster
        self._watching = Watching(
            yard.controller, store, logs, self.ways, self._outbox, time.time, cluster, url
        )
        self._begun = True
        await self._watching.start(self._earlier)
        self._earlier.clear()

    async def close(self) -> None:
        if self._watching is not None:
            await self._watching.close()

    async def _can_be_told(self, caller: Caller, submission: Submission) -> Submission:
        self.ways.check(submission.metadata)
        return submission
