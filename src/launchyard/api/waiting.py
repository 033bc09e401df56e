"""What a waiting job can expect, as JSON: why it waits, when it may start, and what would start it sooner."""

from typing import Any

from launchyard.controller.outlook import Outlook
from launchyard.model.growth import short_memory
from launchyard.model.job import Job
from launchyard.model.resources import format_cpus
from launchyard.model.walltime import format_walltime
from launchyard.model.when import rfc3339
from launchyard.policy.case import key_of
from launchyard.policy.catalogue import address_of_wait
from launchyard.policy.suggest import Suggestion
from launchyard.wire.job import cpus_json, estimate_json, time_json


def wait_json(job: Job, outlook: Outlook) -> dict[str, Any]:
    """`wire.shapes.Why` of a job that waits, or runs."""
    reason, record = outlook.reason, outlook.record
    return {
        "id": job.id,
        "state": job.state,
        "code": None if reason is None else reason.code,
        "type": None if reason is None else address_of_wait(reason.code),
        "reason": None if reason is None else reason.sentence,
        "estimate": None if reason is None else estimate_json(reason.estimate),
        "record": None if record is None else {"right": record.right, "count": record.count},
        "ahead": {"count": outlook.ahead_count, "jobs": list(outlook.ahead)},
        "overtaken_until": time_json(outlook.overtaken_until),
        "sooner": [suggestion_json(job, one) for one in outlook.sooner],
        "cause": job.cause,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "line": None,
        "command": None,
        "log_unread": None,
    }


def suggestion_json(job: Job, one: Suggestion) -> dict[str, Any]:
    """`wire.shapes.Sooner`: what to change, in words of the API and as a command."""
    update = one.update
    changes: dict[str, Any] = {}
    options: list[str] = []
    if update.time_limit_s is not None:
        changes["time_limit_s"] = update.time_limit_s
        options.append(f"-t {format_walltime(update.time_limit_s)}")
    if update.cpus_milli is not None:
        changes["cpus"] = cpus_json(update.cpus_milli)
        options.append(f"-c {format_cpus(update.cpus_milli)}")
    if update.memory_mib is not None:
        changes["memory_mib"] = update.memory_mib
        options.append(f"--mem {short_memory(update.memory_mib)}")
    if update.gpus is not None:
        changes["gpus"] = update.gpus
        options.append(f"--gpus {update.gpus}")
    if update.partition is not None:
        changes["partition"] = update.partition
        options.append(f"-p {update.partition}")
    return {
        "start": rfc3339(one.start),
        "changes": changes,
        "command": " ".join([f"ly update {key_of(job)}" if job.id else "ly submit", *options]),
    }
