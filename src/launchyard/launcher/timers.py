"""What is to happen when, on the boot clock."""

import heapq

from launchyard.launcher.kernel import boot_clock


class Timers:
    """A heap of (time, launch id, kind). Nothing is taken back: who handles one checks whether it holds."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, str]] = []

    def at(self, when: float, l: str, kind: str) -> None:
        heapq.heappush(self._heap, (when, l, kind))

    def after(self, delay_s: float, l: str, kind: str) -> None:
        self.at(boot_clock() + delay_s, l, kind)

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
