"""Duty: jobs whose engine has been silent for very long are told as lost, by rule and never by guess.

What became of them is not known, so they are neither failed nor run again. An engine that comes back sooner
tells what became of each.
"""

from launchyard.controller.loop import Loop
from launchyard.model.event import Exited
from launchyard.model.walltime import humane
from launchyard.policy.lifecycle import apply

LOST_AFTER_S = 7 * 24 * 3600.0


def look(loop: Loop) -> None:
    """By the wall clock; the silence is counted from the start of this server at the earliest."""
    now = loop.now()
    silent = {one.name for one in loop.clusters if now - (one.lost_since or now) > LOST_AFTER_S}
    if not silent:
        return
    error = f"its engine has not answered for {humane(LOST_AFTER_S)}, so its exit code is not known"
    for job_id in list(loop.live.by_launch.values()):
        job = loop.live.jobs[job_id]
        if job.cluster in silent and not job.ended:
            loop.move(apply(job, Exited(at=now, lost=True, error=error), now))
