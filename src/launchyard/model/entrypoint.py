"""What a job of the Ray Jobs API finds when it starts: a first line in its log, and variables of Ray's.

Programs look for the line `Running entrypoint for job ...` that Ray writes. The shell that writes it becomes
the job's own shell, so nothing of it is left while the entrypoint runs. RAY_ADDRESS is not set, for
`ray.init()` would look for a cluster there, unless the job asked for one: then `raycluster.head` sets it.
"""

import json
from collections.abc import Mapping
from typing import Any

from launchyard.model.job import Job
from launchyard.model.raycluster import asks

CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""What `ray.init()` reads: metadata and runtime environment of the job that it is called in."""
_ANNOUNCE = 'printf "Running entrypoint for job %s: %s\\n" "$1" "$2"; shift 2; exec "$@"'


def argv_of(job: Job) -> tuple[str, ...]:
    """What is executed: the job's command, after the line that names it."""
    if job.entrypoint is None or not job.command:
        return job.command
    named = (job.submission_id or str(job.id), job.command[-1])
    return ("/bin/sh", "-c", _ANNOUNCE, "launchyard", *named, *job.command)


def variables_of(job: Job) -> dict[str, str]:
    """What goes under the job's own variables."""
    if job.entrypoint is None and not asks(job):
        return {}
    name = job.submission_id or str(job.id)
    metadata = {"job_submission_id": name, "job_name": name, **job.metadata}
    config = {"runtime_env": {}, "metadata": metadata}
    return {"PYTHONUNBUFFERED": "1", CONFIG: json.dumps(config, ensure_ascii=False)}


def with_env_vars(variables: Mapping[str, str], env_vars: Mapping[str, str]) -> dict[str, str]:
    """The same, with what `ray.init()` is told of the job's runtime environment.

    That is its variables, as they are. Its files and packages are there already for all of the job, and Ray
    would look for them in its own store.
    """
    if CONFIG not in variables or not env_vars:
        return dict(variables)
    config = json.loads(variables[CONFIG])
    told = {name: variables[name] for name in env_vars if name in variables}
    return {
        **variables,
        CONFIG: json.dumps({**config, "runtime_env": {"env_vars": told}}, ensure_ascii=False),
    }


def entrypoint_extras(job: Job) -> dict[str, Any]:
    """What its start has beyond that of others, in keys of `engine.protocol.Launch`.

    It starts at home because nobody said where; who has no home starts where everybody may.
    """
    return {} if job.entrypoint is None else {"working_dir_else": "/tmp"}  # noqa: S108
