"""From the body of Ray's client to a submission like any other. Raises `Invalid`, one sentence each."""

import math
import re
import signal as signals
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.job import Entrypoint
from launchyard.model.number import shown
from launchyard.model.signals import parse_signal
from launchyard.model.submission import Submission
from launchyard.wire.convert import checked_name, to_submission
from launchyard.wire.decode import decode, did_you_mean, shown_value
from launchyard.wire.rayjobs import RayJob
from launchyard.wire.raykeys import body_of
from launchyard.wire.submit import SubmitJob

GRACE_S = 3.0
"""What Ray's clients expect between SIGTERM and SIGKILL."""
GRACE_MAX_S = 86_400.0
RUNTIME_ENV_MAX_BYTES = 1024 * 1024
DEPTH_MAX = 32

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_AWAITED = re.compile(r"(?<=:)[A-Za-z0-9._-]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+(_[0-9]+)?", re.ASCII)
_GPU_TYPE = "accelerator_type:"
_LABEL_GPU_TYPE = "ray.io/accelerator-type"
_LABEL_NODE = "ray.io/node-id"
_LABEL = re.compile(r"[A-Za-z0-9_.:=+-]+", re.ASCII)
_ONE_OF = re.compile(r"in\(([^()]*)\)", re.ASCII)


def read_job(data: object) -> RayJob:
    """The body, without its nulls. What Ray's own server says to an unknown key is said here too."""
    if not isinstance(data, dict):
        raise Invalid(f"the body must be an object, not {shown_value(data)}")
    given = {key: value for key, value in data.items() if value is not None}
    known = [field.name for field in fields(RayJob)]
    for key in given:
        if key not in known:
            hint = did_you_mean(key, known) or f"; known are {', '.join(known)}"
            what = f"got an unexpected keyword argument '{key[:80]}'{hint}"
            # The first words are those of older Pythons, the others those of newer ones.
            words = f"TypeError: __init__() got an unexpected keyword argument '{key[:80]}'"
            raise Invalid(f"{words} (TypeError: JobSubmitRequest.__init__() {what})")
    return decode(RayJob, given)


def asked_id(job: RayJob) -> str | None:
    """The submission id that was asked for; an empty one is none."""
    name = job.submission_id or job.job_id or None
    if name is not None and not (_ID.fullmatch(name) and name.strip(".")):
        raise Invalid(f"submission_id {shown(name)} must be 1 to 128 letters, digits, '.', '_' or '-'")
    return name


def awaited(job: RayJob) -> frozenset[str]:
    """The submission ids that its `after` names; Ray's clients are told no other number of a job."""
    after = body_of(job.metadata, job.runtime_env).get("after", "")
    return frozenset(one for one in _AWAITED.findall(after) if not _NUMBER.fullmatch(one))


def to_job(job: RayJob, submission_id: str, numbers: Mapping[str, int] | None = None) -> Submission:
    """What is asked for, in our words. `numbers` are our ids of the jobs that it waits for."""
    known = numbers or {}
    asked = body_of(job.metadata, job.runtime_env)
    if "after" in asked:
        asked["after"] = _AWAITED.sub(lambda found: str(known.get(found[0], found[0])), asked["after"])
    if not job.entrypoint.strip():
        raise Invalid("entrypoint is empty; name a program to run")
    named = job.metadata.get("job_name")
    body = {
        **({"name": named} if named and _is_name(named) else {}),
        **asked,
        "command": job.entrypoint,
        "submission_id": submission_id,
        "metadata": {**asked.get("metadata", {}), **job.metadata},
        "resources": _resources(job, asked.get("resources", {})),
        "runtime_env": job.runtime_env or None,
    }
    submission = to_submission(decode(SubmitJob, body))
    variables = job.runtime_env.get("env_vars") or {}
    return replace(
        submission,
        keep_impossible=True,
        entrypoint=Entrypoint(stop_signal=_stop_signal(variables), grace_s=_grace_s(variables)),
    )


def _is_name(text: str) -> bool:
    try:
        return checked_name(text, "job_name") is not None
    except Invalid:
        return False


def _resources(job: RayJob, asked: Mapping[str, Any]) -> dict[str, Any]:
    """0 of something, as Ray's clients say it, is what we give to a job that does not ask."""
    found = dict(asked)
    if cpus := _amount("entrypoint_num_cpus", job.entrypoint_num_cpus):
        found["cpus"] = cpus
    if gpus := _amount("entrypoint_num_gpus", job.entrypoint_num_gpus):
        found["gpus"] = gpus
    if memory := _amount("entrypoint_memory", job.entrypoint_memory):
        found["memory_mib"] = math.ceil(memory / 2**20)
    licences: dict[str, int] = dict(found.get("licences", {}))
    for name, amount in job.entrypoint_resources.items():
        count = _amount(f"entrypoint_resources {shown(name)}", amount)
        if name.startswith(_GPU_TYPE):
            found["gpu_type"] = name.removeprefix(_GPU_TYPE)
        elif count and count != int(count):
            raise Invalid(f"entrypoint_resources {shown(name)} is {count:g}; ask for a whole number of it")
        elif count:
            licences[name] = int(count)
    if licences:
        found["licences"] = licences
    return _with_labels(found, job.entrypoint_label_selector)


def _amount(what: str, amount: float | None) -> float:
    if amount is not None and not 0 <= amount < 2**62:
        raise Invalid(f"{what} is {amount:g}; it is 0 or more")
    return amount or 0


def _with_labels(found: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Labels of Ray's are features of our nodes: `zone=a`, or `a` alone, by the label's value."""
    terms = [found["constraint"]] if "constraint" in found else []
    for label, value in labels.items():
        negated = value.startswith("!")
        wanted = value.removeprefix("!").strip()
        listed = _ONE_OF.fullmatch(wanted)
        values = [one.strip() for one in listed[1].split(",")] if listed else [wanted]
        if not all(_LABEL.fullmatch(one) and len(one) <= 63 for one in values) or not _is_label(label):
            raise Invalid(
                f"the label selector {shown(f'{label}: {value}')} is not understood; "
                "write a value, !value, in(a, b) or !in(a, b)"
            )
        if label == _LABEL_GPU_TYPE and not negated and len(values) == 1:
            found["gpu_type"] = values[0]
        elif label == _LABEL_NODE:
            found["exclude" if negated else "nodelist"] = values
        else:
            # A feature of ours has no slash.
            name = label.replace("/", ".")
            either = "|".join(f"{name}={one}" for one in values)
            terms.append(f"{'!' if negated else ''}({either})")
    return {**found, "constraint": "&".join(terms)} if terms else found


def _is_label(label: str) -> bool:
    return _LABEL.fullmatch(label.replace("/", ".")) is not None and "=" not in label


def _grace_s(variables: Mapping[str, str]) -> float:
    text = variables.get("RAY_JOB_STOP_WAIT_TIME_S")
    if text is None:
        return GRACE_S
    try:
        seconds = float(text[:40])
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= GRACE_MAX_S:
        raise Invalid(f"RAY_JOB_STOP_WAIT_TIME_S is {shown(text)}; write seconds, 0 to {GRACE_MAX_S:g}")
    return seconds


def _stop_signal(variables: Mapping[str, str]) -> int:
    text = variables.get("RAY_JOB_STOP_SIGNAL")
    return signals.SIGTERM if text is None else parse_signal(text)
