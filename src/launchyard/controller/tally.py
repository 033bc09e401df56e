"""How many live jobs are in each state, by user and account: kept as they move, since many ask often."""

from collections.abc import Callable

from launchyard.model.job import Job
from launchyard.model.state import JobState


class Tally:
    """`move` each job with each change; those whose numbers come to nothing are forgotten."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str | None, JobState], int] = {}

    def move(self, before: Job | None, after: Job | None) -> None:
        """A job as it was counted, and as it is now; None: not yet, or not any more."""
        was = None if before is None else (before.uid, before.account, before.state)
        now = None if after is None else (after.uid, after.account, after.state)
        if was == now:
            return
        if was is not None:
            left = self._counts[was] - 1
            if left:
                self._counts[was] = left
            else:
                del self._counts[was]
        if now is not None:
            self._counts[now] = self._counts.get(now, 0) + 1

    def of(self, counts: Callable[[int, str | None], bool]) -> dict[JobState, int]:
        """Those of which `counts(uid, account)` holds."""
        found: dict[JobState, int] = {}
        for (uid, account, state), count in self._counts.items():
            if counts(uid, account):
                found[state] = found.get(state, 0) + count
        return found
