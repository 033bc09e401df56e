"""EASY as its paper tells it, with lists and no thought of speed: what the fast replay is compared with."""

from collections.abc import Callable

from launchyard.sim.trace import Trace, TraceJob


class Plain:
    """`starts` by the job's number; `promised`: what it was told when it first headed the line."""

    def __init__(self, trace: Trace, behind: Callable[[TraceJob], float] = lambda job: job.number) -> None:
        self.starts: dict[int, int] = {}
        self.promised: dict[int, int] = {}
        self._processors = trace.processors
        self._behind = behind
        self._line: list[TraceJob] = []
        self._running: list[tuple[int, TraceJob]] = []
        """Jobs with the time at which they end if they use all they requested."""
        self._run(sorted(trace.jobs, key=lambda job: (job.submit, job.number)))

    def _run(self, coming: list[TraceJob]) -> None:
        while coming or self._running:
            ends = [self.starts[job.number] + job.run_s for _, job in self._running]
            if coming and (not ends or coming[0].submit <= min(ends)):
                now = coming[0].submit
                self._line.append(coming.pop(0))
            else:
                now = min(ends)
                del self._running[ends.index(now)]
            self._pass(now)

    def _pass(self, now: int) -> None:
        while self._line and self._line[0].processors <= self._free(now):
            self._begin(self._line[0], now)
        if not self._line:
            return
        head, *others = self._line
        at = min(end for end, _ in self._running if end > now and self._free(end) >= head.processors)
        self.promised.setdefault(head.number, at)
        for job in sorted(others, key=self._behind):
            in_time = now + job.requested_s <= at
            beside = job.processors + head.processors <= self._free(at)
            if job.processors <= self._free(now) and (in_time or beside):
                self._begin(job, now)

    def _begin(self, job: TraceJob, now: int) -> None:
        self.starts[job.number] = now
        self._line.remove(job)
        self._running.append((now + job.requested_s, job))

    def _free(self, at: int) -> int:
        return self._processors - sum(job.processors for end, job in self._running if end > at)
