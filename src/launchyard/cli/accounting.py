"""Ended jobs of a server as a workload trace, so that they can be replayed under another policy.

The Standard Workload Format has whole processors and whole seconds: a CPU is a thousand processors here, and
what ran for less than a second counts as one. Memory, GPUs, holds and dependencies are not in it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from launchyard.cli.output.units import at
from launchyard.model.errors import Invalid
from launchyard.sdk.jobs import is_live

CPU = 1000
UNLIMITED_S = 7 * 86_400
"""What a job without a time limit counts as, for policies that plan with it."""


def trace_text(jobs: Iterable[Mapping[str, Any]], cpus: float) -> tuple[str, Counter[str]]:
    """The trace, and how many jobs were left out for which reason. Raises `Invalid` when none is left."""
    left_out: Counter[str] = Counter()
    kept = []
    for job in jobs:
        if (job.get("array") or {}).get("index") is None and job.get("array") is not None:
            # The tasks of an array are jobs of their own; its record ran nothing.
            continue
        if why := _unfit(job, cpus):
            left_out[why] += 1
        else:
            kept.append(job)
    if not kept:
        raise Invalid(f"there is no ended job to replay{_reasons(left_out)}")
    kept.sort(key=lambda job: int(job["id"]))
    first = min(at(job["submitted_at"]) or 0.0 for job in kept)
    users = {name: n for n, name in enumerate(sorted({str(job.get("user")) for job in kept}), start=1)}
    head = [f"; MaxProcs: {round(cpus * CPU)}", f"; ProcsPerCpu: {CPU}"]
    head += [f"; User: {n} {'_'.join(name.split())}" for name, n in users.items()]
    lines = [_line(job, first, users[str(job.get("user"))]) for job in kept]
    return "\n".join([*head, *lines, ""]), left_out


def left_out_sentence(left_out: Mapping[str, int]) -> str:
    """`Left out: 3 never started, 1 asked for no CPU.` Empty when none was."""
    return f"Left out{_reasons(left_out)}." if left_out else ""


def _reasons(left_out: Mapping[str, int]) -> str:
    return ": " + ", ".join(f"{count} {why}" for why, count in left_out.items()) if left_out else ""


def _unfit(job: Mapping[str, Any], cpus: float) -> str:
    """Why a job cannot be replayed."""
    asked = (job.get("resources") or {}).get("cpus") or 0
    if is_live(job):
        return "not ended"
    if job.get("state") == "LOST":
        return "with an unknown end"
    if job.get("started_at") is None or job.get("ended_at") is None:
        return "never started"
    if not asked:
        return "without a CPU"
    return "larger than the cluster is now" if asked > cpus else ""


def _line(job: Mapping[str, Any], first: float, user: int) -> str:
    """The 18 fields; -1 is unknown."""
    submitted, started, ended = (at(job[name]) or 0.0 for name in ("submitted_at", "started_at", "ended_at"))
    submit = round(submitted - first)
    run = max(1, round(ended - started))
    size = max(1, round(job["resources"]["cpus"] * CPU))
    requested = max(1, round(job.get("time_limit_s") or UNLIMITED_S))
    completed = int(job.get("state") == "COMPLETED")
    fields = [job["id"], submit, max(0, round(started - submitted)), run, size, -1, -1, size, requested]
    return " ".join(map(str, [*fields, -1, completed, user, -1, -1, -1, -1, -1, -1]))
