"""From a bound on a wait to a range that is right about eight times in ten, learnt from how earlier waits
went.

The bound is the wait if all that runs uses its whole time limit and nobody comes. What really happened to
earlier jobs, as a part of their bounds, says what to make of the next one: the shortest range that holds four
fifths of them. Source of the idea: split conformal prediction, Papadopoulos et al., ECML 2002.
"""

from bisect import bisect_left, insort
from collections import deque

from launchyard.model.reason import Estimate

SHARE = 0.8
"""How many of ten starts are to lie within the range, as a part."""
LEARNT_MIN = 30
"""With fewer waits than this nothing is learnt yet: from now to the bound, the bound most likely."""
LEARNT_MAX = 1_000
PAD_S = 60.0
"""Added to every wait, so that a wait of seconds against a bound of seconds teaches nothing wild."""


class Calibration:
    """The last waits as parts of their bounds. Kept in order beside their sequence: a range costs one
    walk."""

    def __init__(self) -> None:
        self._last: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._last)

    def learn(self, wait_s: float, bound_s: float) -> None:
        """A job that was to wait `bound_s` at the most waited `wait_s`."""
        part = (max(wait_s, 0.0) + PAD_S) / (max(bound_s, 0.0) + PAD_S)
        self._last.append(part)
        insort(self._sorted, part)
        if len(self._last) > LEARNT_MAX:
            oldest = self._last.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]

    def estimate(self, now: float, bound: float) -> Estimate:
        """The range for a job whose bound this is; times in seconds since 1970."""
        if len(self._sorted) < LEARNT_MIN:
            return Estimate(start=bound, low=now, high=bound)
        low, middle, high = self._range()
        base = bound - now + PAD_S
        low_s, middle_s, high_s = (max(0.0, base * part - PAD_S) for part in (low, middle, high))
        middle_s = min(max(middle_s, low_s), high_s)
        return Estimate(start=now + middle_s, low=now + low_s, high=now + high_s)

    def _range(self) -> tuple[float, float, float]:
        """The shortest range of parts that holds the share of them, and their median."""
        parts = self._sorted
        span = max(1, int(SHARE * len(parts)))
        at = min(range(len(parts) - span), key=lambda first: parts[first + span] - parts[first])
        return parts[at], parts[len(parts) // 2], parts[at + span]
