"""Duty, each second: waiting jobs that can no longer end by their deadline end now."""

from dataclasses import replace
from signal import SIGKILL

from launchyard.controller.loop import Loop
from launchyard.model.event import MissedDeadline
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.policy import arrays, deadlines
from launchyard.policy.lifecycle import apply


def look(loop: Loop) -> None:
    """By the wall clock, since that is what people name."""
    now = loop.now()
    for job_id in list(loop.live.deadlines):
        job = loop.live.jobs[job_id]
        waits = job.array is not None and len(job.array.waiting) and not job.ended
        if not waits and (job.state is not JobState.PENDING or job.array is not None):
            continue
        sentence = deadlines.missed(job, now)
        if sentence is not None:
            _end(loop, job, sentence, now)


def _end(loop: Loop, job: Job, sentence: str, now: float) -> None:
    if job.array is None and job.handed is not None:
        launch_id, stop = job.handed.launch_id, loop.clusters.of(job).engine.stop
        loop.effect(lambda: stop(launch_id, signal=SIGKILL, grace_s=0))
    if job.array is None:
        loop.move(apply(job, MissedDeadline(sentence=sentence), now))
        return
    record = arrays.end_waiting(job, JobState.DEADLINE, now, sentence)
    loop.move(replace(record, held=False))
