"""Sessions that nobody uses: warned of a while before, then stopped. One timer a session, no looking around.

A session is in use while somebody's traffic passes, and while its processes compute: a long cell is not
stopped because its person went home.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from launchyard.model.job import Job
from launchyard.policy.sessions import warned_before_s

BUSY = 0.05
"""Of one CPU, on average since it was looked at last: who uses more is at work."""

Usage = Callable[[], Awaitable[Mapping[str, Mapping[str, float]]]]


@dataclass(slots=True)
class _Idle:
    """One session that runs. `looked_at` and `cpu_s`: when its CPU time was seen last, and what it was."""

    job_id: int
    launch_id: str
    stop_s: float
    used_at: float
    warned: bool = False
    looked_at: float = 0.0
    cpu_s: float | None = None
    timer: asyncio.TimerHandle | None = None


class Idling:
    """`told` hears that a session was warned or is in use again; `stop` ends it."""

    def __init__(
        self, clock: Callable[[], float], told: Callable[[int], None], stop: Callable[[int, float], None]
    ) -> None:
        self._clock = clock
        self._told = told
        self._stop = stop
        self._watched: dict[int, _Idle] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self.usage: Usage = _unknown

    def begin(self, job: Job, stop_s: float) -> None:
        """It runs from now on; begun again it is another launch."""
        self.end(job.id)
        launch_id = job.attempt.launch_id if job.attempt is not None else ""
        one = _Idle(job_id=job.id, launch_id=launch_id, stop_s=stop_s, used_at=self._clock())
        self._watched[job.id] = one
        self._look(one)
        self._sleep(one)

    def end(self, job_id: int) -> None:
        """It ends, or is not stopped any more."""
        one = self._watched.pop(job_id, None)
        if one is not None and one.timer is not None:
            one.timer.cancel()

    def use(self, job_id: int) -> None:
        """Somebody works in it. Called for each request: nothing but a note of the time."""
        one = self._watched.get(job_id)
        if one is None:
            return
        one.used_at = self._clock()
        if one.warned:
            one.warned = False
            self._sleep(one)
            self._told(job_id)

    def since(self, job_id: int) -> tuple[float, float] | None:
        """Since when it is idle and when it is stopped, once it was warned."""
        one = self._watched.get(job_id)
        return (one.used_at, one.used_at + one.stop_s) if one is not None and one.warned else None

    def close(self) -> None:
        for job_id in list(self._watched):
            self.end(job_id)
        for task in self._looking:
            task.cancel()

    def _sleep(self, one: _Idle) -> None:
        before_s = 0.0 if one.warned else warned_before_s(one.stop_s)
        left_s = max(0.0, one.used_at + one.stop_s - before_s - self._clock())
        if one.timer is not None:
            one.timer.cancel()
        one.timer = asyncio.get_running_loop().call_later(left_s, self._look, one, True)

    def _look(self, one: _Idle, due: bool = False) -> None:
        """Has it been used since the timer was set? Nobody's traffic: perhaps it computes."""
        before_s = 0.0 if one.warned else warned_before_s(one.stop_s)
        if due and self._clock() < one.used_at + one.stop_s - before_s:
            self._sleep(one)
            return
        task = asyncio.ensure_future(self._measure(one, due))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _measure(self, one: _Idle, due: bool) -> None:
        used = (await self.usage()).get(one.launch_id, {}).get("cpu_s")
        now, before, looked_at = self._clock(), one.cpu_s, one.looked_at
        one.cpu_s, one.looked_at = used, now
        if not due or self._watched.get(one.job_id) is not one:
            return
        if used is not None and before is not None and used - before > BUSY * (now - looked_at):
            one.used_at, one.warned = now, False
            self._sleep(one)
            self._told(one.job_id)
        elif not one.warned:
            one.warned = True
            self._sleep(one)
            self._told(one.job_id)
        elif now >= one.used_at + one.stop_s:
            self._stop(one.job_id, one.stop_s)
        else:
            self._sleep(one)


async def _unknown() -> Mapping[str, Mapping[str, float]]:
    """Where no engine can say what a launch uses."""
    return {}
