"""What this server did since it began, or since somebody set the counters back: for those who look on."""

from collections.abc import Sequence

from launchyard.model.event import StateChanged
from launchyard.model.state import JobState

WORDS = {
    JobState.STARTING: "started",
    JobState.COMPLETED: "completed",
    JobState.CANCELLED: "cancelled",
    JobState.FAILED: "failed",
    JobState.TIMEOUT: "failed",
    JobState.OUT_OF_MEMORY: "failed",
    JobState.NODE_FAIL: "failed",
    JobState.DEADLINE: "failed",
    JobState.LOST: "failed",
}


class Counters:
    """Jobs by what became of them, and planning passes (`cycles`) with the seconds that they took."""

    def __init__(self, now: float) -> None:
        self.reset(now)

    def reset(self, now: float) -> None:
        self.since = now
        self.jobs = {"submitted": 0, **dict.fromkeys(WORDS.values(), 0)}
        self.cycles = 0
        self.last_at: float | None = None
        self.last_s = self.max_s = self.total_s = 0.0
        self.last_depth = self.total_depth = self.planned = 0

    def count(self, events: Sequence[StateChanged]) -> None:
        """Jobs moved."""
        for event in events:
            if event.previous is None:
                self.jobs["submitted"] += 1
            elif word := WORDS.get(event.state):
                self.jobs[word] += 1

    def cycle(self, at: float, seconds: float, depth: int, starts: int) -> None:
        """One pass over `depth` waiting jobs is over."""
        self.cycles += 1
        self.last_at, self.last_s, self.last_depth = at, seconds, depth
        self.max_s = max(self.max_s, seconds)
        self.total_s += seconds
        self.total_depth += depth
        self.planned += starts
