"""Jobs of today: one of each end, what runs and waits, two arrays; made by the moves that are possible."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.dependency import parse_dependency
from launchyard.model.event import (
    Allocated,
    Cancelled,
    Exited,
    JobEvent,
    MainEnded,
    MissedDeadline,
    NodeLost,
    Started,
    Suspended,
)
from launchyard.model.job import Job, JobKind
from launchyard.model.resources import Allocation, NodeShare, Request, Usage
from launchyard.model.retries import Retries
from launchyard.model.state import JobState
from launchyard.policy.lifecycle import apply, made_room_for
from tests.browser.still.history import COUNT
from tests.browser.still.moment import EPOCH, HOME, HOUR, MINUTE, NOW, OTHER_UID, OTHER_USER, UID, USER

LONG_NAME = "train-a-model-on-everything-there-is-and-give-it-a-name-of-eighty-characters-or-so"[:80]
SCRIPT = b"""#!/bin/bash
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=2:00:00
set -euo pipefail
source ~/proj/.venv/bin/activate
python train.py --epochs 40 --lr 3e-4 --out runs/$SLURM_JOB_ID
"""
SCRIPT_DIGEST = hashlib.sha256(SCRIPT).hexdigest()

_FIRST = COUNT + 1
COMPLETED, FAILED, CANCELLED, TIMEOUT, MEMORY, NODE_FAIL, PREEMPTED, DEADLINE, LOST = range(
    _FIRST, _FIRST + 9
)
RUNNING, LONG, SUSPENDED, STARTING, ENDING, FINETUNE, EMBED, SOON = range(_FIRST + 9, _FIRST + 17)
WAITING, HELD, AFTER, LATER, GPU, RETRIED, GROUPED, GROUPED_TOO = range(_FIRST + 17, _FIRST + 25)
CAPPED, GONE = range(_FIRST + 25, _FIRST + 27)
SWEEP, GRID = _FIRST + 40, _FIRST + 99
"""Two arrays, one at work and one that waits; tasks of the first follow it."""
NEXT = _FIRST + 100
"""Sessions have the ids from here on."""


def job(number: int, name: str, ago_s: float, **more: Any) -> Job:
    """One of Ada's that waits, submitted so many seconds ago."""
    given: dict[str, Any] = {
        "kind": JobKind.COMMAND,
        "user": USER,
        "uid": UID,
        "partition": "main",
        "command": ("python", f"{name[:20]}.py"),
        "working_dir": f"{HOME}/proj",
        "time_limit_s": 7200,
        "request": asked(2, 4),
        "eligible_at": NOW - ago_s,
    }
    return Job(id=number, name=name, submitted_at=NOW - ago_s, **{**given, **more})


def asked(cpus: float, gib: float, gpus: int = 0) -> Request:
    return Request(cpus_milli=round(cpus * 1000), memory_mib=round(gib * 1024), gpus=gpus)


def on(given: Job, node: str, waited_s: float = 20, gpus: tuple[int, ...] = ()) -> Job:
    """It got its place on this node and began."""
    at = given.submitted_at + waited_s
    share = NodeShare(
        node=node,
        cpus_milli=given.request.cpus_milli,
        memory_mib=given.request.memory_mib,
        gpu_ids=gpus,
    )
    launch_id = f"launch-{given.id}-{given.attempts + 1}"
    allocated = Allocated(launch_id=launch_id, epoch=EPOCH, allocation=Allocation(shares=(share,)))
    return moved(apply(given, allocated, at), Started(at=at + 1), at + 1)


def moved(given: Job, event: JobEvent, at: float) -> Job:
    return apply(given, event, at)


def ended(given: Job, after_s: float, used: Usage | None = None, **how: Any) -> Job:
    """Its processes ended so many seconds after it began."""
    assert given.started_at is not None
    at = given.started_at + after_s
    return apply(given, Exited(at=at, usage=used or Usage(cpu_s=after_s, memory_peak_mib=812), **how), at)


def present_jobs() -> list[Job]:
    """By id; the newest has the highest."""
    return [*_ended_jobs(), *_at_work(), *_waiting(), *_sweep(), _grid()]


def _ended_jobs() -> list[Job]:
    one: Callable[..., Job] = job
    hour = HOUR
    prepare = on(one(COMPLETED, "prepare", 7 * hour, script=SCRIPT_DIGEST, kind=JobKind.BATCH), "n1")
    train = on(one(FAILED, "train", 5 * hour), "n2")
    cancelled = on(one(CANCELLED, "explore", 6 * hour), "n1")
    slow = on(one(TIMEOUT, "simulate", 8 * hour), "n3")
    hungry = on(one(MEMORY, "join-tables", 4 * hour, request=asked(1, 1)), "n2")
    node = on(one(NODE_FAIL, "render-frames", 9 * hour), "n4")
    urgent = on(one(PREEMPTED, "background", 10 * hour, qos="normal"), "n3")
    late = one(DEADLINE, "report", 11 * hour, deadline_at=NOW - 8 * hour)
    lost = on(one(LOST, "collect", 12 * hour), "n1")
    asks = replace(urgent, stop_requested=made_room_for(RUNNING, again=False))
    missed = MissedDeadline(sentence="could not end any more by its deadline")
    return [
        ended(prepare, 1260, Usage(cpu_s=2100, memory_peak_mib=3120), exit_code=0),
        ended(train, 12, Usage(cpu_s=9, memory_peak_mib=410), exit_code=1),
        ended(replace(cancelled, stop_requested=f"cancelled by {USER}"), 930, signal=15),
        ended(slow, 7200, Usage(cpu_s=14_000, memory_peak_mib=2048), timed_out=True, signal=15),
        ended(hungry, 42, Usage(cpu_s=40, memory_peak_mib=1024), out_of_memory=True, signal=9),
        moved(node, NodeLost(sentence="node n4 stopped answering"), NOW - 8.5 * hour),
        ended(asks, 1800, signal=15),
        moved(late, missed, NOW - 8 * hour),
        ended(lost, 300, lost=True),
        ended(on(one(CAPPED, "verbose", 13 * hour), "n3"), 700, log_full=True, signal=9),
        ended(on(one(GONE, "crawl", 14 * hour), "n3"), 900, exit_code=3),
    ]


