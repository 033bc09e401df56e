"""What is to happen when, on the boot clock."""

import heapq
from collections.abc import Container

from launchyard.launcher.kernel import boot_clock

_FEW = 1024
_SHORT = ("attendant", "runner")
"""Kinds that are due soon anyway, and are for no launch."""


class Timers:
    """A heap of (time, launch id, kind). Who handles one checks whether it still holds.

    Most jobs end long before their limit, so `tidy` takes out what is for nobody any more.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, str]] = []
        self._tidy_from = _FEW

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, when: float, l: str, kind: str) -> None:
        heapq.heappush(self._heap, (when, l, kind))

    def after(self, delay_s: float, l: str, kind: str) -> None:
        self.at(boot_clock() + delay_s, l, kind)

    def tidy(self, live: Container[str]) -> None:
        """Only these launches are there. Looks once there are twice as many as at the last look."""
        if len(self._heap) <= self._tidy_from:
            return
        self._heap = [one for one in self._heap if one[1] in live or one[2] in _SHORT]
        heapq.heapify(self._heap)
        self._tidy_from = 2 * len(self._heap) + _FEW

    def due(self, now: float) -> list[tuple[str, str]]:
        """(launch id, kind) of everything up to `now`, in order, taken off."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            _, l, kind = heapq.heappop(self._heap)
            found.append((l, kind))
        return found

    def wait_s(self, now: float, at_most_s: float) -> float:
        """How long nothing is due."""
        if not self._heap:
            return at_most_s
        return min(at_most_s, max(0.0, self._heap[0][0] - now))
