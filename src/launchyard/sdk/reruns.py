"""Submitting again what was submitted before: a job, the tasks of an array, or those of them that failed."""

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from launchyard.model.array import Indexes, format_indexes, normalised, parse_indexes
from launchyard.model.errors import Conflict, Invalid, NotFound
from launchyard.sdk.jobs import RERUN_OF, Job, latest
from launchyard.sdk.submission import JobOptions, job_body

if TYPE_CHECKING:
    from launchyard.sdk.client import Client

FAILED = frozenset({"FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "DEADLINE", "LOST"})
NAMES = ("name", "account", "partition", "qos", "group", "nice", "working_dir", "requeue")
FOREIGN = ("slurm.",)
"""Metadata that belongs to one submission alone."""


def rerun_body(
    client: "Client", job: int | str, changes: JobOptions, *, failed: bool = False
) -> dict[str, Any]:
    """What to submit. Variables of the environment are not told by the server, so not in it.

    `failed`: only the tasks that failed. Raises `Conflict` when none did.
    """
    old = client.job(job)
    if old.get("parts"):
        raise Invalid(f"job {old.id} is of several unlike parts; submit it anew by sbatch")
    if old.kind == "session":
        raise Conflict(f"job {old.id} is a session; start it again by ly session relaunch {old.id}")
    options: dict[str, Any] = {**_options_of(old), **_array_of(client, old, failed=failed)}
    if (runtime_env := _runtime_env(client, old)) is not None:
        options["runtime_env"] = runtime_env
    options.update(changes)
    text = old.command or ""
    words = shlex.split(text)
    if old.kind == "batch":
        return job_body(None, cast(JobOptions, options), script=client.script(job), arguments=words)
    # What needs no shell to be read back was a list, or might as well have been one.
    return job_body(words if shlex.join(words) == text else text, cast(JobOptions, options))


def failed_ones(jobs: Iterable[Job]) -> list[Job]:
    """Those of a group that failed, or of which tasks have, and that were not run again."""
    return [job for job in latest(jobs) if job.state in FAILED or FAILED & _counts(job).keys()]


def _counts(job: Job) -> dict[str, int]:
    """How many tasks of an array are in each state."""
    return dict((job.array or {}).get("counts") or {})


def _options_of(job: Job) -> dict[str, Any]:
    """A job's own JSON as the options that make another one like it."""
    resources = job.resources or {}
    options: dict[str, Any] = {name: job.get(name) for name in NAMES}
    options.update(cpus=resources.get("cpus"), memory=resources.get("memory_mib") or None)
    options.update(gpus=resources.get("gpus") or None)
    options |= {name: value for name, value in resources.items() if name not in ("memory_mib", "gpus")}
    if job.time_limit_s is not None:
        options["time_limit"], options["time_min"] = job.time_limit_s, job.get("time_min_s")
    if retries := job.get("retries"):
        options["retries"] = f"{retries['count']}:{retries['backoff_s']}s"
        options["retry_on"] = retries["on"]
    kept = {key: value for key, value in (job.metadata or {}).items() if not key.startswith(FOREIGN)}
    options["metadata"] = {**kept, RERUN_OF: str(job.id)}
    return options


def _array_of(client: "Client", job: Job, *, failed: bool) -> dict[str, Any]:
    """The indexes to run again: of a task its own, of an array all, or those that failed."""
    array = job.array
    if failed and not (array and array.index is None):
        if job.state not in FAILED:
            raise Conflict(f"job {job.key} did not fail: it is {job.state}")
        failed = False
    if not array:
        return {}
    if array.index is not None:
        return {"array": str(array.index)}
    tasks = client.jobs(array=job.id)
    indexes = _indexes(task.array["index"] for task in tasks if not failed or task.state in FAILED)
    if failed and not indexes:
        raise Conflict(f"no task of job {job.id} has failed")
    if not failed:
        others = [array.get("pending"), array.get("never_started")]
        ranges = [range_ for text in others if text for range_ in parse_indexes(text)[0].ranges]
        indexes = normalised([*indexes.ranges, *ranges])
    return {"array": format_indexes(indexes, array.get("throttle"))}


def _indexes(numbers: Iterable[int]) -> Indexes:
    return normalised((number, number, 1) for number in numbers)


def _runtime_env(client: "Client", job: Job) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.transport.json("GET", f"/v1/jobs/{job.id}/runtime-env")
    except NotFound:
        return None
    return found