def _at_work() -> list[Job]:
    train = on(job(RUNNING, "train", 26 * MINUTE, request=asked(8, 16), script=SCRIPT_DIGEST), "n1")
    long = on(job(LONG, LONG_NAME, 3 * HOUR, request=asked(10, 20), time_limit_s=86_400), "n2")
    still = on(job(SUSPENDED, "calibrate", 50 * MINUTE, request=asked(4, 8)), "n3")
    begins = job(STARTING, "mesh", 3, request=asked(8, 8))
    share = NodeShare(node="n3", cpus_milli=8000, memory_mib=8192)
    ends = on(job(ENDING, "compress", 40 * MINUTE, request=asked(4, 4)), "n3")
    tune = job(FINETUNE, "finetune", 2 * HOUR, request=asked(24, 96, 1), partition="gpu", time_limit_s=14_400)
    embed = job(EMBED, "embed", 70 * MINUTE, request=asked(8, 48, 1), partition="gpu", time_limit_s=7200)
    soon = job(SOON, "nightly-tests", 111 * MINUTE, request=asked(0, 1), time_limit_s=7200)
    placed = Allocated(launch_id=f"launch-{STARTING}-1", epoch=EPOCH, allocation=Allocation(shares=(share,)))
    return [
        train,
        long,
        moved(still, Suspended(), NOW - 10 * MINUTE),
        moved(begins, placed, NOW - 2),
        moved(ends, MainEnded(), NOW - 1),
        replace(on(tune, "g1", gpus=(0,)), user=OTHER_USER, uid=OTHER_UID),
        replace(on(embed, "g1", gpus=(1,)), stale_since=NOW - 4 * MINUTE),
        on(soon, "n1", waited_s=1),
    ]


def _waiting() -> list[Job]:
    again = on(job(RETRIED, "download", 2 * HOUR, retries=Retries(count=3, backoff_s=1800)), "n2")
    first, second = (job(one, "ablation", 9 * MINUTE, group="ablation") for one in (GROUPED, GROUPED_TOO))
    return [
        job(WAITING, "evaluate", 12 * MINUTE, request=asked(6, 8)),
        job(HELD, "publish", 30 * MINUTE, held=True),
        job(AFTER, "summarise", 11 * MINUTE, dependency=parse_dependency(f"afterok:{RUNNING}")),
        job(LATER, "nightly", 10 * MINUTE, begin_at=NOW + 9 * HOUR),
        job(GPU, "train-large", 20 * MINUTE, request=asked(8, 64, 1), partition="gpu", time_limit_s=14_400),
        ended(again, 110 * MINUTE, exit_code=7),
        ended(on(replace(first, submitted_at=NOW - 3 * HOUR), "n1"), 600, exit_code=0),
        second,
    ]


def _sweep() -> list[Job]:
    """48 of its 200 tasks are done, 8 run, one failed."""
    states = [JobState.COMPLETED] * 48 + [JobState.FAILED] + [JobState.RUNNING] * 8
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    waiting = Indexes(((len(states) + 1, 200, 1),))
    array = Array(waiting=waiting, size=200, first=1, last=200, throttle=8, counts=counts)
    begun = NOW - 4 * MINUTE
    record = job(SWEEP, "sweep-lr", 5 * MINUTE, request=asked(1, 2), array=array)
    tasks = [_task(SWEEP + index, index, state) for index, state in enumerate(states, 1)]
    return [replace(record, state=JobState.RUNNING, started_at=begun), *tasks]


def _task(number: int, index: int, state: JobState) -> Job:
    alone = job(number, "sweep-lr", 5 * MINUTE, request=asked(1, 2), task=Task(job_id=SWEEP, index=index))
    running = on(alone, "n1", waited_s=MINUTE)
    code = {JobState.COMPLETED: 0, JobState.FAILED: 2}.get(state)
    return running if code is None else ended(running, 20 + index % 9, exit_code=code)


def _grid() -> Job:
    array = Array(waiting=Indexes(((0, 999, 1),)), size=1000, first=0, last=999, step=1)
    return job(GRID, "grid-search", 2 * MINUTE, request=asked(2, 4), array=array)


def cancel(given: Job) -> Job:
    """As it is once somebody asked for its end, before it has ended."""
    return moved(given, Cancelled(by=USER), NOW - 5)
