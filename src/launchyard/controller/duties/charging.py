"""Duty, each minute: charge what runs, and let those who used less than their share go first.

What a job used until its end is charged with its end; this keeps the books of long jobs current, and is all
that a crash of the daemon could delay.
"""

from collections.abc import Callable

from launchyard.controller.loop import Loop

EVERY_S = 60.0


class Charging:
    """`clock`: seconds that no setting of the date moves."""

    def __init__(self, loop: Loop, clock: Callable[[], float], every_s: float = EVERY_S) -> None:
        self._loop = loop
        self._clock = clock
        self._every_s = every_s
        self._last = clock()

    def look(self) -> None:
        if self._clock() - self._last >= self._every_s:
            self._last = self._clock()
            charge(self._loop)


def charge(loop: Loop) -> None:
    """Charge up to now, and line up anew whose place that changed."""
    live, now = loop.live, loop.now()
    moved = live.parties.charge(now)
    live.parties.forget(live.jobs.values())
    if live.ordering.changes_with_time():
        moved = set(live.parties.standings)
    live.stand_anew(moved, now)
    if moved:
        loop.plan_soon()
    if live.parties.owes:
        loop.touch()
