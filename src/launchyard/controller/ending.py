"""Sessions whose time is nearly over: who works in them is told a while before.

Limits are changed from several sides (more time, a shorter limit, a job that stood still), so it is looked at
anew each second instead of once by a timer; there are few sessions.
"""

from collections.abc import Callable, Iterable

from launchyard.model.job import Job
from launchyard.policy.sessions import nears_end


class Endings:
    """`told` hears that a session was warned, and that it has more time again."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self._told = told
        self._warned: set[int] = set()

    def look(self, sessions: Iterable[Job], now: float) -> None:
        """Once for each time that one comes near its end."""
        near = {job.id: nears_end(job, now) for job in sessions}
        moved = [job_id for job_id, is_near in near.items() if is_near != (job_id in self._warned)]
        self._warned = {job_id for job_id, is_near in near.items() if is_near}
        for job_id in moved:
            self._told(job_id)
