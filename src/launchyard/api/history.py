"""What earlier runs advise: read off the loop, remembered until there are more, not waited for.

Advice is a courtesy of a submission that is durable already. When the store is slow, busy or fails, the
submission is answered without it. It is for people: a program that submits many jobs of many names a second
would pay for a look at the store each time, and reads no advice; it is looked for a few times only.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.policy.advice import RUNS_MAX, TOLD_BY, Advice, Run, advise, run_of
from launchyard.policy.case import Room
from launchyard.store.protocol import JobQuery, Store

PATIENCE_S = 0.1
"""So long a submission waits for advice."""
ASKED_PATIENCE_S = 2.0
"""So long who asks for it does."""
READING_MAX = 2
"""So many are read at a time for submissions."""
LOOKS_AT_ONCE, LOOKS_PER_S = 10.0, 2.0
"""How often the store is looked at for submissions of one user: at once, and then a second."""
REMEMBERED_MAX = 256
ADVISED_MAX = 16
ROWS_MAX = 3 * RUNS_MAX
"""Some of the rows are of other programs with the same name, or say nothing."""

_log = logging.getLogger(__name__)

Key = tuple[str, str]
Read = Callable[[Callable[[], list[Run]]], Awaitable[list[Run]]]


@dataclass(slots=True)
class _Kept:
    """Runs of one user and name, read at `at`; `advised` is what they advised for which wishes."""

    runs: list[Run]
    at: float
    advised: dict[Any, Advice | None] = field(default_factory=dict)


class History:
    """Runs by user and name. Used on the loop only; `read` does work in a thread."""

    def __init__(self, store: Store, read: Read, clock: Callable[[], float]) -> None:
        self._store = store
        self._read = read
        self._clock = clock
        self._kept: dict[Key, _Kept] = {}
        self._reading: dict[Key, asyncio.Task[None]] = {}
        self._looks: dict[str, tuple[float, float]] = {}
        self._ended_at: dict[str, float] = {}

    def tell(self, events: Sequence[StateChanged]) -> None:
        """After each commit: what is remembered of a user is old when a job of the user's has ended."""
        for event in events:
            if event.state in TOLD_BY:
                self._ended_at[event.user] = self._clock()

    async def advice(self, job: Job, room: Callable[[Job], Room]) -> Advice | None:
        """What `job` should ask for, for who wants to know; None when there is nothing to say."""
        return await self._advice(job, room, ASKED_PATIENCE_S, self._begin)

    async def courtesy(self, job: Job, room: Callable[[Job], Room]) -> Advice | None:
        """The same for who has submitted it; None also when it is not known in time."""
        return await self._advice(job, room, PATIENCE_S, self._begin_seldom)

    async def _advice(
        self,
        job: Job,
        room: Callable[[Job], Room],
        patience_s: float,
        begin: Callable[[Key], asyncio.Task[None] | None],
    ) -> Advice | None:
        key = (job.user, job.name)
        kept = self._kept.get(key)
        if kept is None or kept.at <= self._ended_at.get(job.user, -inf):
            task = self._reading.get(key) or begin(key)
            if task is not None:
                # It goes on when nobody waits any more: the next submission then has it.
                await asyncio.wait([task], timeout=patience_s)
            kept = self._kept.get(key)
        if kept is None or not kept.runs:
            return None
        wishes = (
            job.kind,
            job.terminal,
            job.request,
            job.time_limit_s,
            job.partition,
            job.command,
            job.script,
        )
        if wishes not in kept.advised:
            if len(kept.advised) >= ADVISED_MAX:
                kept.advised.clear()
            kept.advised[wishes] = _advised(job, kept.runs, room)
        return kept.advised[wishes]

    def _begin(self, key: Key) -> asyncio.Task[None]:
        task = self._reading[key] = asyncio.ensure_future(self._fill(key))
        return task

    def _begin_seldom(self, key: Key) -> asyncio.Task[None] | None:
        """Unless others are being read, or were read so often for this user."""
        if len(self._reading) >= READING_MAX:
            return None
        now = self._clock()
        left, at = self._looks.pop(key[0], (LOOKS_AT_ONCE, now))
        left = min(LOOKS_AT_ONCE, left + (now - at) * LOOKS_PER_S)
        while len(self._looks) >= REMEMBERED_MAX:
            del self._looks[next(iter(self._looks))]
        self._looks[key[0]] = (left - 1 if left >= 1 else left, now)
        return self._begin(key) if left >= 1 else None

    async def _fill(self, key: Key) -> None:
        try:
            at = self._clock()
            runs = await self._read(lambda: self._runs(key))
            self._kept.pop(key, None)
            while len(self._kept) >= REMEMBERED_MAX:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = _Kept(runs, at)
        except Exception:
            _log.exception("the runs of %r could not be read; there is no advice", key)
        finally:
            del self._reading[key]

    def _runs(self, key: Key) -> list[Run]:
        query = JobQuery(user=key[0], name=key[1], states=TOLD_BY, ended=True, limit=ROWS_MAX)
        return [run for job in self._store.jobs(query) if (run := run_of(job)) is not None]


def _advised(job: Job, runs: list[Run], room: Callable[[Job], Room]) -> Advice | None:
    """A fault in it is logged and costs nobody the answer to a submission."""
    try:
        return advise(job, runs, room(job))
    except Exception:
        _log.exception("there is no advice for %r", job.name)
        return None


def advice_json(advice: Advice | None) -> dict[str, Any] | None:
    """`wire.shapes.Advice`: what to ask for, by the names of a submission, and as options of `ly submit`."""
    if advice is None:
        return None
    resources = {"cpus": advice.cpus, "memory_mib": advice.memory_mib}
    changes: dict[str, Any] = {}
    if any(value is not None for value in resources.values()):
        changes["resources"] = {name: value for name, value in resources.items() if value is not None}
    if advice.time_limit_s is not None:
        changes["time_limit_s"] = advice.time_limit_s
    return {
        "sentence": advice.sentence,
        "options": advice.options,
        "changes": changes,
        "runs": advice.runs,
    }
