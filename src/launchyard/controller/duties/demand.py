"""Duty, every few seconds: tell clusters that can grow what waits for them."""

from collections.abc import Callable, Iterator

from launchyard.controller.loop import Loop
from launchyard.engine.demand import Growing
from launchyard.model.resources import Request

EVERY_S = 5.0
TOLD_MAX = 1000
"""More than that makes no other cluster."""


class Demand:
    """`clock`: seconds that no setting of the date moves."""

    def __init__(self, loop: Loop, clock: Callable[[], float], every_s: float = EVERY_S) -> None:
        self._loop = loop
        self._clock = clock
        self._every_s = every_s
        self._last = clock()

    def look(self) -> None:
        growing = [(one.name, one.engine) for one in self._loop.clusters if isinstance(one.engine, Growing)]
        if not growing or self._clock() - self._last < self._every_s:
            return
        self._last = self._clock()
        for name, engine in growing:
            if isinstance(engine, Growing):
                engine.demand(list(self._waiting(name)))

    def _waiting(self, cluster: str) -> Iterator[Request]:
        """One for each job, and for each task of an array, that only waits for resources."""
        told = 0
        for job_id in self._loop.live.queue.in_order():
            job = self._loop.live.jobs[job_id]
            if job.cluster != cluster:
                continue
            for _ in range(1 if job.array is None else len(job.array.waiting)):
                if told == TOLD_MAX:
                    return
                told += 1
                yield job.request
