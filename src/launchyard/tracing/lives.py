"""Remembers how jobs move, and hands the spans of each on once it has ended.

What is remembered is bounded: of jobs beyond `LIVES_MAX` that wait or run at one time the whole is told, and
not its parts. What ended is read from the store, off the loop.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from launchyard.controller.controller import Controller
from launchyard.model.errors import LaunchyardError
from launchyard.model.event import StateChanged
from launchyard.model.state import ENDED
from launchyard.store.protocol import JobQuery, Store
from launchyard.tracing.spans import Move, Span, life_of

LIVES_MAX = 20_000
ENDED_MAX = 10_000
MOVES_MAX = 64
"""Of one job: what is requeued again and again keeps its first and its last."""
AT_ONCE = 500
EVERY_S = 1.0

_log = logging.getLogger(__name__)

Send = Callable[[Span, Sequence[Span]], None]


class Lives:
    """`send` gets the whole and the parts of each life; it must not wait for anybody."""

    def __init__(
        self,
        controller: Controller,
        store: Store,
        send: Send,
        clock: Callable[[], float],
        every_s: float = EVERY_S,
    ) -> None:
        self._store = store
        self._send = send
        self._clock = clock
        self._every_s = every_s
        self._moves: dict[int, list[Move]] = {}
        self._ended: dict[int, list[Move]] = {}
        self.missed = 0
        """Lives that were not told, for there were too many at once."""
        self._unwatch = controller.watch(self._look)
        self._telling = asyncio.ensure_future(self._tell())

    async def close(self) -> None:
        """Tell of what has ended by now, and no more."""
        self._unwatch()
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)
        with contextlib.suppress(LaunchyardError):
            await self._tell_ended()

    def _look(self, events: Sequence[StateChanged]) -> None:
        now = self._clock()
        for event in events:
            moves = self._moves.get(event.job_id)
            if moves is None:
                moves = []
                if len(self._moves) < LIVES_MAX and event.state not in ENDED:
                    self._moves[event.job_id] = moves
            if len(moves) >= MOVES_MAX:
                del moves[MOVES_MAX // 2]
            moves.append(Move(event.state, event.at, max(event.at, now)))
            if event.state in ENDED:
                self._moves.pop(event.job_id, None)
                if len(self._ended) < ENDED_MAX:
                    self._ended[event.job_id] = moves
                else:
                    self.missed += 1

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._tell_ended()
            except LaunchyardError as error:
                _log.warning("traces of jobs are not told now: %s", error)

    async def _tell_ended(self) -> None:
        while self._ended:
            some = dict(list(self._ended.items())[:AT_ONCE])
            query = JobQuery(ids=tuple(some), limit=len(some))
            for job in await asyncio.to_thread(self._store.jobs, query):
                self._send(*life_of(job, some[job.id]))
            for job_id in some:
                self._ended.pop(job_id, None)
