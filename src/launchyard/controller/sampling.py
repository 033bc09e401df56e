"""Duty, every few seconds: what jobs that have run for a while use now, kept as a series for their pages.

Short jobs cost nothing: what has not run for `YOUNG_S` is not asked about, and while there is nothing else
the launcher is not asked at all. The longer a job runs the more seldom it is looked at (`model.series`).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job
from launchyard.model.series import Sample, Series, with_sample

TICK_S = 2.5
YOUNG_S = 4.0
ASKED_MAX = 200
"""So many launches are looked at in one tick; the others have their turn in the next ones."""
KEPT_EVERY_S = 300.0
WATCHED_S = 2.0
"""How often somebody who watches is told."""

Figures = Mapping[str, Mapping[str, float]]
Ask = Callable[[Sequence[str]], Awaitable[Figures]]
"""What these launches use now, by launch id; those that do not run are left out."""

_log = logging.getLogger(__name__)


class Shelf(Protocol):
    """Where series are kept. Both are called in a thread."""

    def put(self, series: Series) -> None: ...
    def get(self, launch_id: str) -> Series | None: ...


@dataclass(slots=True)
class _Track:
    """One running launch: what is known of it, and when it is looked at and kept next."""

    series: Series
    due_at: float
    keep_at: float


class Sampling:
    """Everything but the shelf is used on the loop."""

    def __init__(
        self,
        running: Callable[[], Mapping[int, Job]],
        ask: Ask,
        shelf: Shelf,
        clock: Callable[[], float],
        *,
        tick_s: float = TICK_S,
    ) -> None:
        self._running = running
        self._ask = ask
        self._shelf = shelf
        self._clock = clock
        self._tick_s = tick_s
        self._began_at = clock()
        self._tracks: dict[str, _Track] = {}
        self._now: dict[str, Sample] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Keep what is known of what runs on without us."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._keep([track.series for track in self._tracks.values()])

    async def of(self, launch_id: str) -> Series | None:
        """What is known of a launch, one that has ended too."""
        track = self._tracks.get(launch_id)
        return track.series if track is not None else await asyncio.to_thread(self._shelf.get, launch_id)

    async def watch(self, job: Job) -> AsyncGenerator[Sample, None]:
        """What a running job uses from now on, until it has ended. Many who watch cost as much as one."""
        attempt = job.attempt
        if attempt is None or attempt.started_at is None:
            return
        last = -1.0
        while self._runs(job.id, attempt.launch_id):
            sample = await self._fresh(attempt.launch_id, attempt.started_at)
            if sample is not None and sample.at_s > last:
                last = sample.at_s
                yield sample
            await asyncio.sleep(WATCHED_S)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            try:
                await self.look()
            except LaunchyardError:
                # The launcher does not answer now: there will be a gap.
                continue
            except Exception:
                _log.exception("what jobs use could not be sampled")

    async def look(self) -> None:
        """One tick."""
        now = self._clock()
        started = _started(self._running())
        old_enough = {launch_id: at for launch_id, at in started.items() if now - at >= YOUNG_S}
        self._now = {launch_id: sample for launch_id, sample in self._now.items() if launch_id in started}
        gone = [launch_id for launch_id in self._tracks if launch_id not in started]
        ended = [self._tracks.pop(launch_id).series for launch_id in gone]
        await self._keep([series for series in ended if series.samples])
        for launch_id, started_at in old_enough.items():
            if launch_id not in self._tracks:
                self._tracks[launch_id] = await self._begun(launch_id, started_at, now)
        waiting = [launch_id for launch_id, track in self._tracks.items() if track.due_at <= now]
        waiting.sort(key=lambda launch_id: self._tracks[launch_id].due_at)
        if due := waiting[:ASKED_MAX]:
            self._take(await self._ask(due), old_enough, now)
            looked_at = [self._tracks[launch_id] for launch_id in due]
            await self._keep([track.series for track in looked_at if self._is_to_keep(track)])

    async def _begun(self, launch_id: str, started_at: float, now: float) -> _Track:
        """What an earlier daemon has seen of it goes on."""
        known = await asyncio.to_thread(self._shelf.get, launch_id) if started_at < self._began_at else None
        return _Track(known or Series(launch_id=launch_id), now, now + KEPT_EVERY_S)

    def _take(self, figures: Figures, started: Mapping[str, float], now: float) -> None:
        for launch_id, found in figures.items():
            track = self._tracks.get(launch_id)
            if track is None or launch_id not in started:
                continue
            sample = self._now[launch_id] = sample_of(found, now - started[launch_id])
            track.series = with_sample(track.series, sample)
            # A little before, so that a tick that comes early does not miss it.
            track.due_at = now + track.series.every_s - self._tick_s / 2

    def _is_to_keep(self, track: _Track) -> bool:
        now = self._clock()
        if now < track.keep_at:
            return False
        track.keep_at = now + max(KEPT_EVERY_S, 10 * track.series.every_s)
        return True

    async def _keep(self, series: Sequence[Series]) -> None:
        if series:
            await asyncio.to_thread(self._put, series)

    def _put(self, series: Sequence[Series]) -> None:
        try:
            for one in series:
                self._shelf.put(one)
        except OSError as error:
            _log.warning("the usage of %d launches is not kept: %s", len(series), error.strerror)

    async def _fresh(self, launch_id: str, started_at: float) -> Sample | None:
        """At most one question in the time in which all who watch are told once."""
        known, at_s = self._now.get(launch_id), self._clock() - started_at
        if known is not None and at_s - known.at_s < WATCHED_S / 2:
            return known
        with contextlib.suppress(LaunchyardError):
            found = (await self._ask([launch_id])).get(launch_id)
            if found is not None:
                known = self._now[launch_id] = sample_of(found, at_s)
        return known

    def _runs(self, job_id: int, launch_id: str) -> bool:
        job = self._running().get(job_id)
        return job is not None and job.attempt is not None and job.attempt.launch_id == launch_id


def _started(running: Mapping[int, Job]) -> dict[str, float]:
    """When each launch started, of those that did."""
    attempts = [job.attempt for job in running.values() if job.attempt is not None]
    return {one.launch_id: one.started_at for one in attempts if one.started_at is not None}


def sample_of(figures: Mapping[str, float], at_s: float) -> Sample:
    """What the launcher told, `at_s` seconds after the start."""
    return Sample(round(at_s, 2), *(figures.get(name) for name in Sample._fields[1:]))
