"""All launches that Slurm may have, and the way their reports take. One owner: the loop."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import count
from typing import Any

from launchyard.engine.protocol import EngineReport, LaunchEnded
from launchyard.engine.slurm.held import Held
from launchyard.engine.slurm.journal import Journal
from launchyard.model.event import Exited

_log = logging.getLogger(__name__)


class Table:
    """`clock` is that of the wall: Slurm's times are compared with it."""

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self.journal = journal
        self.clock = clock
        self.held = {one: Held(launch_id=one, given=given) for one, given in journal.launches.items()}
        self.never: set[str] = set()
        """Launches that were stopped before they were ordered: they are never given."""
        self.report: Callable[[Sequence[EngineReport]], None] = lambda reports: None
        self.connected = False
        self.answers = asyncio.Event()
        """Set while Slurm answers."""
        self.look = 0
        """The number of the look that began last."""
        self._tokens = count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def next_token(self) -> int:
        return next(self._tokens)

    def tell(self, reports: Iterable[EngineReport]) -> None:
        """Only while connected; what is not told now is told after the next connection."""
        found = list(reports)
        if found and self.connected:
            self.report(found)

    def ended(self, held: Held, exited: Exited, before: Iterable[EngineReport] = ()) -> None:
        """It is over; kept, and told again after each connection, until that is durable above us."""
        first = list(before)
        held.end = LaunchEnded(launch_id=held.launch_id, exit=exited, token=self.next_token)
        self.tell([*first, held.end])

    def acknowledge(self, token: int) -> Sequence[Held]:
        """Those that are over for everybody now."""
        over = []
        for held in self.held.values():
            held.start_taken = held.start_taken or (held.start is not None and held.start.token <= token)
            if held.end is not None and held.end.token <= token:
                over.append(held)
        for held in over:
            del self.held[held.launch_id]
        self.journal.over(held.launch_id for held in over)
        return over

    def connect(self) -> list[EngineReport]:
        """All is to be told again; what is to be told of those whose end is known already."""
        self.connected = True
        self.answers.set()
        for held in self.held.values():
            held.forget_told()
        known: list[EngineReport] = []
        for held in self.held.values():
            if held.end is not None:
                known += [held.start] if held.start is not None and not held.start_taken else []
                known.append(held.end)
        return known

    def away(self) -> None:
        """Slurm did not answer just now; the next look that it answers sets things going again."""
        self.answers.clear()

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.journal.close()

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("something asked of Slurm went wrong", exc_info=error)
