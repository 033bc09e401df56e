"""How often somebody may fail to log in: by where the tries come from, and by whom they are for."""

from collections import OrderedDict

from launchyard.model.errors import Unavailable

FAILURES_MAX = 10
WINDOW_S = 300.0
KEYS_MAX = 10_000


class TooManyTries(Unavailable):
    """Too many failures lately."""

    status = 429
    code = "too-many-tries"
    retry_after_s = int(WINDOW_S)


class Tries:
    """Failures by key, each forgotten after a while. What succeeds is never refused for others' failures."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()

    def refuse(self, key: tuple[str, ...], now: float) -> None:
        """Raises `TooManyTries`."""
        if len(self._recent(key, now)) >= FAILURES_MAX:
            raise TooManyTries(
                f"too many failed logins; wait {WINDOW_S / 60:g} min, or take a new link: ly open"
            )

    def failed(self, key: tuple[str, ...], now: float) -> None:
        self._failures[key] = [*self._recent(key, now), now][-FAILURES_MAX:]
        self._failures.move_to_end(key)
        while len(self._failures) > KEYS_MAX:
            self._failures.popitem(last=False)

    def _recent(self, key: tuple[str, ...], now: float) -> list[float]:
        return [at for at in self._failures.get(key, ()) if now - at < WINDOW_S]
