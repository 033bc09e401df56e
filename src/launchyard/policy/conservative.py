"""Conservative backfill on equal processors: every waiting job has a reservation, and none is ever broken.

When a job ends early the reservations are moved forward one after the other, in the order of submission, each
past the others as they stand. Source: A. Mu'alem and D. Feitelson, IEEE TPDS 12(6), 2001, section 2.
"""

from bisect import bisect_left, bisect_right

from launchyard.policy.processors import Rigid


class Profile:
    """How many processors are free from when on: `times[n]` to `times[n + 1]`, the last for ever."""

    def __init__(self, total: int) -> None:
        self._times = [0]
        self._free = [total]

    def forget(self, now: int) -> None:
        """Drop what lies in the past."""
        passed = bisect_right(self._times, now) - 1
        if passed > 0:
            del self._times[:passed]
            del self._free[:passed]
        self._times[0] = max(self._times[0], now)

    def add(self, start: int, end: int, processors: int) -> None:
        """So many more (or fewer, when negative) are free from `start` to `end`."""
        if start < end:
            first, last = self._cut(start), self._cut(end)
            for n in range(first, last):
                self._free[n] += processors
            self._join(last)
            self._join(first)

    def earliest(self, now: int, seconds: int, processors: int) -> int:
        """The first time from which so many are free for so long."""
        times, free = self._times, self._free
        at = bisect_right(times, now) - 1
        start: int | None = None
        while at < len(times):
            if free[at] < processors:
                start = None
            elif start is None:
                start = max(now, times[at])
            at += 1
            if start is not None and at < len(times) and times[at] >= start + seconds:
                return start
        assert start is not None, "everything ends, so the last stretch has all processors free"
        return start

    def earlier(self, now: int, start: int, seconds: int, processors: int) -> int:
        """The first time at which a job that has its place from `start` on could begin: `start`, or earlier.

        What it has from `start` on is its own, so it is enough to look before that.
        """
        begin: int | None = None
        for at, free in zip(self._times, self._free, strict=True):
            if at >= start or (begin is not None and at >= begin + seconds):
                break
            if free < processors:
                begin = None
            elif begin is None:
                begin = max(now, at)
        return start if begin is None else begin

    def _join(self, n: int) -> None:
        """Two stretches with as much free are one."""
        if 0 < n < len(self._times) and self._free[n] == self._free[n - 1]:
            del self._times[n], self._free[n]

    def _cut(self, at: int) -> int:
        n = bisect_left(self._times, at)
        if n == len(self._times) or self._times[n] != at:
            self._times.insert(n, at)
            self._free.insert(n, self._free[n - 1])
        return n


class Conservative:
    """The reservations of all waiting jobs."""

    def __init__(self, total: int) -> None:
        self._profile = Profile(total)
        self._start_of: dict[int, int] = {}
        self._waiting: dict[int, Rigid] = {}

    def submitted(self, job: Rigid, now: int) -> int:
        """The job gets the earliest start that moves nobody."""
        self._profile.forget(now)
        start = self._place(job, now)
        self._waiting[job.number] = job
        return start

    def is_due(self, job: Rigid, now: int) -> bool:
        """Whether the job starts now; then its place is taken."""
        if job.number not in self._waiting or self._start_of[job.number] != now:
            return False
        del self._waiting[job.number]
        return True

    def ended(self, job: Rigid, now: int) -> list[tuple[Rigid, int]]:
        """The job ended; the answer are jobs with an earlier start than before."""
        self._profile.forget(now)
        self._profile.add(now, self._start_of.pop(job.number) + job.predicted_s, job.processors)
        moved: list[tuple[Rigid, int]] = []
        for waiting in self._waiting.values():
            before = self._start_of[waiting.number]
            if before <= now:
                continue
            start = self._profile.earlier(now, before, waiting.predicted_s, waiting.processors)
            if start != before:
                self._profile.add(before, before + waiting.predicted_s, waiting.processors)
                self._keep(waiting, start)
                moved.append((waiting, start))
        return moved

    def _place(self, job: Rigid, now: int) -> int:
        start = self._profile.earliest(now, job.predicted_s, job.processors)
        self._keep(job, start)
        return start

    def _keep(self, job: Rigid, start: int) -> None:
        self._profile.add(start, start + job.predicted_s, -job.processors)
        self._start_of[job.number] = start
