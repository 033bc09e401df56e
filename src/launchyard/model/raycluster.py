"""Jobs that ask for a Ray cluster of their own, and what all others are told of Ray."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.job import Job, JobKind
from launchyard.model.number import shown

KEY = "launchyard.ray"
"""The key of a job's metadata."""
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_OF_CLUSTER = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_JOB_CONFIG_JSON_ENV_VAR")
_CONTAINERS = {"image_uri", "container"}
IN_CLUSTER = "LAUNCHYARD_RAY"
"""Set where a cluster of ours runs: what a job that is submitted there brings along of it is not its own."""
COUNTING = str(Path(__file__).resolve().parents[1] / "injob")
"""A directory for PYTHONPATH."""


def asks(job: Job) -> bool:
    """Whether a Ray cluster is to be started for it."""
    return _WORDS.get(job.metadata.get(KEY, "").strip().lower(), False)


def mode_of(job: Job) -> str | None:
    """`command`: before its command; `hold`: it is nothing but a cluster for clients; None: no Ray."""
    if not asks(job):
        return None
    return "hold" if job.kind is JobKind.DRIVER else "command"


def is_driver(job: Job) -> bool:
    """Whether Ray's clients are told of it as of a driver: a cluster that others are attached to."""
    return mode_of(job) == "hold"


def driver_id(job_id: int) -> str:
    """A job's number as Ray writes that of a driver: job 10 is `0a000000`."""
    return job_id.to_bytes(max(4, (job_id.bit_length() + 7) // 8), "little").hex()


def with_wish(metadata: Mapping[str, str], runtime_env: Mapping[str, Any] | None) -> Mapping[str, str]:
    """The metadata, with the wish of the runtime environment's key `launchyard` too. Raises `Invalid`."""
    typed = (runtime_env or {}).get("launchyard")
    if isinstance(typed, dict) and "ray" in typed:
        wish = typed["ray"]
        if not isinstance(wish, bool):
            raise Invalid(f"runtime_env.launchyard.ray is {shown(str(wish))}; write true or false")
        if KEY in metadata and _WORDS.get(metadata[KEY].strip().lower()) is not wish:
            raise Invalid("launchyard.ray is given in metadata and in runtime_env; leave one out")
        metadata = {KEY: "true" if wish else "false", **metadata}
    if KEY in metadata and metadata[KEY].strip().lower() not in _WORDS:
        raise Invalid(f"metadata {shown(KEY)} is {shown(metadata[KEY])}; write true or false")
    if _WORDS.get(metadata.get(KEY, "").strip().lower()) and _CONTAINERS & set(runtime_env or ()):
        raise Invalid("a job in a container gets no Ray cluster; leave out --ray, or the container's image")
    return metadata


def without_other(variables: Mapping[str, str]) -> dict[str, str]:
    """What a job brings along, without the cluster of the job it was submitted from."""
    if IN_CLUSTER not in variables:
        return dict(variables)
    return {
        name: value for name, value in variables.items() if name not in _OF_CLUSTER and name != IN_CLUSTER
    }


def with_counting(path: str | None) -> str:
    """A PYTHONPATH by which Ray in a job counts the CPUs of the job (see the module there)."""
    kept = [one for one in (path or "").split(":") if one and one != COUNTING]
    return ":".join([*kept, COUNTING])
