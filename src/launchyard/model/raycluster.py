"""Jobs that ask for a Ray cluster of their own, and what all others are told of Ray."""

import json
from collections.abc import Mapping
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
TMPDIR_MAX = 34
"""So long may TMPDIR be for `ray/session_.../sockets/plasma_store.1` to fit behind it."""


def asks(job: Job) -> bool:
    """Whether a Ray cluster is to be started for it."""
    return _WORDS.get(job.metadata.get(KEY, "").strip().lower(), False)


def mode_of(job: Job) -> str | None:
    """`command`: before its command; `hold`: it is nothing but a cluster for clients; None: no Ray."""
    if not asks(job):
        return None
    return "hold" if job.kind is JobKind.DRIVER else "command"


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


def variables_for_ray(job: Job, state: str | None) -> dict[str, str]:
    """So that `ray.init()` in a job counts the CPUs of the job, and finds room for its sockets.

    Ray does not look at CPU affinity, nor at any cgroup but the machine's own. It keeps sockets below TMPDIR,
    and the kernel allows their paths 107 bytes: where the job's own (in the `state` directory) leaves too
    few, Ray gets a directory in /tmp, of this attempt alone.
    """
    if job.attempt is None:
        return {}
    launch_id = job.attempt.launch_id
    deep = state is not None and len("/".join((state, "tmp", launch_id))) > TMPDIR_MAX
    cpus = max(1, -(-job.attempt.allocation.shares[0].cpus_milli // 1000))
    return {
        "RAY_OVERRIDE_RESOURCES": json.dumps({"CPU": cpus}),
        **({"RAY_TMPDIR": f"/tmp/ly-{launch_id}"} if deep else {}),  # noqa: S108 - as Ray does it by itself
    }
